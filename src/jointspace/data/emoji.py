"""The emoji that ship with the package: pictures joined with their names and keywords in any of 111 languages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jointspace.data import catalogue
from jointspace.data.columns import Column, Part, resolve_fields
from jointspace.data.dataset import Dataset
from jointspace.errors import DataError, nearest

SPLITS = ("train", "validation", "test")
TEXTS = ("name", "keywords")
# Latin, Cyrillic, Arabic, Devanagari, Han and kana: the eight that the demo reports beside English, and nine related
# languages that it never trains on.
TRAINED = ("de", "fr", "es", "ru", "ar", "hi", "zh", "ja")
HELD_OUT = ("nb", "da", "ca", "cs", "ur", "mr", "ms", "ro", "bg")
ALIASES = {"nb": "no", "nn": "no"}  # CLDR 41 has one Norwegian, Bokmål, under `no`


@cache
def _names() -> Any:
    return pq.read_table(catalogue.find("emoji") / "names.parquet")


def languages() -> dict[str, str]:
    """Language code -> English name of the language, for all 111."""
    table = _names().select(["lang", "language"]).group_by(["lang", "language"]).aggregate([])
    return dict(sorted(zip(table["lang"].to_pylist(), table["language"].to_pylist(), strict=True)))


def texts(language: str, what: Sequence[str] = TEXTS) -> dict[int, list[str]]:
    """Emoji id -> its texts in one language: the name, then the keywords. Raises DataError for an unknown language."""
    known = languages()
    code = language if language in known else ALIASES.get(language, language)
    if code not in known:
        raise DataError(f"emoji: no language {language!r}{nearest(language, known)}")
    for part in what:
        if part not in TEXTS:
            raise DataError(f"emoji: what must be of name, keywords, got {part!r}{nearest(part, TEXTS)}")
    rows = _names().filter(pc.equal(_names()["lang"], code))
    out: dict[int, list[str]] = {}
    for key, name, keywords in zip(*(rows[c].to_pylist() for c in ("id", "name", "keywords")), strict=True):
        found = ([name] if "name" in what else []) + (list(keywords or ()) if "keywords" in what else [])
        out[key] = [text for text in found if text and text.strip()]
    return out


def load_emoji(
    split: str = "train",
    languages: Sequence[str] | None = None,
    what: Sequence[str] = TEXTS,
    *,
    limit: int | None = None,
) -> Dataset:
    """Pictures of a split (`train`, `validation`, `test`, or several: `train+test`) with their texts.

    languages: codes such as `en`, `de`, `zh_Hant` (None: all 111); what: `name`, `keywords`. One row a picture with
    `text` as the list of choices of all those languages, deduplicated; pictures without a text there are left out (the
    21 newest have no names). With one language and `what=("name",)` every row has one text: that is the evaluation
    set of a language. Fields: image, text, name (English), label (0 to 8), label_name, emoji; ids are the emoji's.
    """
    folder = catalogue.find("emoji")
    every = []
    for name in split.split("+"):
        if name not in SPLITS:
            raise DataError(f"emoji: no split {name!r}{nearest(name, SPLITS)}")
        every.append(pq.read_table(folder / f"{name}.parquet"))
    table = pa.concat_tables(every)
    chosen = tuple(languages) if languages is not None else tuple(sorted(_all()))
    by_language = [texts(language, what) for language in chosen]
    choices = [
        list(dict.fromkeys(t for found in by_language for t in found.get(key, ()))) for key in table["id"].to_pylist()
    ]
    here = pa.array([bool(c) for c in choices])
    table = table.append_column("text", pa.array(choices, pa.list_(pa.string()))).filter(here)
    if limit is not None:
        table = table.slice(0, limit)
    fields = ("image", "text", "name", "label", "label_name", "emoji")
    columns = {name: Column(table[name]) for name in ("id", *fields)}
    specs = resolve_fields({name: name for name in fields}, columns, "emoji")
    return Dataset([Part(f"emoji/{split}", columns, specs, len(table), None, f"emoji/{split}", "id")], name="emoji")


def _all() -> dict[str, str]:
    return languages()
