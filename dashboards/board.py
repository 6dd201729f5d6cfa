"""What makes a board: its panels, the way to the others, and what is marked over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard, Panel
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, VariableModel

from dashboards import links
from dashboards.clickhouse import annotation
from dashboards.palette import NEGATIVE, SOFT
from dashboards.sql import INCIDENTS, KNOWN_TO, TOPIC


def board_of(
    name: str,
    title: str,
    why: str,
    variables: Sequence[Builder[VariableModel]],
    panels: Iterable[Panel],
    marks: Iterable[AnnotationQuery] = (),
    since: str = "now-24h",
) -> Dashboard:
    """A board. `name` is what its address and its file are called; `marks` are drawn over all
    panels with a time axis; `panels` stand from left to right, row by row."""
    made = (
        Dashboard(f"Undertone · {title}")
        .uid(links.uid(name))
        .description(why)
        .tags([links.TAG])
        .timezone("browser")
        .time(since, "now")
        .refresh("1m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(links.among_boards())
        .variables(list(variables))
    )
    for mark in marks:
        made = made.annotation(mark)
    for panel in panels:
        made = made.with_panel(panel)
    return made


def not_read_yet() -> AnnotationQuery:
    """The time from which on posts are still to be read: nothing there does not mean silence."""
    return annotation(
        "Not read yet",
        SOFT,
        f"""
        SELECT {KNOWN_TO} AS time, now64(3) AS timeEnd,
            'Not read yet: what is missing here is unknown, not zero' AS text
        WHERE time > toDateTime64(0, 3) AND time < now64(3) - INTERVAL 90 SECOND
            AND time <= $__toTime""",
    )


def incidents_of_brand() -> AnnotationQuery:
    """The incidents of the brand that is chosen: of its topic, or of all where it is the whole."""
    return annotation(
        "Incidents",
        NEGATIVE,
        f"""
        SELECT opened AS time, if(state = 'resolved', changed, now64(3)) AS timeEnd,
            concat(severity, ' · ', if(topic = '', 'the whole brand', topic), ' · ', rule) AS text,
            state AS tags
        FROM ({INCIDENTS})
        WHERE brand = ${{brand:singlequote}} AND has(['', toString(topic)], {TOPIC})
            AND opened <= $__toTime AND timeEnd >= $__fromTime
        ORDER BY time DESC LIMIT 100""",
    )
