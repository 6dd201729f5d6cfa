"""Charts over time as SVG: lines with bands, stacked bars, and strips of coloured cells. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import groupby, pairwise
from typing import Any

from dashboards.palette import INK, LINE, NEGATIVE
from dashboards.reading import look_of, nice_step
from dashboards.units import told

Series = Mapping[str, Sequence[tuple[datetime, float | None]]]
Span = tuple[datetime, datetime]

_LEFT, _UNDER = 52, 40
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def over_time(
    panel: dict[str, Any],
    series: Series,
    span: Span,
    shaded: Sequence[Span],
    size: tuple[float, float],
) -> str:
    """Lines or bars, with what is shaded behind them and a legend beneath."""
    defaults = panel["fieldConfig"]["defaults"]
    bars = defaults["custom"]["drawStyle"] == "bars"
    looks = {name: _look(panel, name) for name in series}
    if bars:
        tops = [sum(filter(None, values)) for values in zip(*_values(series), strict=False)]
    else:
        tops = [value for values in _values(series) for value in values if value is not None]
    low, most = defaults.get("min") or 0, defaults.get("max") or max(tops, default=1) or 1
    step = _round_step((most - low) / 4)
    top = low + step * math.ceil((most - low) / step)
    width, height = size[0], size[1] - _UNDER
    x, y = _across(span, width), _up(low, top, height)
    parts = [_shade(s, x, span, height) for s in shaded]
    for part in range(round((top - low) / step) + 1):
        value = low + step * part
        parts.append(
            f'<line x1="{_LEFT}" x2="{width:.0f}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
            f'stroke="{LINE}"/><text x="{_LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">'
            f"{told(value, defaults['unit'])}</text>"
        )
    after = defaults["custom"].get("barAlignment") != -1
    inside = _stacked(series, looks, x, y, after) if bars else _lines(series, looks, x, y)
    # One SVG in another cuts what lies outside of it.
    place = f'width="{width - _LEFT:.0f}" height="{height + 2:.0f}"'
    seen = f'viewBox="{_LEFT} 0 {width - _LEFT:.0f} {height + 2:.0f}"'
    parts += [f'<svg x="{_LEFT}" {place} {seen}>', *inside, "</svg>"]
    parts += [_times(span, x, height, width), _legend(list(series), looks, height + 34, width)]
    return f'<svg width="{width:.0f}" height="{size[1]:.0f}">{"".join(parts)}</svg>'


def strips(panel: dict[str, Any], series: Series, span: Span, size: tuple[float, float]) -> str:
    """A row of cells for each series, coloured by value."""
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    left, (width, height) = 92, (size[0], size[1] - 22)
    pitch = min(46.0, height / len(series))
    step = _step(series, timedelta(hours=1))
    x = _across(span, width, left)
    wide = max(1.5, x(span[0] + step) - x(span[0]) - 0.6)
    parts = []
    for number, (name, values) in enumerate(sorted(series.items())):
        top = number * pitch
        parts.append(f'<text x="0" y="{top + pitch * 0.6:.1f}">{escape(name[:14])}</text>')
        parts += [
            f'<rect x="{x(max(time, span[0])):.1f}" y="{top + 1:.1f}" width="{wide:.1f}" '
            f'height="{pitch - 3:.1f}" fill="{colour_of(steps, value)}"/>'
            for time, value in values
            if value is not None
        ]
    parts.append(_times(span, x, pitch * len(series), width))
    return f'<svg width="{width:.0f}" height="{size[1]:.0f}">{"".join(parts)}</svg>'


def _lines(series: Series, looks: Mapping[str, Any], x: Any, y: Any) -> list[str]:
    parts = []
    for name, values in series.items():
        low = looks[name].get("custom.fillBelowTo")
        if low:
            parts += _band(values, series[low], x, y, looks[name]["colour"])
        if looks[name].get("custom.lineWidth") == 0:
            continue
        for known, run in groupby(values, key=lambda point: point[1] is not None):
            if known:
                points = [(x(time), y(value)) for time, value in run]
                path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
                parts.append(
                    f'<polyline points="{path}" fill="none" stroke="{looks[name]["colour"]}" '
                    'stroke-width="1.8" stroke-linejoin="round"/>'
                    if len(points) > 1
                    else f'<circle cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="2" '
                    f'fill="{looks[name]["colour"]}"/>'
                )
    return parts


def _band(high: Any, low: Any, x: Any, y: Any, colour: str) -> list[str]:
    parts = []
    pairs = list(zip(high, low, strict=True))
    for known, run in groupby(pairs, key=lambda pair: None not in (pair[0][1], pair[1][1])):
        if known:
            edge = list(run)
            points = [(x(t), y(v)) for (t, v), _ in edge] + [
                (x(t), y(v)) for _, (t, v) in reversed(edge)
            ]
            path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
            parts.append(f'<polygon points="{path}" fill="{colour}" opacity="0.24"/>')
    return parts


def _stacked(series: Series, looks: Mapping[str, Any], x: Any, y: Any, after: bool) -> list[str]:
    """Bars that stand after the time of their value, or before it."""
    parts: list[str] = []
    base: dict[datetime, float] = {}
    step = _step(series, timedelta(minutes=5))
    for name, values in series.items():
        for time, value in values:
            under = base.get(time, 0.0)
            base[time] = under + (value or 0)
            tall = y(under) - y(base[time])
            if tall > 0:
                wide = max(1.0, x(time + step) - x(time) - 0.5)
                parts.append(
                    f'<rect x="{x(time if after else time - step):.1f}" '
                    f'y="{y(base[time]):.1f}" width="{wide:.1f}" '
                    f'height="{tall:.1f}" fill="{looks[name]["colour"]}"/>'
                )
    return parts


def _step(series: Series, of_one: timedelta) -> timedelta:
    """The shortest time between two points; `of_one` where there is but one."""
    times = sorted({time for values in series.values() for time, _ in values})
    return min((b - a for a, b in pairwise(times)), default=of_one)


def _round_step(about: float) -> float:
    """The next larger of 1, 2, 2.5 and 5, times a power of ten."""
    size: float = 10 ** math.floor(math.log10(about))
    return next(size * nice for nice in (1, 2, 2.5, 5, 10) if size * nice >= about * 0.999)


def _look(panel: dict[str, Any], name: str) -> dict[str, Any]:
    look = look_of(panel, name)
    return {**look, "colour": look["color"]["fixedColor"] if "color" in look else INK}


def _values(series: Series) -> list[list[float | None]]:
    return [[value for _, value in values] for values in series.values()]


def colour_of(steps: Sequence[dict[str, Any]], value: float) -> str:
    """The colour of the last step that begins at the value or below it."""
    return str([s["color"] for s in steps if s["value"] is None or s["value"] <= value][-1])


def _across(span: Span, width: float, left: float = _LEFT) -> Any:
    return lambda time: left + (width - left) * ((time - span[0]) / (span[1] - span[0]))


def _up(low: float, top: float, height: float) -> Any:
    return lambda value: height - (height - 6) * (value - low) / ((top - low) or 1)


def _shade(shaded: Span, x: Any, span: Span, height: float) -> str:
    begin, end = (min(max(time, span[0]), span[1]) for time in shaded)
    return (
        f'<rect x="{x(begin):.1f}" y="0" width="{x(end) - x(begin):.1f}" height="{height:.1f}" '
        f'fill="{NEGATIVE}" opacity="0.08"/>'
    )


def _times(span: Span, x: Any, under: float, width: float) -> str:
    whole = span[1] - span[0]
    form = "%m-%d %H:%M" if whole > timedelta(days=1) else "%H:%M"
    step = nice_step(whole / max(2, round(width / 130)))
    first = span[0] + (_EPOCH - span[0]) % step
    times = [first + step * part for part in range(int((span[1] - first) / step) + 1)]
    times = [time for time in times if x(time) < width - 40]
    return "".join(
        f'<text x="{x(time):.1f}" y="{under + 14:.1f}">{time:{form}}</text>' for time in times
    )


def _legend(names: Sequence[str], looks: Mapping[str, Any], under: float, width: float) -> str:
    parts, at = [], 0.0
    for name in names:
        if at + 20 + 6.5 * len(name) > width:
            parts.append(f'<text x="{at:.0f}" y="{under:.0f}">…</text>')
            break
        parts.append(
            f'<rect x="{at:.0f}" y="{under - 6:.0f}" width="14" height="4" '
            f'fill="{looks[name]["colour"]}"/>'
            f'<text x="{at + 19:.0f}" y="{under:.0f}">{escape(name)}</text>'
        )
        at += 34 + 6.5 * len(name)
    return "".join(parts)
