"""`jointspace data list | show | check | make`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jointspace.cli.output import Json, print_json, print_table, say

app = typer.Typer(help="Data sets: list the catalogue, look at one, check one, make one.", no_args_is_help=True)
Columns = Annotated[
    list[str] | None, typer.Option("--columns", help="field=column or field=column,column; may be repeated.")
]
LOOK = ["name", "kind", "missing", "distinct", "detail", "example"]
Split = Annotated[str | None, typer.Option(help="Table of a folder, e.g. train or train+validation.")]


@app.command("list")
def list_(
    fields: Annotated[bool, typer.Option("--fields", help="Show each table's columns.")] = False,
    as_json: Json = False,
) -> None:
    """List the data sets of the catalogue: what they are, their licence mark, whether they are on this machine.

    Example: jointspace data list --fields
    """
    from jointspace import world
    from jointspace.data import catalogue

    entries = {name: catalogue.describe(name) for name in catalogue.names()}
    here = {name: catalogue.locate(name) is not None for name in entries}
    if as_json:
        made = [{"name": f"world/{n}", "here": True, **_world_entry(n)} for n in world.names()]
        print_json([{"name": name, "here": here[name], **entry} for name, entry in entries.items()] + made)
        return
    if fields:
        for name, entry in entries.items():
            for table, columns in entry["fields"].items():
                print(f"{name}  {table}  {' '.join(columns)}")
        for name in world.names():
            for table, columns in _world_entry(name)["fields"].items():
                print(f"world/{name}  {table}  {' '.join(columns)}")
        return
    rows = [
        {"name": n, "what": e["what"], "rows": e["rows"], "mark": e["mark"], "here": "yes" if here[n] else ""}
        for n, e in entries.items()
    ]
    rows += [
        {"name": f"world/{n}", "what": world.describe(n), "rows": "any", "mark": "", "here": "yes"}
        for n in world.names()
    ]
    print_table(rows, ["name", "here", "mark", "what", "rows"])
    print("mark: NC non-commercial, R research use, ? licence unknown, blank open. Sets are found in JOINTSPACE_DATA.")
    print("world/...: made by rule, any number of rows; `jointspace data make world/NAME OUT` writes one.")


def _world_entry(name: str) -> dict[str, Any]:
    from jointspace import world

    tables = world.make(name, n=1).tables()
    return {"what": world.describe(name), "fields": {table: list(rows.FIELDS) for table, rows in tables.items()}}


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A catalogue name, file, folder or world/NAME.")],
    controls: Annotated[list[str] | None, typer.Argument(help="key=value of a world set.")] = None,
    split: Split = None,
    seed: Annotated[int, typer.Option(help="Seed of a world set.")] = 0,
    rows: Annotated[int, typer.Option(help="Examples to print; the contact sheet shows 16 times as many.")] = 3,
    out: Annotated[Path | None, typer.Option(help="Write a contact sheet to this PNG (world/NAME: NAME.png).")] = None,
    columns: Columns = None,
    as_json: Json = False,
) -> None:
    """Say what a data set holds: fields, kinds, sizes, languages' scripts, examples; draw a contact sheet.

    Example: jointspace data show emoji --split test --out emoji.png
    """
    if name.startswith("world/"):
        _show_world(name.removeprefix("world/"), rows, seed, out, _controls(controls or []), as_json)
        return
    from jointspace.cli.options import parse_columns, refuse_existing_folder
    from jointspace.data.describe import looks, open_tables, to_json

    if out is not None:
        refuse_existing_folder(out)
    tables = open_tables(name, parse_columns(columns), split)
    if as_json:
        print_json({table: to_json(data) for table, data in tables.items()})
    else:
        _about(name)
        seen: list[list[str]] = []
        for table, data in tables.items():
            title = f"{table}: {len(data):,} rows"
            if data.fields in seen:
                print(f"{title}, same fields")
                continue
            seen.append(data.fields)
            print_table([vars(info) for info in looks(data)], LOOK, title)
            _examples(data, rows)
    if out is not None:
        from jointspace.data.contact_sheet import contact_sheet

        first = next(iter(tables.values()))
        drawn = contact_sheet(first, out, rows=16 * rows)
        say(f"{out}: {drawn} pictures of {first.name}")


def _show_world(name: str, rows: int, seed: int, out: Path | None, controls: dict[str, Any], as_json: bool) -> None:
    """Fields, examples and the contact sheet of a set of the world."""
    import sys

    from PIL import Image

    from jointspace import world
    from jointspace.cli.options import refuse_existing_folder
    from jointspace.data.contact_sheet import draw_sheet

    made = world.make(name, n=16 * rows, seed=seed, **controls)
    out = out or Path(f"{name}.png")
    refuse_existing_folder(out)
    if as_json:
        print_json({"name": f"world/{name}", "what": world.describe(name), "fields": dict(made.FIELDS)})
    else:
        print(f"world/{name}: {world.describe(name)}")
        print_table([{"field": f, "what": what} for f, what in made.FIELDS.items()], ["field", "what"])
        for number in range(rows):
            print(f"row {number}: {made.words(made[number])}")
    cells = [(Image.fromarray(made.portrait(row)), made.words(row)) for row in made]
    wide = max(picture.width / picture.height for picture, _ in cells) > 2.5  # a film strip, a signal
    draw_sheet(cells, out, cell=448 if wide else 112, across=2 if wide else 8)
    say(f"{out}: {len(cells)} rows of world/{name}")
    if sys.stdout.isatty():
        typer.launch(str(out))


def _examples(data: Any, rows: int) -> None:
    for index in range(min(rows, len(data))):
        texts = []
        for name, value in data[index].items():
            shown = f"<{len(value)} bytes>" if isinstance(value, bytes) else " ".join(str(value).split())
            texts.append(f"{name}={shown if len(shown) <= 40 else shown[:39] + '…'}")
        print(f"row {index}: " + "  ".join(texts))


def _about(name: str) -> None:
    from jointspace.data import catalogue

    if name in catalogue.names():
        entry = catalogue.describe(name)
        mark = catalogue.LICENCE_MARKS[entry["mark"]]
        print(f"{name}: {entry['what']}\nlicence: {entry['licence']} ({mark})\nhome: {entry['home']}")


@app.command()
def check(
    path: Annotated[str, typer.Argument(help="A file, folder or catalogue name.")],
    against: Annotated[str | None, typer.Option(help="Also report rows that this file or folder holds.")] = None,
    split: Split = None,
    columns: Columns = None,
    as_json: Json = False,
) -> None:
    """Report bad rows by number: undecodable pictures, empty texts, NaN, odd sampling rates, rows of train in test.

    Exit code 1 where problems are found, 2 where the data cannot be read.

    Example: jointspace data check pairs.parquet --columns image=picture --columns text=caption
    """
    from jointspace.cli.options import parse_columns
    from jointspace.data.check import check as check_data

    report = check_data(path, against, columns=parse_columns(columns), split=split, say=say)
    if as_json:
        print_json(report.to_json())
    else:
        print("\n".join(report.lines()))
    if not report.ok:
        raise typer.Exit(1)


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="A set of the synthetic world: world/NAME.")],
    out: Annotated[Path, typer.Argument(help="Folder to write: a parquet file a table. Or one .parquet file.")],
    controls: Annotated[list[str] | None, typer.Argument(help="key=value of that world set.")] = None,
    n: Annotated[int, typer.Option("--n", help="Rows.")] = 1000,
    seed: Annotated[int, typer.Option(help="Same seed, same rows.")] = 0,
    fields: Annotated[str | None, typer.Option(help="Only these fields, separated by commas.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUT.")] = False,
) -> None:
    """Make a seeded data set of the synthetic world and write it as parquet, pictures and sounds as {bytes, path}.

    Example: jointspace data make world/scenes out/ --n 2000 --seed 1 --fields image,caption,boxes
    """
    from jointspace.data.writing import make_world

    wanted = [f.strip() for f in fields.split(",") if f.strip()] if fields else None
    written = make_world(name, out, n=n, seed=seed, fields=wanted, controls=_controls(controls or []), force=force)
    for path, names in written.items():
        print(f"{path}: fields {', '.join(names)}")


def _controls(texts: list[str]) -> dict[str, Any]:
    import yaml

    from jointspace.errors import ConfigError

    made = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign:
            raise ConfigError(f"{text!r}: the form is key=value")
        made[key] = yaml.safe_load(value)
    return made
