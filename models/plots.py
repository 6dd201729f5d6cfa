"""An evaluation as pictures: is it sure when it is right, what does it mix up, where is it weak.

Drawn with matplotlib, which only this needs (extra `train`): it is imported when something is
drawn. No part of it that keeps state of its own (pyplot) is used.
"""

from __future__ import annotations

import math
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.errors import ExtraMissing
from models.evaluate import Report
from models.figures import Calibration, Figures
from models.report import shown
from models.rows import LABELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 24
"""Sources shown in a picture, those with most rows; more could not be read."""

BARS = 120
"""Sources and languages shown as bars."""

_BLUE, _PALE, _GREY = "#2f6690", "#9fc0d9", "#888888"


def check_installed() -> None:
    """Raises ExtraMissing without matplotlib: better before an hour of scoring than after."""
    if find_spec("matplotlib") is None:
        raise ExtraMissing("plots need matplotlib: pip install 'undertone[train]'")


def draw(report: Report, out: Path) -> list[Path]:
    """Writes the pictures as PNG into `out`, which is made if need be; their paths.

    Raises ExtraMissing without matplotlib.
    """
    check_installed()
    import matplotlib as mpl

    out.mkdir(parents=True, exist_ok=True)
    # names come from the data: a "$" in one is no formula, and a script the font lacks is no error
    with mpl.rc_context({"text.parse_math": False, "font.size": 9}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        pictures = {
            "macro-f1.png": _bars(report),
            "reliability.png": _reliability(report),
            "confusion.png": _confusion(report),
        }
        for name, picture in pictures.items():
            picture.savefig(out / name, dpi=110)
    return [out / name for name in pictures]


def _bars(report: Report) -> Figure:
    """Macro-F1 with its interval per source, its languages below it."""
    parts = report.sources[:BARS]
    figure = _figure(7, 1.0 + 0.22 * len(parts))
    axes = figure.subplots()
    places = np.arange(len(parts))
    values = np.array([100 * f.macro_f1 for f in parts])
    low, high = 100 * np.array([f.intervals["macro_f1"] for f in parts]).T
    # where rows are few, the interval may lie beside the figure
    reach = np.maximum([values - low, high - values], 0)
    languages = {f.source for f in parts if not f.lang}
    colours = [_PALE if f.lang and f.source in languages else _BLUE for f in parts]
    axes.barh(places, values, xerr=reach, color=colours, ecolor="#333333", height=0.7)
    axes.set_yticks(places, [f"{_name(f)} ({f.rows})" for f in parts])
    axes.invert_yaxis()
    axes.set_xlim(0, 101)
    axes.margins(y=0.01)
    axes.set_xlabel("macro-F1 with 95 % interval; number of rows in brackets")
    axes.grid(axis="x", color="#dddddd")
    axes.set_axisbelow(True)
    return figure


def _reliability(report: Report) -> Figure:
    """Confidence against the share of right answers: of all rows, then per source."""
    panels: list[tuple[str, Calibration]] = [("all rows", report.calibration)]
    panels += [(_name(f), f.calibration) for f in _sources(report) if f.calibration]
    figure, all_axes = _panels(len(panels))
    for axes, (name, calibration) in zip(all_axes, panels, strict=True):
        bins = calibration.bins
        rows = sum(one.rows for one in bins)
        axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--")
        width = bins[0].high - bins[0].low
        # pale where few answers lie: such a bar says little
        for one in bins:
            axes.bar(
                one.low,
                one.accuracy,
                width,
                align="edge",
                color=_BLUE,
                edgecolor="white",
                alpha=0.3 + 0.7 * min(1.0, 10 * one.rows / rows),
            )
        axes.set_xlim(0.3, 1)
        axes.set_ylim(0, 1)
        axes.set_title(f"{name}: ECE {100 * calibration.ece:.1f}", fontsize=9)
        axes.set_xlabel("confidence")
        axes.set_ylabel("share right")
    return figure


def _confusion(report: Report) -> Figure:
    """Rows are the label sought; a row's shades sum to one, the numbers are counts."""
    parts = _sources(report)
    figure, all_axes = _panels(len(parts))
    for axes, f in zip(all_axes, parts, strict=True):
        counts = np.array(f.confusion)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), number in np.ndenumerate(counts):
            dark = shares[row, column] > 0.5
            axes.text(
                column,
                row,
                str(number),
                ha="center",
                va="center",
                color="white" if dark else "black",
            )
        axes.set_xticks(range(len(LABELS)), [label[:3] for label in LABELS])
        axes.set_yticks(range(len(LABELS)), [label[:3] for label in LABELS])
        axes.set_xlabel("given")
        axes.set_ylabel("sought")
        axes.set_title(_name(f), fontsize=9)
    return figure


def _sources(report: Report) -> list[Figures]:
    """The figures of whole sources, at most PANELS: those with most rows, in their order."""
    seen: dict[str, Figures] = {}
    for f in report.sources:
        seen.setdefault(f.source, f)  # the whole source stands before its languages
    most = sorted(seen.values(), key=lambda f: -f.rows)[:PANELS]
    return [f for f in seen.values() if f in most]


def _panels(number: int) -> tuple[Figure, list[Axes]]:
    columns = min(4, number)
    rows = math.ceil(number / columns)
    figure = _figure(2.6 * columns, 2.6 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in axes[number:]:
        unused.set_axis_off()
    return figure, list(axes[:number])


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _name(f: Figures) -> str:
    return " ".join(part for part in (shown(f.source), shown(f.lang)) if part) or "–"
