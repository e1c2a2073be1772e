"""The verbs, in the order a user meets them."""

from __future__ import annotations

from typing import Annotated

import typer

from jointspace import __version__
from jointspace.cli import data, runs
from jointspace.cli.compare import compare
from jointspace.cli.compress import compress
from jointspace.cli.demo import demo
from jointspace.cli.doctor import doctor
from jointspace.cli.encode import encode
from jointspace.cli.evaluate import evaluate
from jointspace.cli.index import index
from jointspace.cli.init import init
from jointspace.cli.merge import merge
from jointspace.cli.methods import methods
from jointspace.cli.reindex import reindex
from jointspace.cli.reproduce import reproduce
from jointspace.cli.search import search
from jointspace.cli.systems import systems
from jointspace.cli.train import train
from jointspace.cli.upgrade import upgrade

app = typer.Typer(
    name="jointspace",
    help="Learn, judge, adapt, merge, search and serve joint embedding spaces. "
    "Results go to stdout, progress to stderr; --debug shows the trace of an error.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        print(f"jointspace {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Learn, judge, adapt, merge, search and serve joint embedding spaces."""


app.command()(demo)
app.command()(init)
app.command()(train)
app.command()(encode)
app.command()(evaluate)
app.command()(compare)
app.command()(index)
app.command()(search)
app.command()(reindex)
app.command()(merge)
app.command()(compress)
app.command()(upgrade)
app.add_typer(data.app, name="data")
app.command()(systems)
app.command()(methods)
app.add_typer(runs.app, name="runs")
app.command()(doctor)
app.command()(reproduce)
