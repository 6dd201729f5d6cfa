"""Board 4: brands side by side, and each against the mean of all."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Panel

from dashboards import columns, links, palette
from dashboards.board import board_of, not_read_yet
from dashboards.clickhouse import Query, series
from dashboards.panels import (
    NET_UNIT,
    PERCENT,
    either_way,
    in_colours,
    lines,
    strips,
    table,
)
from dashboards.sql import BRANDS, SHARE, SHARE_ENDS, every_step, filled
from dashboards.variables import board, brands, clickhouse, language, source

_CHOSEN = "$__conditionalAll(brand IN (${brands:singlequote}), $brands)"

# The trade is every brand that is watched, whichever are chosen to be shown.
_TRADE = """sum(score) OVER () / sum(mentions) OVER () / 10000"""


def compare() -> Dashboard:
    return board_of(
        "compare",
        "4 · Compare",
        "Brands side by side: who is said more of, who is better spoken of, and by how much.",
        [brands(), source(), language(), board(), clickhouse()],
        [_side_by_side(), _gap(), _voice_over_time(), _gap_over_time(), _each()],
        [not_read_yet()],
        since="now-7d",
    )


def _side_by_side() -> Panel:
    return table(
        "How do they compare?",
        "Share of voice is of all brands' mentions. The gap is a brand's net sentiment less that "
        "of all mentions. Shares of the negative with their 95 % intervals.",
        Query(f"""
        SELECT * FROM (
            SELECT brand, mentions, mentions / sum(mentions) OVER () AS "share of voice",
                score / mentions / 10000 AS net, net - {_TRADE} AS gap, negative, "at least",
                "at most", reach
            FROM (
                SELECT brand, sum(w.mentions) AS mentions, sum(w.score_sum) AS score,
                    {SHARE} AS negative, {SHARE_ENDS},
                    sum(w.reach) AS reach
                FROM window_scores AS w FINAL
                WHERE {BRANDS}
                GROUP BY brand HAVING mentions > 0))
        WHERE {_CHOSEN}
        ORDER BY gap, brand"""),
        {
            "brand": [links.to_brand(links.field("brand"))],
            "share of voice": columns.percent(),
            "net": [*columns.measured(NET_UNIT, 2), *columns.coloured(palette.NET)],
            "gap": columns.measured(NET_UNIT, 2),
            "negative": columns.percent(),
            **columns.share_ends(),
        },
        size=(16, 9),
    )


def _gap() -> Panel:
    return either_way(
        "Who is spoken of worse than the trade?",
        "Net sentiment of each brand less that of all mentions of all brands: below 0 is worse "
        "than the trade, above it better.",
        Query(f"""
        SELECT brand, gap FROM (
            SELECT brand, score / mentions / 10000 - {_TRADE} AS gap
            FROM (
                SELECT brand, sum(w.mentions) AS mentions, sum(w.score_sum) AS score
                FROM window_scores AS w FINAL
                WHERE {BRANDS}
                GROUP BY brand HAVING mentions > 0))
        WHERE {_CHOSEN}
        ORDER BY gap, brand"""),
        unit=NET_UNIT,
        size=(8, 9),
        named="brand",
        colours=palette.NET,
        link=links.to_brand(links.field("brand")),
    )


def _voice_over_time() -> Panel:
    return strips(
        "Whose voice grows?",
        "Share of voice over time: a brand's mentions of those of all brands. The lighter, the "
        "more.",
        series(
            every_step(
                "brand",
                "share",
                f"""
        SELECT time, brand, share FROM (
            SELECT time, brand, mentions / sum(mentions) OVER (PARTITION BY time) AS share
            FROM (
                SELECT $__timeInterval(window_start) AS time, brand, sum(w.mentions) AS mentions
                FROM window_scores AS w FINAL
                WHERE {BRANDS}
                GROUP BY time, brand HAVING mentions > 0))
        WHERE {_CHOSEN}""",
            )
        ),
        unit=PERCENT,
        size=(12, 9),
        named="brand",
        colours=palette.AMOUNT,
        link=links.to_brand(links.label("brand")),
        least="1h",
    )


def _gap_over_time() -> Panel:
    return strips(
        "Who leaves the trade, and when?",
        "Net sentiment of each brand less that of all mentions at the time. Vermilion is worse "
        "than the trade, blue better; a gap is a time with fewer than three mentions.",
        series(
            every_step(
                "brand",
                "gap",
                f"""
        SELECT time, brand, gap FROM (
            SELECT time, brand, mentions, score / nullIf(mentions, 0) / 10000
                - sum(score) OVER (PARTITION BY time)
                / sum(mentions) OVER (PARTITION BY time) / 10000 AS gap
            FROM (
                SELECT $__timeInterval(window_start) AS time, brand,
                    sum(w.mentions) AS mentions, sum(w.score_sum) AS score
                FROM window_scores AS w FINAL
                WHERE {BRANDS}
                GROUP BY time, brand))
        WHERE mentions >= 3 AND {_CHOSEN}""",
            )
        ),
        unit=NET_UNIT,
        size=(12, 9),
        named="brand",
        colours=palette.NET,
        link=links.to_brand(links.label("brand")),
        least="1h",
    )


def _each() -> Panel:
    """One small panel for each brand that is chosen, all on one scale."""
    said = "sumIf(w.mentions, brand IN (${brands:singlequote}))"
    shown = lines(
        "What share of $brands is negative?",
        "The share of negative mentions over time, and that of all brands together; a gap is a "
        "time with fewer than three mentions. All panels have one scale.",
        series(f"""
        SELECT $__timeInterval(window_start) AS time,
            if({said} >= 3, sumIf(w.negative, brand IN (${{brands:singlequote}})) / {said}, NULL)
                AS negative,
            {SHARE} AS "all brands"
        FROM window_scores AS w FINAL
        WHERE {BRANDS}
        GROUP BY time
        {filled()}"""),
        unit=PERCENT,
        size=(24, 6),
        least="1h",
        points=36,
    )
    shown = shown.min(0).max(1).repeat("brands").repeat_direction("h").max_per_row(4)
    return in_colours(shown, {"negative": palette.NEGATIVE, "all brands": palette.SOFT})
