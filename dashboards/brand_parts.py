"""What a brand's mentions are made of: topics, hours of the week, sources, languages."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Panel

from dashboards import columns, links, palette
from dashboards.clickhouse import Query, series
from dashboards.panels import PERCENT, strips, table
from dashboards.sql import BRAND, SHARE, SHARE_ENDS, TOPICS, every_step

_DAYS = "['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']"

# Grafana calls one time zone otherwise than the server does.
_ZONE = "if(${__timezone:singlequote} = 'utc', 'UTC', ${__timezone:singlequote})"


def parts() -> list[Panel]:
    return [
        _topics_over_time(),
        _shares("Which topics carry the mood?", "topic", TOPICS, (12, 9)),
        _hours_of_week(),
        _shares("Where is it said?", "source", BRAND, (12, 8)),
        _shares("In which language?", "lang", BRAND, (12, 8)),
    ]


def _topics_over_time() -> Panel:
    sql = f"""
        SELECT $__timeInterval(window_start) AS time, topic, {SHARE} AS negative
        FROM window_scores AS w FINAL
        WHERE {TOPICS}
        GROUP BY time, topic
        HAVING sum(w.mentions) >= 3"""
    return strips(
        "Which topics turn, and when?",
        "The share of negative mentions of each topic over time: the more vermilion, the worse. A "
        "gap is a time with fewer than three mentions of it.",
        series(every_step("topic", "negative", sql)),
        unit=PERCENT,
        size=(12, 9),
        named="topic",
        colours=palette.SHARE,
        link=links.to_topic(links.label("topic")),
        points=24,
    )


def _shares(title: str, column: str, asked: str, size: tuple[int, int]) -> Panel:
    """Mentions by a column, with the share of the negative and its interval."""
    looks = {
        "negative": [*columns.percent(), *columns.coloured(palette.SHARE)],
        **columns.share_ends(),
    }
    if column == "topic":
        looks["topic"] = [links.to_topic(links.field("topic"))]
    return table(
        title,
        "Mentions in the range, and the share of the negative among them with its 95 % interval.",
        Query(f"""
        SELECT {column}, sum(w.mentions) AS mentions, {SHARE} AS negative,
            {SHARE_ENDS}
        FROM window_scores AS w FINAL
        WHERE {asked}
        GROUP BY {column} HAVING mentions > 0
        ORDER BY mentions DESC, {column}
        LIMIT 100"""),
        looks,
        size=size,
    )


def _hours_of_week() -> Panel:
    hours = ", ".join(f'anyOrNullIf(share, hour = {hour}) AS "{hour:02}"' for hour in range(24))
    shown = table(
        "At which hours of the week is it worst?",
        "The share of negative mentions by day and hour, in the time zone of this board; empty "
        "where there are fewer than three mentions. A rhythm needs weeks: it is of the last four, "
        "or of the board's range where that is given by dates.",
        Query(f"""
        SELECT {_DAYS}[weekday] AS day, {hours}
        FROM (
            SELECT toDayOfWeek(toTimeZone(window_start, {_ZONE})) AS weekday,
                toHour(toTimeZone(window_start, {_ZONE})) AS hour, {SHARE} AS share
            FROM window_scores AS w FINAL
            WHERE {BRAND}
            GROUP BY weekday, hour HAVING sum(w.mentions) >= 3)
        GROUP BY weekday ORDER BY weekday"""),
        {"day": [*columns.measured("string"), columns.wide(52)]},
        unit=PERCENT,
        size=(24, 9),
    )
    cell = [*columns.coloured(palette.SHARE), *columns.measured(PERCENT, 0)]
    return shown.override_by_regexp("/^[0-9]{2}$/", cell).time_from("28d")
