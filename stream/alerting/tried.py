"""A backtest of one or two sets of rules, side by side, as plain values. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from stream.alerting.raised import Outcome, Raised, same_time, totals
from stream.severities import SEVERITIES
from stream.time_zones import stamp

Tried = Sequence[tuple[str, Outcome]]
"""One or two files of rules and what they raise."""

LETTERS = "AB"


def as_dict(tried: Tried) -> dict[str, Any]:
    """All of it; `same_as` is the other set's alert on that series at that time."""
    return {
        "from": stamp(tried[0][1].since),
        "to": stamp(tried[0][1].until),
        "tried": [
            {
                "file": file,
                "totals": _totals_as_dict(outcome),
                "alerts": [_as_dict(one, twin(tried, number, one)) for one in outcome.raised],
            }
            for number, (file, outcome) in enumerate(tried)
        ],
    }


def twin(tried: Tried, number: int, one: Raised) -> Raised | None:
    """What the other set raises at the same time."""
    if len(tried) == 1:
        return None
    other = tried[1 - number][1]
    return same_time(one, other.raised, other.until)


def place(one: Raised) -> str:
    """Brand and topic."""
    return f"{one.brand} / {one.topic}" if one.topic else one.brand


def _totals_as_dict(outcome: Outcome) -> dict[str, Any]:
    found = totals(outcome)
    return {
        "alerts": found.alerts,
        "a_week": round(found.a_week, 3),
        "severities": {name: found.severities.get(name, 0) for name in SEVERITIES},
        "days": found.days,
        "days_with_alerts": found.alert_days,
        "days_with_three_or_more": found.loud_days,
        "open_minutes": found.open // timedelta(minutes=1),
        "series": len(outcome.talk),
    }


def _as_dict(one: Raised, twin: Raised | None) -> dict[str, Any]:
    return {
        "alert_id": one.alert_id,
        "rule": one.rule,
        "brand": one.brand,
        "topic": one.topic,
        "opened_at": stamp(one.opened_at),
        "ended_at": stamp(one.ended_at) if one.ended_at else None,
        "severity": one.severity,
        "escalations": one.escalations,
        "reopened": one.reopened,
        "observed": one.observed,
        "expected": round(one.expected, 3),
        "same_as": twin.alert_id if twin else None,
    }
