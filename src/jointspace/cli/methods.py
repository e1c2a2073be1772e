"""`jointspace methods`"""

from __future__ import annotations

from typing import Annotated

import typer

from jointspace.cli.output import Json, print_json, print_table


def methods(
    name: Annotated[str | None, typer.Argument(help="Show the fields of this method's config.")] = None,
    as_json: Json = False,
) -> None:
    """List the methods that recipes can name, or one method's config fields with their defaults.

    Example: jointspace methods align
    """
    from jointspace import methods as registry

    if name is None:
        rows = [vars(entry) for entry in registry.table().values()]
        print_json(rows) if as_json else print_table(rows, ["name", "family", "summary"])
        return
    import dataclasses

    cls = registry.find(name)
    fields = []
    for f in dataclasses.fields(cls.Config):
        default = f.default_factory() if f.default_factory is not dataclasses.MISSING else f.default
        shown = "(required)" if default is dataclasses.MISSING else str(default)
        fields.append({"field": f.name, "default": shown, "type": str(f.type)})
    if as_json:
        print_json({"name": name, "doc": cls.__doc__, "fields": fields})
        return
    print((cls.__doc__ or "").strip() + "\n")
    print_table(fields)
