"""The command `export`: a model as one ONNX file, and how near its answers are to the model's."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stream.cli.model_commands import Labels, ModelDirectory
from stream.cli.options import AsJson
from stream.cli.refusals import refusals
from stream.errors import UsageError


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(export)


def export(
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file; default: the user's cache.")
    ] = None,
    model: ModelDirectory = None,
    precision: Annotated[str, typer.Option(help="int8 or fp32.")] = "int8",
    calibrate: Annotated[
        Path | None,
        typer.Option(
            metavar="ROWS",
            help="Rows to calibrate on; default: what the model keeps, or posts of our own.",
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(metavar="ROWS", help="Labelled rows to compare with fp32 torch."),
    ] = None,
    each: Annotated[
        int, typer.Option(help="At most so many rows of --check per source and language.", min=1)
    ] = 80,
    prepare: Annotated[
        bool,
        typer.Option(
            "--prepare", help="Only keep in MODEL what it is calibrated by, for quick first starts."
        ),
    ] = False,
    threads: Annotated[int | None, typer.Option(help="Of both, for --check.", min=1)] = None,
    labels: Labels = None,
    as_json: AsJson = False,
) -> None:
    """Write a model as ONNX, in 8 bits for CPUs.

    Example: `undertone export --check test.jsonl.gz`
    """
    from models import load_classifier
    from models.agreement import compare
    from models.evaluate import sample
    from models.export import file_for
    from models.export import prepare as keep_calibration
    from models.onnx_backend import OnnxBackend
    from models.passage import window
    from models.rows import read_rows
    from stream.service import SHIPPED_MODEL

    if precision not in ("int8", "fp32"):
        raise UsageError(f"--precision {precision}: write int8 or fp32")
    if prepare and (out or calibrate or check):
        raise UsageError(
            "--prepare takes no --out, --calibrate or --check: write the file without it"
        )
    if calibrate and not out:
        raise UsageError("--calibrate needs --out FILE: the cache holds what is made by default")
    with refusals(out):
        exact = load_classifier(
            model or SHIPPED_MODEL, device="cpu", backend="torch", threads=threads, labels=labels
        )
        if prepare:
            kept = str(keep_calibration(exact))
            print(json.dumps({"file": kept}) if as_json else f"{kept}: kept")
            return
        texts = [window(r.passage) for r in read_rows(calibrate)] if calibrate else None
        file = file_for(exact, "int8" if precision == "int8" else "fp32", texts, out)
        found = None
        if check:
            other = exact.on(OnnxBackend(file, exact.encoder.pad_id, threads))
            found = compare(exact, other, sample(read_rows(check), each))
    if as_json:
        print(json.dumps({"file": str(file)} | (asdict(found) if found else {})))
        return
    print(f"{file}: {file.stat().st_size / 1e6:.0f} MB")
    if found:
        print(
            f"{found.rows} rows: labels equal {100 * found.labels_equal:.2f} %, macro-F1 "
            f"{100 * found.macro_f1_exact:.2f} in fp32 and {100 * found.macro_f1_other:.2f} here; "
            f"probabilities differ by {found.largest_difference:.3f} at most, "
            f"{found.mean_difference:.4f} on average; a row alone and in a batch by "
            f"{found.largest_with_neighbours:.4f} at most; "
            f"{found.rows_per_second_exact:.0f} rows/s in fp32, "
            f"{found.rows_per_second_other:.0f} here"
        )
