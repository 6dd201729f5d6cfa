"""Commands that make models: train, average."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from stream.cli.progress import progress_bar
from stream.cli.refusals import refusals
from stream.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    app.command()(train)
    app.command()(average)


def train(
    data: Annotated[Path, typer.Option(help="Labelled rows, .jsonl or .jsonl.gz.")],
    base: Annotated[Path, typer.Option(help="Encoder or model to start from.")],
    out: Annotated[Path, typer.Option(help="Directory the model is written to.")],
    dev: Annotated[Path | None, typer.Option(help="Rows to watch, besides those held out.")] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(help="Settings of models/recipe.py as YAML; the options here win over it."),
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the rows.")] = None,
    minutes: Annotated[float | None, typer.Option(help="End by then, the rate at zero.")] = None,
    batch: Annotated[int | None, typer.Option(help="Rows a batch.")] = None,
    accumulate: Annotated[int | None, typer.Option(help="Batches a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="The highest rate.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw or adam.")] = None,
    peft: Annotated[str | None, typer.Option(help="Train an adapter: lora.")] = None,
    peft_config: Annotated[
        Path | None, typer.Option(help="Or any kind of the peft library, by its JSON.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="Checkpoints without a better dev before it stops.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run cut off.")] = False,
    log: Annotated[Path | None, typer.Option(help="Directory for TensorBoard.")] = None,
    wandb: Annotated[str | None, typer.Option(help="Project at Weights & Biases.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of every random choice.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads; torch's default.")] = None,
) -> None:
    """Fine-tune a classifier on labelled rows.

    Example: `undertone train --data mine.jsonl --base models/default --out my-model --epochs 5`
    """
    given: dict[str, Any] = {
        "data": data,
        "base": base,
        "out": out,
        "dev": dev,
        "epochs": epochs,
        "minutes": minutes,
        "batch": batch,
        "accumulate": accumulate,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "peft": peft,
        "peft_config": peft_config,
        "patience": patience,
        "resume": resume or None,
        "seed": seed,
        "threads": threads,
    }
    from models.recipe import read_recipe

    with refusals(out):
        config = read_recipe(recipe, **{k: v for k, v in given.items() if v is not None})
        from models.run_log import RunLog
        from models.train import train as run

        curves = RunLog(log, wandb, config.record())
        with progress_bar(None, "rows") as bar:
            run(config, typer.echo, bar, curves)
        curves.close()
    print(f"model written to {out}")


def average(
    models: Annotated[
        list[str], typer.Argument(metavar="DIR[:WEIGHT]…", help="Models of one run, or kin.")
    ],
    out: Annotated[Path, typer.Option(help="Directory the model is written to.")],
    fit: Annotated[
        Path | None, typer.Option(metavar="ROWS", help="Labelled rows to fit the temperature on.")
    ] = None,
) -> None:
    """Average the weights of models that come from one another.

    Example: `undertone average before:1 after:2 --out steadier --fit dev.jsonl`
    """
    from models.average import average as run
    from models.rows import read_rows

    if out.exists():
        raise UsageError(f"--out {out}: exists already; name a new directory")
    parts = []
    for text in models:
        path, _, weight = text.rpartition(":")
        try:
            parts.append((Path(path), float(weight)) if path else (Path(text), 1.0))
        except ValueError:
            raise UsageError(f"{text}: {weight!r} is no weight; write DIR or DIR:2") from None
    with refusals(out):
        run(parts, out, read_rows(fit) if fit else [])
    print(f"model written to {out}")
