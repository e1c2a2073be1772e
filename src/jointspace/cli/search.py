"""`jointspace search STORE --text T`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jointspace.cli.output import Json, print_json, print_table


def search(
    store: Annotated[Path, typer.Argument(help="Folder of a store.")],
    text: Annotated[str | None, typer.Option(help="What to look for, in words.")] = None,
    image: Annotated[Path | None, typer.Option(help="A picture to look for.")] = None,
    weights: Annotated[str | None, typer.Option(help="text,image weights of a query of both, e.g. 0.5,1.")] = None,
    k: Annotated[int, typer.Option("-k", help="Number of items.")] = 10,
    where: Annotated[str | None, typer.Option(help="SQL condition on the payload.")] = None,
    space: Annotated[
        str | None, typer.Option(help="Ask with this Space: one that is compatible with the store's.")
    ] = None,
    mode: Annotated[str, typer.Option(help="exact, approximate, text or hybrid.")] = "exact",
    as_json: Json = False,
) -> None:
    """Search a store with words, a picture, or both with weights (which may be negative).

    Example: jointspace search store --text "a red heart" -k 5
    """
    from jointspace.errors import ConfigError
    from jointspace.search.index import Index

    if text is None and image is None:
        raise ConfigError("search needs --text, --image, or both")
    if image is not None and not image.is_file():
        raise ConfigError(f"--image {image}: no such file")
    try:
        parts = [float(w) for w in weights.split(",")] if weights else None
    except ValueError:
        raise ConfigError(f"--weights {weights}: numbers separated by commas, e.g. 0.5,1") from None
    asking = None
    if space is not None:
        from jointspace.space.space import Space

        asking = Space.from_pretrained(space)
    hits = Index.open(store, asking).search(text=text, image=image, weights=parts, k=k, where=where, mode=mode)
    if as_json:
        print_json([{"id": h.id, "score": h.score, "part": h.part, "payload": _plain(h.payload)} for h in hits])
        return
    shown = [{"rank": h.rank, "score": h.score, "id": h.id, **_short(h.payload)} for h in hits]
    print_table(shown)


def _plain(payload: dict[str, Any]) -> dict[str, Any]:
    """Payload without raw bytes: pictures do not belong in a terminal."""
    return {k: v for k, v in payload.items() if not isinstance(v, bytes) and not (isinstance(v, dict) and "bytes" in v)}


def _short(payload: dict[str, Any]) -> dict[str, Any]:
    plain = {k: v for k, v in _plain(payload).items() if v is not None}
    return {k: (v if not isinstance(v, str) or len(v) <= 60 else v[:57] + "...") for k, v in list(plain.items())[:6]}
