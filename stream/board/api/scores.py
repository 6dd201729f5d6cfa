"""`scores`: a series through time, with what was expected of it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from pydantic import Field

from stream.board.api import windows
from stream.board.api.answers import Point, ScoresAnswer
from stream.board.api.asks import Series, whole_minutes
from stream.board.api.endpoints import Asked, Endpoint
from stream.board.api.windows import Band
from stream.board.present import figures, iso
from stream.board.shapes import Figures
from stream.errors import UsageError
from stream.rules import EVERY, Rule

MOST_POINTS = 500
_MINUTE = 60
_DAY = 24 * 60 * _MINUTE
_LADDER = tuple(_MINUTE * m for m in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720))


class ScoresAsks(Series):
    step: int = Field(_MINUTE, ge=_MINUTE, le=_DAY, multiple_of=_MINUTE, description="seconds")
    rule: str | None = Field(
        None, max_length=100, description="whose expectations; default: that watches it; '': none"
    )


def scores(asked: Asked, asks: ScoresAsks) -> ScoresAnswer:
    windows.check_series(asked.client, asked.context, asks.brand, asks.topic)
    since, until = whole_minutes(*asks.span(asked.now))
    rule = expecting(asked.context.rules_in_force().rules.rules, asks)
    granule = int(rule.granularity.total_seconds()) if rule else _MINUTE
    step = step_for(asks.step, granule, since, until)
    since, until = _whole_steps(since, until, step)
    values: dict[str, Any] = {**asks.whose(), "since": since, "until": until, "step": step}
    counted = windows.steps(asked.client, values)
    bands = windows.bands(asked.client, values, rule.name) if rule else {}
    known_from, known_to = windows.first_known(asked.client), asked.known_to
    width = timedelta(seconds=step)
    points = [
        _point(
            at,
            counted.get(at, figures(0, 0, 0, 0))
            if known_from and known_to and known_from < at + width <= known_to
            else None,
            band if (band := bands.get(at)) and band.judged * granule == step else None,
        )
        for at in (since + number * width for number in range((until - since) // width))
    ]
    return {
        "from": iso(since),
        "to": iso(until),
        "step": step,
        "rule": rule.name if rule else None,
        "known_from": iso(known_from) if known_from else None,
        "known_to": iso(known_to) if known_to else None,
        "points": points,
    }


def expecting(rules: tuple[Rule, ...], asks: ScoresAsks) -> Rule | None:
    """The rule whose expectations are of just this series: the one asked for, or the finest that
    listens to everything. Raises UsageError on one that is not in force."""
    if asks.rule is not None:
        named = next((rule for rule in rules if rule.name == asks.rule), None)
        if asks.rule and named is None:
            raise UsageError("rule: no rule in force is called so; see GET /api/v1/rules")
        fitting = [named] if named else []
    else:
        fitting = [rule for rule in rules if EVERY in rule.sources and EVERY in rule.languages]
    if asks.source or asks.lang:
        return None
    watching = [rule for rule in fitting if rule.covers(asks.brand, asks.topic)]
    return min(watching, key=lambda rule: rule.granularity, default=None)


def step_for(wanted: int, granule: int, since: datetime, until: datetime) -> int:
    """Seconds of a step: at least as wanted, whole steps of the rule, few enough points."""
    length = (until - since).total_seconds()

    def fits(step: int) -> bool:
        # Widening to whole steps may add one at each end.
        return step >= wanted and step % granule == 0 and length / step <= MOST_POINTS - 2

    if fits(wanted):
        return wanted
    days = (_DAY * number for number in count(1))
    return next(step for steps in (_LADDER, days) for step in steps if fits(step))


def _whole_steps(since: datetime, until: datetime, step: int) -> tuple[datetime, datetime]:
    first = int(since.timestamp()) // step * step
    end = -(-int(until.timestamp()) // step) * step
    return datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(end, UTC)


def _point(at: datetime, counted: Figures | None, band: Band | None) -> Point:
    most = counted["mentions"] if counted else sys.maxsize
    return {
        "at": iso(at),
        "mentions": counted["mentions"] if counted else None,
        "negative": counted["negative"] if counted else None,
        "neutral": counted["neutral"] if counted else None,
        "positive": counted["positive"] if counted else None,
        "net": counted["net"] if counted else None,
        "low": min(band.low, most) if band else None,
        "high": min(band.high, most) if band else None,
        "score": round(band.score, 4) if band else None,
    }


SCORES = Endpoint(
    "GET",
    "scores",
    "A brand or topic through time, with what was expected",
    ScoresAsks,
    ScoresAnswer,
    scores,
    of_range=True,
)
