"""What a rule counts, from the windows: its brands' minutes, and who spoke in them.

A rule may listen to some sources and languages only; each such choice is a series of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stream.database import Client, errors_sorted
from stream.detector.folds import Minutes
from stream.rules import Rule
from stream.windows import SETTINGS

# What a rule listens to; '*' is everything.
LISTENED = """(has({sources:Array(String)}, '*') OR has({sources:Array(String)}, source))
    AND (has({languages:Array(String)}, '*') OR has({languages:Array(String)}, lang))"""

# A row a series: a row a minute would be most of what a step costs.
_MINUTES = f"""
SELECT brand, topic, groupArray(minute), groupArray(negative_), groupArray(mentions_)
FROM (
    SELECT brand, topic, sum(negative) AS negative_, sum(mentions) AS mentions_,
        intDiv(toUnixTimestamp(window_start) - toUnixTimestamp({{since:DateTime('UTC')}}), 60)
            AS minute
    FROM window_scores FINAL
    WHERE window_start >= {{since:DateTime('UTC')}} AND window_start < {{until:DateTime('UTC')}}
        AND {LISTENED}
    GROUP BY brand, topic, minute
)
GROUP BY brand, topic
{SETTINGS}"""

_FIRST = """
SELECT minOrNull(window_start) FROM window_scores WHERE window_start >= {since:DateTime('UTC')}
SETTINGS max_execution_time = {limit:UInt32}"""

_HEARD = f"""
SELECT brand, topic FROM window_scores
WHERE window_start >= {{since:DateTime('UTC')}} AND window_start < {{until:DateTime('UTC')}}
    AND mentions > 0 AND {LISTENED}
GROUP BY brand, topic
SETTINGS max_execution_time = {{limit:UInt32}}"""

_AUTHORS = f"""
SELECT uniqExactMerge(negative_authors) FROM window_scores FINAL
WHERE brand = {{brand:String}} AND topic = {{topic:String}}
    AND window_start >= {{since:DateTime('UTC')}} AND window_start < {{until:DateTime('UTC')}}
    AND {LISTENED}
{SETTINGS}"""


def listened_to(rule: Rule) -> dict[str, list[str]]:
    """The parameters of `LISTENED`."""
    return {"sources": list(rule.sources), "languages": list(rule.languages)}


def read_minutes(
    client: Client, rule: Rule, since: datetime, until: datetime, limit: int
) -> Minutes:
    """All minutes in [since, until) of what the rule listens to. Raises RetryLater."""
    values: dict[str, Any] = {"since": since, "until": until, "limit": limit, **listened_to(rule)}
    with errors_sorted():
        rows = client.query(_MINUTES, parameters=values).result_rows
    return Minutes.of(rows, since, until)


def first_minute(client: Client, since: datetime, limit: int) -> datetime | None:
    """The first minute counted from `since` on, of anything. Raises RetryLater."""
    with errors_sorted():
        rows = client.query(_FIRST, parameters={"since": since, "limit": limit}).result_rows
    found: datetime | None = rows[0][0]
    return found


def heard_of(
    client: Client, rule: Rule, since: datetime, until: datetime, limit: int
) -> set[tuple[str, str]]:
    """Brands and topics with mentions in [since, until) that the rule listens to, its own or not.
    Raises RetryLater."""
    values: dict[str, Any] = {"since": since, "until": until, "limit": limit, **listened_to(rule)}
    with errors_sorted():
        rows = client.query(_HEARD, parameters=values).result_rows
    return {(brand, topic) for brand, topic in rows}


def count_authors(
    client: Client,
    rule: Rule,
    series: tuple[str, str],
    since: datetime,
    until: datetime,
    limit: int,
) -> int:
    """Distinct authors of negative mentions of a brand and topic. Raises RetryLater."""
    brand, topic = series
    values = {"brand": brand, "topic": topic, "since": since, "until": until, "limit": limit}
    with errors_sorted():
        found = client.query(_AUTHORS, parameters=values | listened_to(rule))
    return int(found.result_rows[0][0])
