"""Panels that stand on several boards: they ask the same, of others."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Panel

from dashboards.clickhouse import Query, series
from dashboards.palette import NEGATIVE
from dashboards.panels import COUNT, PERCENT, lines, number, with_band
from dashboards.sql import SHARE, SHARE_ENDS, filled


def negative_share(asked: str) -> Panel:
    """Of the windows for which the condition `asked` holds."""
    return number(
        "What share of it is negative?",
        "Negative mentions of all mentions, with its 95 % interval.",
        Query(f"""
            SELECT {SHARE} AS share, {SHARE_ENDS}
            FROM window_scores AS w FINAL
            WHERE {asked}
            HAVING sum(w.mentions) > 0"""),
        unit=PERCENT,
        size=(6, 4),
        names=True,
    )


def negative_and_expected(title: str, why: str, beside: str, step: str) -> Panel:
    """Negative mentions over time and what a rule expects, as `sql.beside` tells the two."""
    shown = lines(
        title,
        why,
        series(f"""
        SELECT time, negative AS "negative mentions", low AS "expected at least",
            high AS "expected at most"
        FROM ({beside})
        {filled(step)}"""),
        unit=COUNT,
        size=(12, 9),
    )
    return with_band(shown, "expected at least", "expected at most", "negative mentions", NEGATIVE)
