"""Commands of the classifier: score, evaluate."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stream.cli.options import AsJson
from stream.cli.progress import progress_bar
from stream.cli.refusals import refusals
from stream.logs import escape

if TYPE_CHECKING:
    from models.lines import BadLines

_LINES_AT_ONCE = 512

ModelDirectory = Annotated[
    Path | None, typer.Option("--model", metavar="DIR", help="Model directory; default: shipped.")
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Labels = Annotated[
    str | None,
    typer.Option(
        help="What the model's own labels mean: NAME=negative,NAME=neutral,NAME=positive."
    ),
]

SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Pass over lines that cannot be used, and count them.")
]


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    app.command()(score)
    app.command(name="eval")(evaluate)


def score(
    model: ModelDirectory = None,
    device: Device = "auto",
    labels: Labels = None,
    skip_bad: SkipBad = False,
) -> None:
    """Score lines {"text", "target"?} of standard input; one line out per line in, in order.

    A line that is none stops it; with --skip-bad it gives no line of output and is counted.

    Example: `echo '{"text": "Acme broke again", "target": "Acme"}' | undertone score`
    """
    from models import LABELS
    from models.lines import BadLines, parse_lines
    from models.passage import window
    from models.rows import passage_of
    from stream.score import UNIT, to_units

    scorer = load_model(model, device, labels)
    bad, done = BadLines(skip_bad), 0
    # each text is cut at once, so that a chunk of long ones holds no more than one of short ones
    passages = parse_lines(
        enumerate(sys.stdin.buffer, 1), "line ", lambda line: window(passage_of(line)), bad
    )
    with refusals(), _bar_over_input() as advance:
        while chunk := list(islice(passages, _LINES_AT_ONCE)):
            for units in to_units(scorer.score(chunk)):
                shares = {label: u / UNIT for label, u in zip(LABELS, units, strict=True)}
                label = LABELS[units.index(max(units))]
                mood = (units[2] - units[0]) / UNIT
                print(json.dumps({"label": label, **shares, "score": mood}))
            sys.stdout.flush()
            done += len(chunk)
            advance(done + bad.count)
    _say_skipped(bad)


def _bar_over_input() -> AbstractContextManager[Callable[[int], None]]:
    """A bar where standard input is a file and no terminal needs the place for the answers."""
    file = sys.stdin.buffer
    if not sys.stderr.isatty() or sys.stdout.isatty() or not file.seekable():
        return nullcontext(lambda done: None)
    here = file.tell()
    total = sum(1 for _ in file)
    file.seek(here)
    return progress_bar(total, "lines")


def _say_skipped(bad: BadLines) -> None:
    if bad.count:
        lines = "1 bad line" if bad.count == 1 else f"{bad.count} bad lines"
        print(escape(f"undertone: passed over {lines}; the first: {bad.first}"), file=sys.stderr)


def evaluate(
    data: Annotated[Path, typer.Argument(help="Labelled rows, .jsonl or .jsonl.gz.")],
    model: ModelDirectory = None,
    device: Device = "auto",
    labels: Labels = None,
    skip_bad: SkipBad = False,
    each: Annotated[
        int | None, typer.Option(help="At most so many rows per source and language.", min=1)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write report.md, report.json and plots there."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on labelled rows, per source and language.

    Example: `undertone eval test.jsonl.gz --each 200 --out report`
    """
    from models.evaluate import evaluate as measure
    from models.evaluate import sample
    from models.lines import BadLines
    from models.plots import check_installed, draw
    from models.report import summary, to_json, write
    from models.rows import read_rows

    bad = BadLines(skip_bad)
    with refusals(out):
        if out:
            check_installed()
        scorer = load_model(model, device, labels)
        rows = read_rows(data, bad)
        rows = sample(rows, each) if each else rows
        with progress_bar(len(rows), "rows") as advance:
            report = measure(scorer, rows, advance, skipped=bad.count)
        pictures = draw(report, out) if out else []
        written = write(report, out, pictures) if out else []
    print(to_json(report) if as_json else summary(report))
    if written:
        print(f"written: {', '.join(map(str, [*written, *pictures]))}", file=sys.stderr)
    _say_skipped(bad)


def load_model(model: Path | None, device: str, labels: str | None) -> Any:
    """The classifier in a directory, the shipped one without."""
    from models import load_classifier
    from stream.service import SHIPPED_MODEL

    with refusals():
        return load_classifier(model or SHIPPED_MODEL, device=device, labels=labels)
