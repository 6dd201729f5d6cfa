"""Commands of the classifier: score, evaluate, train."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from stream.cli.options import AsJson
from stream.cli.progress import progress_bar
from stream.errors import StopService, UsageError

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


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    app.command()(score)
    app.command(name="eval")(evaluate)
    app.command()(train)


def score(model: ModelDirectory = None, device: Device = "auto", labels: Labels = None) -> None:
    """Score lines {"text", "target"?} of standard input; one line out per line in, in order.

    Example: `echo '{"text": "Acme broke again", "target": "Acme"}' | undertone score`
    """
    from models import LABELS, Passage
    from models.rows import find_target

    scorer = _load(model, device, labels)
    lines = enumerate(sys.stdin.buffer, 1)
    while chunk := list(islice(lines, _LINES_AT_ONCE)):
        passages = []
        for number, line in chunk:
            text, target = _text_and_target(number, line)
            passages.append(Passage(text, target, find_target(text, target)))
        for row in scorer.score(passages):
            probabilities = dict(zip(LABELS, (round(float(p), 4) for p in row), strict=True))
            label = LABELS[int(row.argmax())]
            mood = round(float(row[2] - row[0]), 4)
            print(json.dumps({"label": label, **probabilities, "score": mood}))
        sys.stdout.flush()


def _text_and_target(number: int, line: bytes) -> tuple[str, str | None]:
    try:
        message: Any = json.loads(line)
        text, target = message["text"], message.get("target")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(
            f'line {number}: not {{"text": …, "target"?: …}}; mend or leave out the line'
        ) from None
    if not isinstance(text, str) or not isinstance(target, str | None):
        raise UsageError(f"line {number}: text and target must be strings")
    return text, target


def evaluate(
    data: Annotated[Path, typer.Argument(help="Labelled rows, .jsonl or .jsonl.gz.")],
    model: ModelDirectory = None,
    device: Device = "auto",
    labels: Labels = None,
    each: Annotated[
        int | None, typer.Option(help="At most so many rows per source and language.", min=1)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on labelled rows, per source and language.

    Example: `undertone eval test.jsonl.gz --each 200`
    """
    from models import DataRefused
    from models.evaluate import evaluate as measure
    from models.evaluate import sample, table
    from models.rows import read_rows

    scorer = _load(model, device, labels)
    try:
        rows = read_rows(data)
    except DataRefused as error:
        raise UsageError(str(error)) from None
    rows = sample(rows, each) if each else rows
    with progress_bar(len(rows), "rows") as advance:
        report = measure(scorer, rows, advance)
    if as_json:
        print(json.dumps(asdict(report)))
    else:
        print(f"{table(report)}\n\n{report.rows} rows, {report.rows_per_second:.0f} rows/s")


def train(
    data: Annotated[Path, typer.Option(help="Labelled rows, .jsonl or .jsonl.gz.")],
    base: Annotated[Path, typer.Option(help="Encoder to start from.")],
    out: Annotated[Path, typer.Option(help="Directory the model is written to.")],
    dev: Annotated[Path | None, typer.Option(help="Rows to watch, besides those held out.")] = None,
    minutes: Annotated[float, typer.Option(help="The run is planned to end by then.")] = 60.0,
    seed: Annotated[int, typer.Option(help="Seed of every random choice.")] = 7,
) -> None:
    """Fine-tune a classifier on labelled rows.

    Example: `undertone train --data train.jsonl.gz --base models/default --out my-model`
    """
    from models import ModelError
    from models.train import TrainConfig
    from models.train import train as run

    config = TrainConfig(data=data, base=base, out=out, dev=dev, minutes=minutes, seed=seed)
    try:
        made = run(config)
    except ModelError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise StopService(f"{error.filename or out}: {error.strerror}") from None
    print(f"model written to {made}")


def _load(model: Path | None, device: str, labels: str | None) -> Any:
    from models import ModelError, load_classifier
    from stream.service import SHIPPED_MODEL

    try:
        return load_classifier(model or SHIPPED_MODEL, device=device, labels=labels)
    except ModelError as error:
        raise UsageError(str(error)) from None
