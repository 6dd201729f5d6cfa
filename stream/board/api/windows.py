"""What the windows hold of one brand, in steps and in parts. Values go in as bound parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np

from stream.board.context import BoardContext
from stream.board.present import figures
from stream.board.shapes import Figures
from stream.database import Client
from stream.detector.usual_counts import usual_counts
from stream.errors import UsageError

By = Literal["topic", "source", "lang"]

_LIMITED = "SETTINGS max_execution_time = 10, do_not_merge_across_partitions_select_final = 1"
_IN_RANGE = """brand = {brand:String} AND window_start >= {since:DateTime('UTC')}
    AND window_start < {until:DateTime('UTC')}
    AND ({source:String} = '' OR source = {source:String})
    AND ({lang:String} = '' OR lang = {lang:String})"""
_SUMS = "sum(negative), sum(neutral), sum(positive), sum(score_sum)"

_STEPS = f"""
SELECT intDiv(toUnixTimestamp(window_start), {{step:UInt32}}) * {{step:UInt32}} AS at, {_SUMS}
FROM window_scores FINAL
WHERE {_IN_RANGE} AND topic = {{topic:String}}
GROUP BY at
{_LIMITED}"""

_PARTS = """
SELECT {by}, sum(mentions) AS n, sum(negative) AS bad, sum(neutral), sum(positive)
FROM window_scores FINAL
WHERE {in_range} AND {of}
GROUP BY {by} HAVING n > 0
ORDER BY bad DESC, n DESC, {by} LIMIT 1000
{limited}"""
_OF_TOPIC = "topic = {topic:String}"
_BY = {
    name: _PARTS.format(by=name, of=of, in_range=_IN_RANGE, limited=_LIMITED)
    for name, of in (("topic", "topic != ''"), ("source", _OF_TOPIC), ("lang", _OF_TOPIC))
}

_BANDS = f"""
SELECT intDiv(toUnixTimestamp(minute), {{step:UInt32}}) * {{step:UInt32}} AS at, count(),
    sum(toFloat64(expected)), sum(toFloat64(expected_variance)), max(anomaly_score)
FROM expectations FINAL
WHERE rule = {{rule:String}} AND brand = {{brand:String}} AND topic = {{topic:String}}
    AND minute >= {{since:DateTime('UTC')}} AND minute < {{until:DateTime('UTC')}}
GROUP BY at
{_LIMITED}"""

_FIRST = "SELECT count(), min(window_start) FROM window_scores SETTINGS max_execution_time = 10"

_EVER = """
SELECT 1 FROM window_scores WHERE brand = {brand:String} AND topic = {topic:String} LIMIT 1
SETTINGS max_execution_time = 10"""


@dataclass(frozen=True, slots=True)
class Part:
    """One topic, source or language."""

    name: str
    mentions: int
    negative: int
    neutral: int
    positive: int


@dataclass(frozen=True, slots=True)
class Band:
    """What was expected in a step, from so many judged steps of the rule."""

    judged: int
    low: int
    high: int
    score: float


def first_known(client: Client) -> datetime | None:
    """The first minute that was ever counted, of anything."""
    windows, first = client.query(_FIRST).result_rows[0]
    return first if windows else None


def steps(client: Client, values: Mapping[str, Any]) -> dict[datetime, Figures]:
    """Figures by the start of their step; steps without mentions are left out.

    `values`: brand, topic, source, lang ('' is any), since, until, step in seconds.
    """
    rows = client.query(_STEPS, parameters=dict(values)).result_rows
    return {_time(at): figures(*sums) for at, *sums in rows}


def parts(client: Client, values: Mapping[str, Any], by: By) -> list[Part]:
    """The parts with any mention, the most negative first.

    `values`: brand, topic, source, lang ('' is any), since, until.
    """
    rows = client.query(_BY[by], parameters=dict(values)).result_rows
    return [Part(str(name), *map(int, counts)) for name, *counts in rows]


def bands(client: Client, values: Mapping[str, Any], rule: str) -> dict[datetime, Band]:
    """What a rule expected, by the start of the step.

    A wider step holds several of the rule's: their means add up, and their variances, as those of
    independent counts do.
    """
    rows = client.query(_BANDS, parameters={**values, "rule": rule}).result_rows
    ends = usual_counts(*(np.array([row[column] for row in rows], float) for column in (2, 3)))
    return {
        _time(at): Band(judged, int(low), int(high), score)
        for (at, judged, _, _, score), low, high in zip(rows, *ends, strict=True)
    }


def check_series(client: Client, context: BoardContext, brand: str, topic: str) -> None:
    """Raises UsageError where nobody knows the brand or topic: noughts would look like calm."""
    for part in dict.fromkeys(["", topic]):
        if (brand, part) in context.series:
            continue
        values = {"brand": brand, "topic": part}
        if not client.query(_EVER, parameters=values).result_rows:
            if part:
                raise UsageError("topic: the brand has no such topic; see brands.yaml")
            known = ", ".join(context.brands[:8]) or "none yet"
            raise UsageError(f"brand: no such brand; there are {known}")


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
