"""Commands that look into the model: why a label, and how it bears with groups and noise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from stream.cli.model_commands import Device, ModelDirectory
from stream.cli.options import AsJson
from stream.errors import StopService, UsageError


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    app.command()(explain)


def explain(
    text: Annotated[str, typer.Argument(help="What somebody wrote.")],
    target: Annotated[str | None, typer.Option(help="The brand that is asked about.")] = None,
    model: ModelDirectory = None,
    device: Device = "auto",
    method: Annotated[
        str, typer.Option(help="gradients (needs captum), occlusion, or auto.")
    ] = "auto",
    label: Annotated[
        str | None, typer.Option(help="Label to explain; default: the one the model gives.")
    ] = None,
    top: Annotated[int, typer.Option(help="Words to list.", min=0)] = 8,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page to look at, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which words made the model say what it says.

    Example: `undertone explain "Acme is great, my old Zenith was a pain" --target Zenith`
    """
    from rich.console import Console

    from models import LABELS, ModelError, Passage
    from models.explain import Explainer
    from models.explain_html import page
    from models.rows import find_target
    from stream.cli.explain_screen import show

    if label is not None and label not in LABELS:
        raise UsageError(f"--label {label}: no such label; use one of {', '.join(LABELS)}")
    scorer = _load(model, device)
    try:
        explainer = Explainer(scorer, method)
    except ModelError as error:
        raise UsageError(str(error)) from None
    found = explainer.explain(Passage(text, target, find_target(text, target)), label)
    if html is not None:
        _write(html, page(found, top))
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        show(found, top, Console(highlight=False))


def _write(file: Path, content: str) -> None:
    try:
        file.write_text(content, encoding="utf-8")
    except OSError as error:
        raise StopService(f"{file}: {error.strerror}; choose another file") from None


def _load(model: Path | None, device: str) -> Any:
    from models import ModelError, load_classifier
    from stream.service import SHIPPED_MODEL

    try:
        return load_classifier(model or SHIPPED_MODEL, device=device)
    except ModelError as error:
        raise UsageError(str(error)) from None
