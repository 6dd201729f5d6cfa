"""Commands that look into the model: why a label, and how it bears with groups and noise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from stream.cli.model_commands import Device, Labels, ModelDirectory, load_model
from stream.cli.options import AsJson
from stream.cli.progress import progress_bar
from stream.cli.refusals import refusals
from stream.errors import StopService, UsageError


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    app.command()(explain)
    app.command()(audit)


def explain(
    text: Annotated[str, typer.Argument(help="What somebody wrote.")],
    target: Annotated[str | None, typer.Option(help="The brand that is asked about.")] = None,
    model: ModelDirectory = None,
    device: Device = "auto",
    labels: Labels = None,
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

    from models import LABELS, Passage
    from models.explain import Explainer
    from models.explain_html import page
    from models.rows import find_target
    from stream.cli.explain_screen import show

    if label is not None and label not in LABELS:
        raise UsageError(f"--label {label}: no such label; use one of {', '.join(LABELS)}")
    scorer = load_model(model, device, labels)
    with refusals():
        explainer = Explainer(scorer, method)
    found = explainer.explain(Passage(text, target, find_target(text, target)), label)
    if html is not None:
        _write(html, page(found, top))
    if as_json:
        print(json.dumps(found.as_dict()))
    else:
        show(found, top, Console(highlight=False))


def audit(
    model: ModelDirectory = None,
    device: Device = "auto",
    labels: Labels = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Rows to perturb; default: 80 texts of our own."),
    ] = None,
    each: Annotated[
        int, typer.Option(help="At most so many rows of --data per source and language.", min=1)
    ] = 40,
    lang: Annotated[
        list[str] | None, typer.Option(help="Only this language; may be given again.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of every change by chance.")] = 7,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write audit.md and audit.json there, too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how the score moves with who is spoken of, and with how a text is written.

    Example: `undertone audit --lang en --lang zh --out audit`
    """
    from models.audit import audit as run
    from models.audit import markdown, own_posts, steps
    from models.audit_texts import read_texts

    texts = {code: own for code, own in read_texts().items() if not lang or code in lang}
    posts = own_posts(texts) if data is None else _posts(data, each, lang)
    if not texts and not posts:
        raise UsageError(f"--lang {' '.join(lang or [])}: no texts; use {', '.join(read_texts())}")
    scorer = load_model(model, device, labels)
    with progress_bar(steps(texts), "steps") as advance:
        found = run(scorer, texts, posts, seed, advance)
    report = f"# Audit of model {scorer.model_hash[:12]}\n\n{markdown(found)}\n"
    record = json.dumps({"model_hash": scorer.model_hash, **found.as_dict()}, ensure_ascii=False)
    if out is not None:
        _write(out / "audit.md", report)
        _write(out / "audit.json", record + "\n")
    print(record if as_json else report, end="\n" if as_json else "")


def _posts(data: Path, each: int, lang: list[str] | None) -> list[Any]:
    """Rows of a file, at most `each` of a source and language."""
    from models.evaluate import sample
    from models.robustness import Post
    from models.rows import read_rows

    with refusals():
        rows = [row for row in read_rows(data) if not lang or row.lang in lang]
    return [Post(row.passage, row.lang or "unknown") for row in sample(rows, each)]


def _write(file: Path, content: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    except OSError as error:
        raise StopService(f"{file}: {error.strerror}; choose another file") from None
