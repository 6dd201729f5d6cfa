"""Board 2: one brand, or a topic of it: how much, in which mood, and whether that is usual."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Panel

from dashboards import palette
from dashboards.board import board_of, incidents_of_brand, not_read_yet
from dashboards.brand_parts import parts
from dashboards.brand_posts import posts
from dashboards.clickhouse import Query, series
from dashboards.library import AT_LEAST, AT_MOST, negative_and_expected, negative_share
from dashboards.panels import (
    COUNT,
    PERCENT,
    in_colours,
    lines,
    number,
    stacks,
    with_band,
)
from dashboards.sql import BRAND, BUCKET, NET, STEP, TOPIC, beside, filled
from dashboards.variables import (
    board,
    brand,
    clickhouse,
    granularity,
    language,
    rule,
    source,
    topic,
)


def of_brand() -> Dashboard:
    return board_of(
        "brand",
        "2 · Brand",
        "One brand, or one of its topics: how much is said, in which mood, and is that usual?",
        [brand(), topic(), source(), language(), granularity(), rule(), board(), clickhouse()],
        [*_numbers(), _volume(), _expected(), _share(), *parts(), *posts()],
        [incidents_of_brand(), not_read_yet()],
    )


def _numbers() -> list[Panel]:
    return [
        number(
            "How much is said?",
            "Mentions in the range.",
            series(f"""
            SELECT {BUCKET} AS time, sum(w.mentions) AS mentions
            FROM window_scores AS w FINAL
            WHERE {BRAND}
            GROUP BY time
            {filled(STEP)}"""),
            unit=COUNT,
            size=(6, 3),
            sum_up=True,
        ),
        negative_share(BRAND),
        number(
            "How is the mood?",
            "Net sentiment: the mean of positive minus negative, from -1 to 1.",
            Query(f"""
            SELECT {NET} AS net
            FROM window_scores AS w FINAL
            WHERE {BRAND}
            HAVING sum(w.mentions) > 0"""),
            unit="none",
            size=(4, 3),
            colours=palette.NET,
        ),
        number(
            "How many people speak, and to how many?",
            "Distinct authors; a post without one counts as its own, once per text. Reach is the "
            "sum of followers over all mentions, so who writes twice is counted twice.",
            Query(f"""
            SELECT uniqExactMerge(w.authors) AS authors,
                uniqExactMerge(w.negative_authors) AS "of them negative", sum(w.reach) AS reach
            FROM window_scores AS w FINAL
            WHERE {BRAND}
            HAVING sum(w.mentions) > 0"""),
            unit=COUNT,
            size=(8, 3),
            names=True,
        ),
    ]


def _volume() -> Panel:
    return in_colours(
        stacks(
            "How much is said, and in which mood?",
            "Mentions by their most probable label. Shaded: incidents, and what is not read yet.",
            series(f"""
            SELECT {BUCKET} AS time, sum(w.negative) AS negative, sum(w.neutral) AS neutral,
                sum(w.positive) AS positive
            FROM window_scores AS w FINAL
            WHERE {BRAND}
            GROUP BY time
            {filled(STEP)}"""),
            size=(24, 9),
        ),
        palette.MOODS,
    )


_BESIDE, _EXPECTED_STEP = beside(STEP, "${rule:singlequote}", "${brand:singlequote}", TOPIC)


def _expected() -> Panel:
    return negative_and_expected(
        "Is more of it negative than usual?",
        "Negative mentions of all sources and languages, and the band in which the rule expects "
        "19 of 20 of its steps, given how many mentions there are: it rises with them.",
        _BESIDE,
        _EXPECTED_STEP,
    )


def _share() -> Panel:
    shown = lines(
        "What share is negative, and what would be usual?",
        "Negative mentions of all mentions, and what the rule expects of as many. A gap is a time "
        "in which nobody spoke.",
        series(f"""
        SELECT time, negative / nullIf(mentions, 0) AS "negative share",
            low / nullIf(mentions, 0) AS "{AT_LEAST}",
            high / nullIf(mentions, 0) AS "{AT_MOST}"
        FROM ({_BESIDE})
        {filled(_EXPECTED_STEP)}"""),
        unit=PERCENT,
        size=(12, 9),
        points=48,
    ).min(0)
    return with_band(shown, AT_LEAST, AT_MOST, "negative share", palette.NEGATIVE)
