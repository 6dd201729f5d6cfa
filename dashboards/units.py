"""Values in the units of panels, as Grafana tells them, nearly. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def told(value: Any, unit: str, now: datetime | None = None) -> str:
    """A value as text. `now` is for ages."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return f"{value:%m-%d %H:%M}"
    if isinstance(value, str):
        return value
    if unit == "dateTimeFromNow":
        return f"{_duration((now or datetime.now(UTC)).timestamp() - value / 1000)} ago"
    if unit == "s":
        return _duration(value)
    return f"{value * 100:.0f} %" if unit == "percentunit" else _number(value)


def _number(value: float) -> str:
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
    return _short(value)


def _short(value: float) -> str:
    for least, size, name in ((1e6, 1e6, "M"), (1e4, 1e3, "K")):
        if abs(value) >= least:
            return f"{value / size:.1f} {name}"
    return f"{value:.0f}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
