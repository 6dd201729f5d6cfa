"""`undertone bench`: this machine's figures, in one table."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from stream.cli.demo_commands import shipped_scenario
from stream.cli.options import AsJson, ConfigFile, settings_from
from stream.cli.progress import progress_bar
from stream.errors import StopService

if TYPE_CHECKING:
    from stream.bench.figures import Part
    from stream.bench.posts import Corpus


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    app.command()(bench)


def bench(
    parts: Annotated[
        list[str] | None, typer.Argument(metavar="[PART]...", help="Which parts; default: all.")
    ] = None,
    config: ConfigFile = None,
    posts: Annotated[
        Path | None,
        typer.Option(help="A .jsonl[.gz] file of posts in the wire format; default: the demo's."),
    ] = None,
    brands: Annotated[
        Path | None, typer.Option(help="The brands that the posts are searched for.")
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option(help="Labelled rows for agreement; default: those written for the model."),
    ] = None,
    repeats: Annotated[int, typer.Option(help="Of each measurement, in turn.", min=1)] = 5,
    size: Annotated[
        float, typer.Option(help="0.1 takes a tenth of the posts: a look, no result.", min=0.001)
    ] = 1.0,
    device: Annotated[
        Literal["auto", "cpu", "cuda"] | None, typer.Option(help="In place of model.device.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how fast the parts of a post's way are on this machine. Exit 1 where a bar is missed.

    Example: `undertone bench host match --json`
    """
    from models.rows import read_rows
    from models.written import written
    from stream.bench.figures import as_json as for_machines
    from stream.bench.plan import Bench, chosen, measure

    names = chosen(parts or [])
    model = {"model": {"device": device}} if device else {}
    brands = brands or shipped_scenario() / "brands.yaml"
    settings = settings_from(config, log={"level": "error"}, brands={"file": brands}, **model)
    corpus = _corpus(posts, brands)
    labelled = read_rows(rows) if rows else written()
    found = []
    with progress_bar(None, "runs") as advance:
        done = 0

        def tick(_part: str) -> None:
            nonlocal done
            done += 1
            advance(done)

        for name in names:
            with tempfile.TemporaryDirectory(prefix="undertone-bench-") as directory:
                given = Bench(corpus, labelled, settings, Path(directory), repeats, size, tick)
                found.append(measure(name, given))
    print(json.dumps(for_machines(found), indent=1)) if as_json else _show(found)
    missed = [bar.name for part in found for bar in part.bars if not bar.holds]
    if missed:
        raise StopService(f"bars missed: {', '.join(missed)}")


def _corpus(posts: Path | None, brands: Path) -> Corpus:
    from datetime import UTC, datetime

    from stream.bench.posts import corpus
    from stream.catalogue import load_catalogue
    from stream.produce import read_lines
    from stream.scenario import load_scenario, messages

    catalogue = load_catalogue(brands)
    if posts is not None:
        return corpus(read_lines(posts), catalogue, posts.name)

    def ours() -> Iterator[bytes]:
        scenario = load_scenario(shipped_scenario())
        for message in messages(scenario, datetime.now(UTC) - scenario.length):
            if message.expected == "stored" and message.value is not None:
                yield message.value

    return corpus(ours(), catalogue, "the demo's")


def _show(parts: Sequence[Part]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(file=sys.stdout)
    for part in parts:
        table = Table("", "median", "minimum", "maximum", "", title=part.name, title_justify="left")
        for figure in part.figures:
            values = (figure.median, min(figure.values), max(figure.values))
            table.add_row(figure.name, *(_number(value) for value in values), figure.unit)
        console.print(table)
        for bar in part.bars:
            sign = "at most" if bar.at_most else "at least"
            aim = f", aim {_number(bar.aim)}" if bar.aim is not None else ""
            verdict = "holds" if bar.holds else "MISSED"
            console.print(
                f"  {bar.name}: {_number(bar.value)} {bar.unit}".rstrip()
                + f" ({sign} {_number(bar.must)}{aim}): {verdict}",
                highlight=False,
            )
        for note in part.notes:
            console.print(f"  {note}", highlight=False, style="dim")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
