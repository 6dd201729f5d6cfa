"""The evidence of an incident, as it was gathered when it last changed before its end."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Panel

from dashboards import columns, links
from dashboards.clickhouse import Query
from dashboards.panels import COUNT, table

LATEST = """assumeNotNull((
                SELECT argMax(evidence, (step, changed_at)) FROM alerts FINAL
                WHERE alert_id = ${incident:singlequote} AND evidence != ''
                    AND state != 'resolved'))"""

_SHARES = (
    "Array(Tuple(name String, negative Int64, share Float64, "
    "usual_share Nullable(Float64), z Float64))"
)
_TERMS = "Array(Tuple(term String, texts Int64, usual_texts Int64, z Float64))"
_POSTS = "Array(Tuple(source String, post_id String, created_at String))"
_NONE = "No evidence was gathered"


def evidence() -> list[Panel]:
    return [_carriers(), _terms(), _deliveries(), _posts()]


def _carriers() -> Panel:
    parts = ",\n                ".join(
        f"arrayMap(one -> ('{name}', one), JSONExtract({LATEST}, '{name}_shares', '{_SHARES}'))"
        for name in ("topic", "source", "language")
    )
    return table(
        "What carries it?",
        "Parts of its negative mentions, beside their usual parts: z above 2 is notable, above 4 "
        "beyond doubt.",
        Query(f"""
        SELECT part.1 AS of, part.2.name AS name, part.2.negative AS negative,
            part.2.share AS share, part.2.usual_share AS usual, part.2.z AS z
        FROM (
            SELECT arrayJoin(arrayConcat(
                {parts})) AS part)
        ORDER BY z DESC, name
        LIMIT 24"""),
        {
            "share": columns.percent(),
            "usual": columns.percent(),
            "z": columns.measured("none", 1),
        },
        size=(8, 10),
        empty=_NONE,
    )


def _terms() -> Panel:
    return table(
        "Which words does it use more than usual?",
        "In how many of its texts a word stands, and in how many before. z above 2 is notable.",
        Query(f"""
        SELECT one.term AS term, one.texts AS texts, one.usual_texts AS before, one.z AS z
        FROM (SELECT arrayJoin(JSONExtract({LATEST}, 'term_details', '{_TERMS}')) AS one)
        ORDER BY z DESC"""),
        {"z": columns.measured("none", 1)},
        size=(6, 10),
        empty="No word stands out",
    )


def _deliveries() -> Panel:
    return table(
        "Who was told, and did it arrive?",
        "Every attempt to deliver a notice of it, the latest first.",
        Query("""
        SELECT attempted_at AS time, transition, receiver, attempt, outcome, reason
        FROM deliveries
        WHERE alert_id = ${incident:singlequote}
        ORDER BY time DESC, attempt DESC
        LIMIT 100"""),
        {
            "time": [columns.wide(150)],
            "transition": [columns.wide(90)],
            "receiver": [columns.wide(100)],
            "attempt": [columns.wide(70)],
            "outcome": [columns.wide(75)],
        },
        size=(10, 10),
        empty="Nobody was told",
    )


def _posts() -> Panel:
    return table(
        "Which posts tell it best?",
        "Chosen when the evidence was gathered, read anew: a post deleted since is gone here too. "
        "The text is as it was written: somebody else's words.",
        Query(f"""
        WITH (SELECT JSONExtract({LATEST}, 'posts', '{_POSTS}')) AS told
        SELECT created_at AS time, source, author_name AS author, followers, text, post_id
        FROM posts FINAL
        WHERE (source, post_id) IN (SELECT arrayJoin(arrayMap(one -> (one.1, one.2), told)))
            AND toStartOfMinute(created_at) IN (SELECT arrayJoin(arrayMap(
                one -> toStartOfMinute(parseDateTime64BestEffort(one.3, 3, 'UTC')), told)))
        ORDER BY time
        LIMIT 20"""),
        {
            "time": [columns.wide(150)],
            "source": [columns.wide(90), links.to_post()],
            "author": [columns.wide(130)],
            "followers": [columns.wide(90), *columns.measured(COUNT)],
            "text": [columns.wrapped()],
            "post_id": columns.hidden(),
        },
        size=(24, 7),
        empty=_NONE,
    )
