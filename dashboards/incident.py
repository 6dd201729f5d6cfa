"""Board 3: one incident: what happened, against what is usual, and on what evidence."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard, Panel

from dashboards import columns, links, palette
from dashboards.board import board_of, not_read_yet
from dashboards.clickhouse import Query, annotation, series
from dashboards.incident_evidence import LATEST, evidence
from dashboards.library import negative_and_expected
from dashboards.panels import COUNT, in_colours, number, stacks, table
from dashboards.sql import INCIDENTS, KNOWN_TO, SHARE, SHARE_ENDS, beside, filled
from dashboards.variables import board, clickhouse, incident

_CHOSEN = f"(SELECT * FROM ({INCIDENTS}) WHERE alert_id = ${{incident:singlequote}})"
_BRAND, _TOPIC, _RULE = (f"(SELECT {name} FROM {_CHOSEN})" for name in ("brand", "topic", "rule"))

_BESIDE = beside("$__interval_s", _RULE, _BRAND, _TOPIC)


def of_incident() -> Dashboard:
    return board_of(
        "incident",
        "3 · Incident",
        "One incident: what happened, against what is usual, and on what evidence.",
        [incident(), board(), clickhouse()],
        [*_numbers(), _against_usual(), _moods(), _before_and_after(), _life(), *evidence()],
        [_turns(), not_read_yet()],
    )


def _turns() -> AnnotationQuery:
    return annotation(
        "What happened to it",
        palette.NEGATIVE,
        """
        SELECT changed_at AS time, changed_at AS timeEnd,
            concat(transition, ' · ', severity, if(actor = '', '', concat(' · ', actor))) AS text
        FROM alerts FINAL
        WHERE alert_id = ${incident:singlequote} AND $__timeFilter(changed_at)
        ORDER BY time LIMIT 100""",
    )


def _numbers() -> list[Panel]:
    return [
        number(
            "How far is it outside the usual?",
            "Negative mentions in the time that fired, how many were expected in it, and how many "
            "times that it is. As it stood when it last changed before its end.",
            Query(f"""
            SELECT observed, expected, observed / nullIf(expected, 0) AS "times the usual"
            FROM {_CHOSEN}"""),
            unit=COUNT,
            size=(9, 3),
            empty="Choose an incident",
            names=True,
        ),
        number(
            "How many voices are behind it?",
            "Distinct negative posts, texts and authors in that time. Many posts of few texts or "
            "authors are a campaign, not a mood.",
            Query(f"""
            SELECT JSONExtractInt(told, 'posts_counted') AS posts,
                JSONExtractInt(told, 'texts') AS texts, JSONExtractInt(told, 'authors') AS authors
            FROM (SELECT {LATEST} AS told) WHERE told != ''"""),
            unit=COUNT,
            size=(9, 3),
            empty="No evidence was gathered",
            names=True,
        ),
        number(
            "How long has it lasted?",
            "From its opening to its end, or to what is known by now.",
            Query(f"""
            SELECT dateDiff('second', opened, if(state = 'resolved', changed,
                toDateTime64({KNOWN_TO}, 3))) AS seconds
            FROM {_CHOSEN}"""),
            unit="s",
            size=(6, 3),
            empty="Choose an incident",
        ),
    ]


def _against_usual() -> Panel:
    return negative_and_expected(
        "When did it leave the usual?",
        "Negative mentions, and the band in which the rule expects 19 of 20 of its steps, given "
        "how many mentions there are. Marks are what happened to the incident.",
        *_BESIDE,
    )


def _moods() -> Panel:
    return in_colours(
        stacks(
            "What else was said of it at the time?",
            "Mentions of the brand, or of its topic, by their most probable label.",
            series(f"""
            SELECT $__timeInterval(window_start) AS time, sum(w.negative) AS negative,
                sum(w.neutral) AS neutral, sum(w.positive) AS positive
            FROM window_scores AS w FINAL
            WHERE brand = {_BRAND} AND topic = {_TOPIC} AND $__timeFilter(window_start)
            GROUP BY time
            {filled()}"""),
            size=(12, 9),
        ),
        palette.MOODS,
    )


def _before_and_after() -> Panel:
    sql = f"""
    WITH chosen AS {_CHOSEN},
        (SELECT opened FROM chosen) AS began,
        (SELECT if(state = 'resolved', changed, toDateTime64({KNOWN_TO}, 3)) FROM chosen) AS ended,
        toIntervalSecond(greatest(60, dateDiff('second', began, ended))) AS lasted
    SELECT multiIf(w.window_start < began, 'before', w.window_start < ended, 'during', 'after')
            AS stretch, sum(w.mentions) AS mentions, sum(w.negative) AS negative, {SHARE} AS share,
        {SHARE_ENDS},
        uniqExactMerge(w.negative_authors) AS "negative authors", sum(w.reach) AS reach
    FROM window_scores AS w FINAL
    WHERE brand = (SELECT brand FROM chosen) AND topic = (SELECT topic FROM chosen)
        AND window_start >= began - lasted AND window_start < ended + lasted
    GROUP BY stretch
    ORDER BY indexOf(['before', 'during', 'after'], stretch)"""
    return table(
        "What was different before and after?",
        "As long before it and after it as it lasted. Shares with their 95 % intervals.",
        Query(sql),
        {
            "share": [*columns.percent(), *columns.coloured(palette.SHARE)],
            **columns.share_ends(),
            "negative authors": [columns.wide(125)],
        },
        size=(10, 6),
    )


def _life() -> Panel:
    return table(
        "What happened to it, and who did what?",
        "Its transitions, the latest first. Without a name it was the watcher.",
        Query("""
        SELECT changed_at AS time, transition, severity, state, reason, observed, expected, actor,
            comment, alert_id
        FROM alerts FINAL
        WHERE alert_id = ${incident:singlequote}
        ORDER BY step DESC, changed_at DESC"""),
        {
            "time": [columns.wide(150)],
            "transition": [links.to_incident_page(), columns.wide(105)],
            "severity": [*columns.words(palette.SEVERITIES), columns.wide(70)],
            "state": [columns.wide(105)],
            "reason": [columns.wide(120)],
            "observed": [columns.wide(75)],
            "expected": [*columns.measured(COUNT, 1), columns.wide(75)],
            "comment": [columns.wrapped()],
            "alert_id": columns.hidden(),
        },
        size=(14, 6),
        empty="Choose an incident",
    )
