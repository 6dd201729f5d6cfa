"""What the tables tell of the service itself: positions, passes, deliveries, generations."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Panel

from dashboards import columns, palette
from dashboards.clickhouse import Query, series
from dashboards.panels import COUNT, in_colours, lines, stacks, table

_OUTCOMES = {
    "sent": palette.SOFT,
    "retry": palette.mixed(palette.SOFT, palette.NEGATIVE, 0.4),
    "disabled": palette.NEGATIVE,
    "gave_up": palette.NEGATIVE,
}


def tables() -> list[Panel]:
    return [_positions(), _passes(), _outcomes(), _receivers(), _generations()]


def _positions() -> Panel:
    return table(
        "Up to when is each partition read?",
        "The farthest behind first. Minutes after the earliest are unknown, not calm.",
        Query("""
        SELECT topic, kafka_partition AS partition, read_to AS "read up to",
            dateDiff('second', read_to, now64(3)) AS behind, next_offset AS "next offset"
        FROM progress FINAL
        WHERE kafka_partition < partitions
        ORDER BY behind DESC, topic, partition
        LIMIT 200"""),
        {
            "behind": [
                *columns.measured("s"),
                *columns.coloured_text(palette.steps(palette.INK, (120, palette.NEGATIVE))),
            ],
            "read up to": [columns.wide(150)],
            "next offset": columns.measured("none"),
        },
        size=(9, 8),
        empty="No consumer has told yet",
    )


def _passes() -> Panel:
    shown = lines(
        "What do the passes recount?",
        "Minutes that each pass over the windows recounted. Many at once are late posts or a "
        "backfill.",
        series("""
        SELECT $__timeInterval(started_at) AS time, max(windows) AS "minutes at most",
            avg(windows) AS "minutes usually"
        FROM passes
        WHERE $__timeFilter(started_at)
        GROUP BY time
        ORDER BY time"""),
        unit=COUNT,
        size=(7, 8),
        empty="No pass ran",
    )
    return in_colours(shown, {"minutes usually": palette.SOFT})


def _outcomes() -> Panel:
    shown = stacks(
        "Do notices arrive?",
        "Attempts to deliver, by what became of them. A failed one is tried again for a day.",
        series("""
        SELECT $__timeInterval(attempted_at) AS time, outcome, count() AS attempts
        FROM deliveries
        WHERE $__timeFilter(attempted_at) AND outcome != 'retry_asked'
        GROUP BY time, outcome
        ORDER BY time, outcome"""),
        size=(8, 8),
        empty="Nothing was to be delivered",
        least="5m",
    ).display_name("${__field.labels.outcome}")
    return in_colours(shown, _OUTCOMES)


def _receivers() -> Panel:
    return table(
        "Which receivers are in trouble?",
        "Those with the most attempts that did not arrive first, and the latest reason.",
        Query("""
        SELECT receiver, countIf(outcome = 'sent') AS sent, countIf(outcome != 'sent') AS missed,
            argMaxIf(reason, attempted_at, outcome != 'sent') AS "last reason",
            quantile(0.95)(seconds) AS "19 of 20 within", max(attempted_at) AS "last attempt"
        FROM deliveries
        WHERE $__timeFilter(attempted_at) AND outcome != 'retry_asked'
        GROUP BY receiver
        ORDER BY missed DESC, receiver
        LIMIT 100"""),
        {
            "sent": [columns.wide(75)],
            "missed": [*columns.coloured_text(palette.BAD_FROM_ONE), columns.wide(75)],
            "19 of 20 within": [*columns.measured("s", 1), columns.wide(120)],
            "last attempt": [columns.wide(150)],
        },
        size=(14, 5),
        empty="Nothing was to be delivered",
    )


def _generations() -> Panel:
    return table(
        "Which analysis is in force?",
        "The generations of model and brands, the latest first; the first digits of their hashes.",
        Query("""
        SELECT generation, activated_at AS "in force since", left(model_hash, 12) AS model,
            left(catalogue_hash, 12) AS brands, matcher_version AS matcher
        FROM model_runs FINAL
        ORDER BY generation DESC
        LIMIT 20"""),
        {
            "generation": columns.measured("none"),
            "in force since": [columns.wide(150)],
            "matcher": columns.measured("none"),
        },
        size=(10, 5),
        empty="Nothing was activated yet",
    )
