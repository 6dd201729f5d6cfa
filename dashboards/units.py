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
    age = (now or datetime.now(UTC)).timestamp() - value / 1000
    return {
        "percentunit": f"{value * 100:.0f} %",
        "dateTimeFromNow": f"{_duration(age)} ago",
        "s": _duration(value),
    }.get(unit) or _number(value)


def _number(value: float) -> str:
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
    return _short(value)


def _short(value: float) -> str:
    for size, name in ((1e6, " M"), (1e4, " K")):
        if abs(value) >= size:
            return f"{value / (1e3 if name == ' K' else size):.1f}{name}"
    return f"{value:.0f}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
