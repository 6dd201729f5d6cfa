"""An evaluation as people and machines read it: a table, Markdown, JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from models.evaluate import Report
from models.figures import BINS, Figures, Interval
from models.rows import LABELS


def table(report: Report) -> str:
    """The figures per source and language as a Markdown table that lines up in a terminal too."""
    lines = [
        (
            "source",
            "language",
            "rows",
            "macro-F1 (95 %)",
            "macro-recall",
            "accuracy",
            "F1 neg/neu/pos",
            "ECE",
        )
    ]
    for f in report.sources:
        lines.append(
            (
                shown(f.source) or "–",
                shown(f.lang) or "all",
                str(f.rows),
                f"{_points(f.macro_f1)} {_range(f.intervals['macro_f1'])}",
                _points(f.macro_recall),
                f"{_points(f.accuracy)}{'*' if f.two_class else ' '}",
                " ".join(f"{_f1(f, label):>5}" for label in LABELS),
                "" if f.calibration is None else _points(f.calibration.ece),
            )
        )
    return _grid(lines, numbers_from=2)


def summary(report: Report) -> str:
    """The table and what does not fit in it: a few lines for the terminal."""
    lines = [table(report), ""]
    if any(f.two_class for f in report.sources):
        lines.append("*: two classes, no row is neutral, and a neutral answer is wrong")
    for mean in report.language_means:
        lines.append(
            f"{shown(mean.source) or '–'}, mean of {mean.languages} languages: "
            f"macro-F1 {_points(mean.macro_f1)} {_range(mean.interval)}"
        )
    for t in report.targets:
        lines.append(
            f"{shown(t.source)}, sentences with several targets, all targets right: "
            f"{t.right} of {t.sentences}, {_points(t.share)} % {_range(t.interval)}"
        )
    lines.append(
        f"calibration error of all rows (ECE, {BINS} bins): {_points(report.calibration.ece)}"
    )
    if report.skipped:
        lines.append(f"bad lines passed over: {report.skipped}")
    lines.append(
        f"{report.rows} rows, {report.rows_per_second:.0f} rows/s, model {report.model_hash[:12]}"
    )
    return "\n".join(lines)


def to_json(report: Report) -> str:
    """Everything, as one line. The keys are the fields of `models.evaluate.Report`."""
    return json.dumps(asdict(report))


def markdown(report: Report, pictures: Sequence[str] = ()) -> str:
    """The summary, the pictures, and each group's classes and confusion matrix."""
    head, _, notes = summary(report).partition("\n\n")
    parts = ["# Evaluation", head, *notes.splitlines()]
    parts += [f"![{name.removesuffix('.png')}]({name})" for name in pictures]
    for f in report.sources:
        parts += [f"## {shown(f.source) or '–'}, {shown(f.lang) or 'all languages'}", _classes(f)]
    return "\n\n".join(parts) + "\n"


def write(report: Report, out: Path, pictures: Sequence[Path] = ()) -> list[Path]:
    """report.md, which shows the pictures, and report.json in `out`, which is made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    prose, figures = out / "report.md", out / "report.json"
    prose.write_text(markdown(report, [p.name for p in pictures]), encoding="utf-8")
    figures.write_text(to_json(report) + "\n", encoding="utf-8")
    return [prose, figures]


def shown(name: str) -> str:
    """A name from the data that breaks neither a table nor a terminal."""
    clean = name.encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() and c != "|" else "?" for c in clean)[:40]


def _classes(f: Figures) -> str:
    lines: list[tuple[str, ...]] = [
        ("label", "precision", "recall", "F1", "rows", *(f"given as {label}" for label in LABELS))
    ]
    for label, given in zip(LABELS, f.confusion, strict=True):
        one = f.classes[label]
        rates = (_points(one.precision), _points(one.recall), _points(one.f1))
        lines.append((label, *rates, str(one.support), *map(str, given)))
    return _grid(lines, numbers_from=1)


def _grid(lines: Sequence[Sequence[str]], numbers_from: int) -> str:
    """A padded Markdown table; columns from `numbers_from` on stand to the right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    rows = []
    for line in lines:
        cells = [
            cell.ljust(width) if i < numbers_from else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        rows.append(f"| {' | '.join(cells)} |")
    rule = [
        "-" * width if i < numbers_from else "-" * (width - 1) + ":"
        for i, width in enumerate(widths)
    ]
    return "\n".join([rows[0], f"| {' | '.join(rule)} |", *rows[1:]])


def _f1(f: Figures, label: str) -> str:
    return _points(f.classes[label].f1) if f.classes[label].support else "–"


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


def _range(ends: Interval) -> str:
    return f"({_points(ends[0])}–{_points(ends[1])})"
