"""Board 1: who is in trouble, at one glance."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard, Panel

from dashboards import columns, links, palette
from dashboards.board import board_of, not_read_yet
from dashboards.clickhouse import Query, series
from dashboards.library import negative_share
from dashboards.panels import (
    COUNT,
    NET_UNIT,
    PERCENT,
    bars,
    in_colours,
    lines,
    number,
    stacks,
    strips,
    table,
    with_band,
)
from dashboards.sql import (
    BRANDS,
    FILTERS,
    INCIDENTS,
    KNOWN_TO,
    NET,
    SEVERITY_RANK,
    WHOLE,
    every_step,
    filled,
    net_end,
    wilson,
)
from dashboards.variables import board, clickhouse, language, source


def overview() -> Dashboard:
    return board_of(
        "overview",
        "1 · Overview",
        "Who is in trouble, who is loudest, and what stands open.",
        [source(), language(), board(), clickhouse()],
        [*_numbers(), _trouble(), _brands(), _incidents(), _voice(), _volume(), _net()],
        [not_read_yet()],
    )


def _numbers() -> list[Panel]:
    return [
        number(
            "How much is said?",
            "Mentions of all brands in the range; a post that names two brands counts twice.",
            series(f"""
            SELECT $__timeInterval(window_start) AS time, sum(w.mentions) AS mentions
            FROM window_scores AS w FINAL
            WHERE {BRANDS}
            GROUP BY time
            {filled()}"""),
            unit=COUNT,
            size=(6, 3),
            sum_up=True,
        ).interval("1m"),
        negative_share(BRANDS),
        number(
            "How many incidents are open?",
            "Incidents that have not ended, acknowledged and silenced ones included.",
            Query(f"SELECT countIf(state != 'resolved') AS open FROM ({INCIDENTS})"),
            unit=COUNT,
            size=(6, 3),
            colours=palette.BAD_FROM_ONE,
        ),
        number(
            "Up to when is all read?",
            "The earliest position of all partitions. Later minutes are unknown, not calm.",
            Query(f"""
            SELECT nullIf(toUnixTimestamp64Milli({KNOWN_TO}), 0) AS "read up to" """),
            unit="dateTimeFromNow",
            size=(6, 3),
            empty="No consumer has told yet",
        ),
    ]


def _trouble() -> Panel:
    sql = f"""
        SELECT $__timeInterval(window_start) AS time, brand, {NET} AS net
        FROM window_scores AS w FINAL
        WHERE {BRANDS}
        GROUP BY time, brand
        HAVING sum(w.mentions) >= 3"""
    return strips(
        "Who is in trouble?",
        "Net sentiment of each brand over time: the mean of positive minus negative, from -1 to 1. "
        "Vermilion is negative, blue positive; a gap is a time with fewer than three mentions.",
        series(every_step("brand", "net", sql)),
        unit=NET_UNIT,
        size=(24, 9),
        named="brand",
        colours=palette.NET,
        link=links.to_brand(links.label("brand")),
    )


def _brands() -> Panel:
    sql = f"""
    WITH toUInt32($__toTime) - toUInt32($__fromTime) AS seconds,
        scored AS (
            SELECT *, window_start >= $__fromTime AS now FROM window_scores AS w FINAL
            WHERE topic = '' AND window_start <= $__toTime
                AND window_start >= $__fromTime - toIntervalSecond(seconds)
                AND {FILTERS}),
        standing AS (
            SELECT brand, argMax(severity, {SEVERITY_RANK}) AS worst FROM ({INCIDENTS})
            WHERE state != 'resolved' GROUP BY brand)
    SELECT s.brand AS brand, any(i.worst) AS incident,
        sumIf(s.score_sum, s.now) / nullIf(sumIf(s.mentions, s.now), 0) / 10000 AS net,
        sumIf(s.negative, s.now) / nullIf(sumIf(s.mentions, s.now), 0) AS negative,
        {wilson("-", "sumIf(s.negative, s.now)", "sumIf(s.mentions, s.now)")} AS "at least",
        {wilson("+", "sumIf(s.negative, s.now)", "sumIf(s.mentions, s.now)")} AS "at most",
        sumIf(s.negative, s.now) / nullIf(sumIf(s.mentions, s.now), 0)
            - sumIf(s.negative, NOT s.now) / nullIf(sumIf(s.mentions, NOT s.now), 0) AS change,
        sumIf(s.mentions, s.now) AS mentions
    FROM scored AS s LEFT JOIN standing AS i ON s.brand = i.brand
    GROUP BY brand HAVING mentions > 0
    ORDER BY indexOf(['critical', 'high', 'warning', ''], incident), net"""
    return table(
        "How do the brands stand?",
        "The worst first. Net sentiment from -1 to 1; the share of negative mentions with its 95 % "
        "interval, and how far it has moved since the range before, of the same length.",
        Query(sql),
        {
            "brand": [links.to_brand(links.field("brand"))],
            "incident": columns.words(palette.SEVERITIES),
            "net": [*columns.measured(NET_UNIT, 2), *columns.coloured(palette.NET)],
            "negative": columns.percent(),
            **columns.share_ends(),
            "change": columns.percent(),
        },
        size=(12, 9),
    )


def _incidents() -> Panel:
    sql = f"""
    SELECT severity, if(kind = 'no_data', 'no data', kind) AS kind, brand,
        if(topic = '', '{WHOLE}', topic) AS topic, state, opened, observed, expected, alert_id,
        toUnixTimestamp64Milli(opened) - 6 * 3600000 AS "from",
        toUnixTimestamp64Milli(changed) + 6 * 3600000 AS "to"
    FROM ({INCIDENTS})
    WHERE state != 'resolved'
    ORDER BY {SEVERITY_RANK} DESC, opened
    LIMIT 50"""
    return table(
        "Which incidents stand open?",
        "The most severe first. Observed and expected are negative mentions in the alarm's time; "
        "of the kind `no data` nothing is known: what is silent stands as its brand or topic.",
        Query(sql),
        {
            "severity": [*columns.words(palette.SEVERITIES), columns.wide(70)],
            "kind": [links.to_incident(), columns.wide(65)],
            "opened": [columns.wide(150)],
            "observed": [columns.wide(75)],
            "expected": [*columns.measured(COUNT, 1), columns.wide(75)],
            "alert_id": columns.hidden(),
            "from": columns.hidden(),
            "to": columns.hidden(),
        },
        size=(12, 9),
        empty="No incident is open",
    )


def _voice() -> Panel:
    return bars(
        "Whose name is said most?",
        "Share of voice: a brand's mentions of those of all brands in the range.",
        Query(f"""
        SELECT brand, sum(w.mentions) / sum(sum(w.mentions)) OVER () AS "share of voice"
        FROM window_scores AS w FINAL
        WHERE {BRANDS}
        GROUP BY brand HAVING sum(w.mentions) > 0
        ORDER BY 2 DESC, brand"""),
        unit=PERCENT,
        size=(8, 9),
        most=1,
        link=links.to_brand(links.field("brand")),
    )


def _volume() -> Panel:
    return in_colours(
        stacks(
            "How much is said, and in which mood?",
            "Mentions of all brands by their most probable label.",
            series(f"""
            SELECT $__timeInterval(window_start) AS time, sum(w.negative) AS negative,
                sum(w.neutral) AS neutral, sum(w.positive) AS positive
            FROM window_scores AS w FINAL
            WHERE {BRANDS}
            GROUP BY time
            {filled()}"""),
            size=(8, 9),
        ),
        palette.MOODS,
    )


def _net() -> Panel:
    shown = lines(
        "How is the mood as a whole?",
        "Net sentiment of all brands, from -1 to 1, with its 95 % interval: the fewer mentions, "
        "the wider. A gap is a time with fewer than three.",
        series(f"""
        SELECT $__timeInterval(window_start) AS time, {NET} AS net,
            {net_end("-")} AS "at least", {net_end("+")} AS "at most"
        FROM window_scores AS w FINAL
        WHERE {BRANDS}
        GROUP BY time HAVING sum(w.mentions) >= 3
        {filled()}"""),
        unit=NET_UNIT,
        size=(8, 9),
        least="15m",
        points=48,
    )
    return with_band(shown.min(-1).max(1), "at least", "at most", "net")
