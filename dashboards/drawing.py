"""What one panel shows, as HTML: numbers, lines, bars, strips and tables. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from dashboards.charts import colour_of, over_time, strips
from dashboards.macros import Look
from dashboards.palette import INK
from dashboards.reading import look_of
from dashboards.units import told

Row = Sequence[Any]
ROW = 36
"""Pixels of a table's row, and of its head."""


@dataclass(frozen=True)
class Answer:
    """What a statement answered. `shaded` are spans of time that are marked on every time axis."""

    names: Sequence[str]
    rows: Sequence[Row]
    shape: str
    look: Look
    shaded: Sequence[tuple[datetime, datetime]]


def drawn(panel: dict[str, Any], answer: Answer, size: tuple[float, float]) -> str:
    """A panel's inside, of a width and height in pixels."""
    if not answer.rows:
        return f'<p class="soft">{escape(_defaults(panel)["noValue"])}</p>'
    kind = panel["type"]
    if kind == "timeseries":
        return over_time(
            panel, series_of(answer), (answer.look.since, answer.look.until), answer.shaded, size
        )
    if kind == "status-history":
        return strips(panel, series_of(answer), (answer.look.since, answer.look.until), size)
    if kind == "stat":
        return _numbers(panel, answer)
    if kind in ("bargauge", "barchart"):
        return _bars(panel, answer, size)
    return _table(panel, answer, size[1])


def series_of(answer: Answer) -> dict[str, list[tuple[datetime, float | None]]]:
    """Values over time by the name of their series."""
    found: dict[str, list[tuple[datetime, float | None]]] = {}
    long = isinstance(answer.rows[0][1], str)
    for time, *values in answer.rows:
        named = {values[0]: values[1]} if long else dict(zip(answer.names[1:], values, strict=True))
        for name, value in named.items():
            found.setdefault(name, []).append((time, value))
    return found


def _numbers(panel: dict[str, Any], answer: Answer) -> str:
    """The values of the only row, or the sum of a series."""
    if answer.shape == "timeSeries":
        values = {answer.names[1]: sum(row[1] or 0 for row in answer.rows)}
    else:
        values = dict(zip(answer.names, answer.rows[0], strict=True))
    named = panel["options"]["textMode"] == "value_and_name"
    unit, steps = _defaults(panel)["unit"], _defaults(panel)["thresholds"]["steps"]
    shown = "".join(
        f"<div>{f'<i>{escape(name)}</i>' if named else ''}"
        f'<b style="color:{colour_of(steps, value or 0)}">'
        f"{escape(told(value, unit, answer.look.until))}</b></div>"
        for name, value in values.items()
    )
    return f'<div class="numbers">{shown}</div>'


def _bars(panel: dict[str, Any], answer: Answer, size: tuple[float, float]) -> str:
    width, height = size
    steps, unit = _defaults(panel)["thresholds"]["steps"], _defaults(panel)["unit"]
    values = [float(row[1]) for row in answer.rows]
    low, high = min(0.0, *values), max(0.0, *values)
    pitch, left = min(34.0, height / len(values)), 110.0
    scale = (width - left - 70) / ((high - low) or 1)
    zero = left + (-low * scale) + (40 if low else 0)
    parts = []
    for number, (row, value) in enumerate(zip(answer.rows, values, strict=True)):
        y, length = number * pitch, abs(value) * scale
        x = zero if value >= 0 else zero - length
        at = zero + length + 6 if value >= 0 else x - 44
        parts.append(
            f'<text x="0" y="{y + pitch * 0.6:.1f}">{escape(str(row[0]))}</text>'
            f'<rect x="{x:.1f}" y="{y + 3:.1f}" width="{length:.1f}" height="{pitch - 8:.1f}" '
            f'fill="{colour_of(steps, value)}"/>'
            f'<text x="{at:.1f}" y="{y + pitch * 0.6:.1f}">{told(value, unit)}</text>'
        )
    return f'<svg width="{width:.0f}" height="{height:.0f}">{"".join(parts)}</svg>'


def _table(panel: dict[str, Any], answer: Answer, height: float) -> str:
    """As many rows as there is room for."""
    looks = [look_of(panel, name) for name in answer.names]
    shown = [n for n, look in enumerate(looks) if not look.get("custom.hidden")]
    sides = [_side(column) for column in zip(*answer.rows, strict=True)]
    head = "".join(
        f'<th style="{sides[n]}{_width(looks[n])}">{escape(answer.names[n])}</th>' for n in shown
    )
    body = "".join(
        "<tr>" + "".join(_cell(row[n], sides[n], looks[n], panel) for n in shown) + "</tr>"
        for row in answer.rows[: int(height / ROW) - 1]
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any, style: str, look: dict[str, Any], panel: dict[str, Any]) -> str:
    unit = look.get("unit", _defaults(panel)["unit"])
    kind = look.get("custom.cellOptions", {}).get("type")
    if value is not None and "thresholds" in look:
        colour = colour_of(look["thresholds"]["steps"], value)
        style += f"color:{colour}"
        if kind == "color-background":
            style += f";background:{colour};color:{_readable_on(colour)}"
    for mapping in look.get("mappings", []):
        if value in mapping["options"]:
            style += f"color:{mapping['options'][value]['color']}"
    if look.get("links"):
        style += ";text-decoration:underline"
    return f'<td style="{style}">{escape(told(value, unit))}</td>'


def _width(look: dict[str, Any]) -> str:
    """Its own; columns without one share what is left."""
    return f"width:{look['custom.width']}px" if "custom.width" in look else ""


def _side(column: Sequence[Any]) -> str:
    """Numbers to the right, as Grafana has them."""
    return "text-align:right;" if any(isinstance(v, int | float) for v in column) else ""


def _readable_on(colour: str) -> str:
    """Dark ink on light grounds, light ink on dark ones."""
    return "#14171b" if sum(bytes.fromhex(colour[1:])) > 330 else INK


def _defaults(panel: dict[str, Any]) -> dict[str, Any]:
    defaults: dict[str, Any] = panel["fieldConfig"]["defaults"]
    return defaults
