"""How a backtest looks on a terminal. Pure.

Names of brands and rules are escaped; nothing else is written by others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rich.cells import cell_len

from stream.alerting.raised import Raised, only_in, totals
from stream.alerting.tried import LETTERS, Tried, place, twin
from stream.logs import escape
from stream.severities import SEVERITIES

_HEAD = (
    "opened (UTC)",
    "brand / topic",
    "rule",
    "worst",
    "negative",
    "usual",
    "escalated",
    "lasted",
)


def report(tried: Tried) -> str:
    """Each alert on a line, then what they come to."""
    first = tried[0][1]
    span = first.until - first.since
    lines = [
        f"{_time(first.since)} to {_time(first.until)} UTC ({_duration(span)}), "
        f"{len({key for _, outcome in tried for key in outcome.talk})} series",
        "",
    ]
    rows = [row for _, row in sorted(_lines(tried))]
    if rows:
        lines += _table([[*_HEAD, "raised by"] if len(tried) > 1 else list(_HEAD), *rows])
    else:
        lines.append("nothing would have been raised")
    return "\n".join(map(escape, [*lines, "", *_table(_sums(tried))]))


def _lines(tried: Tried) -> Iterable[tuple[datetime, list[str]]]:
    """Each alert once: what both raise is told by the first of the two."""
    for number, (_, outcome) in enumerate(tried):
        for one in outcome.raised:
            other = twin(tried, number, one)
            if number and other:
                continue
            lasted = _duration(one.ended_at - one.opened_at) if one.ended_at else "stands"
            row = [
                _time(one.opened_at),
                place(one),
                one.rule,
                one.severity,
                f"{one.observed:.0f}",
                f"{one.expected:.1f}",
                str(one.escalations or ""),
                lasted,
            ]
            if len(tried) > 1:
                row.append(_raised_by(number, one, other))
            yield one.opened_at, row


def _raised_by(number: int, one: Raised, twin: Raised | None) -> str:
    if twin is None:
        return LETTERS[number]
    if twin.opened_at == one.opened_at:
        return "A and B"
    word = "later" if twin.opened_at > one.opened_at else "earlier"
    return f"A and B, B {_duration(abs(twin.opened_at - one.opened_at))} {word}"


def _sums(tried: Tried) -> list[list[str]]:
    every = [totals(outcome) for _, outcome in tried]
    rows = [
        ["alerts", *(str(one.alerts) for one in every)],
        ["a week", *(f"{one.a_week:.1f}" for one in every)],
        *(
            [f"  {name}", *(str(one.severities.get(name, 0)) for one in every)]
            for name in reversed(SEVERITIES)
        ),
        ["days with one", *(f"{one.alert_days} of {one.days}" for one in every)],
        ["days with three or more", *(f"{one.loud_days} of {one.days}" for one in every)],
        ["time open", *(_duration(one.open) for one in every)],
    ]
    if len(tried) == 1:
        return rows
    (_, a), (_, b) = tried
    alone = ["raised by it alone", str(len(only_in(a, b))), str(len(only_in(b, a)))]
    names = [f"{letter}: {file}" for letter, (file, _) in zip(LETTERS, tried, strict=True)]
    return [["", *names], rows[0], alone, *rows[1:]]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns under one another; numbers to the right."""
    widths = [max(cell_len(row[at]) for row in rows) for at in range(len(rows[0]))]
    numeric = [all(_is_number(row[at]) for row in rows[1:]) for at in range(len(rows[0]))]
    return [
        "  ".join(
            _padded(cell, width, number)
            for cell, width, number in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in rows
    ]


def _padded(text: str, width: int, right: bool) -> str:
    room = " " * (width - cell_len(text))
    return room + text if right else text + room


def _is_number(text: str) -> bool:
    return not text or text.replace(".", "", 1).isdigit()


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"


def _duration(span: timedelta) -> str:
    minutes = span // timedelta(minutes=1)
    if minutes >= 2 * 24 * 60:
        return f"{minutes / (24 * 60):.1f} days"
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
