"""Panels that stand on several boards: they ask the same, of others."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Panel

from dashboards.clickhouse import Query, series
from dashboards.palette import NEGATIVE
from dashboards.panels import COUNT, PERCENT, lines, number, with_band
from dashboards.sql import SHARE, SHARE_ENDS, filled

# The ends of the band. It moves with how much is said: loud is not the same as angry.
AT_LEAST, AT_MOST = "expected of as many, at least", "expected of as many, at most"


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
        size=(6, 3),
        names=True,
    )


def negative_and_expected(title: str, why: str, beside: str, step: str) -> Panel:
    """Negative mentions over time and what a rule expects, as `sql.beside` tells the two."""
    shown = lines(
        title,
        why,
        series(f"""
        SELECT time, negative AS "negative mentions", low AS "{AT_LEAST}",
            high AS "{AT_MOST}"
        FROM ({beside})
        {filled(step)}"""),
        unit=COUNT,
        size=(12, 9),
    )
    return with_band(shown, AT_LEAST, AT_MOST, "negative mentions", NEGATIVE)
