"""What was said of a brand: posts, the words that stand out in them, and who wrote them.

Read from `posts`, a few rows at a time and to be shown; nothing here is a count for a chart.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Panel

from dashboards import columns, links
from dashboards.brand_words import words
from dashboards.clickhouse import Query
from dashboards.panels import COUNT, NOTHING_SAID, table
from dashboards.sql import SAID


def posts() -> list[Panel]:
    return [_negative(), words(), _authors()]


def _negative() -> Panel:
    return table(
        "Which negative posts weigh most?",
        "By how negative they are and how many read them or answered. The text is as it was "
        "written: somebody else's words.",
        Query(f"""
        SELECT created_at AS time, source, author_name AS author, followers, negative, text, post_id
        FROM ({SAID})
        WHERE bad
        ORDER BY negative * log(10 + followers + 10 * answers) DESC, time DESC
        LIMIT 20"""),
        {
            "time": [columns.wide(150)],
            "source": [columns.wide(90), links.to_post()],
            "author": [columns.wide(130)],
            "followers": [columns.wide(90)],
            "negative": [*columns.percent(), columns.wide(80)],
            "text": [columns.wrapped()],
            "post_id": columns.hidden(),
        },
        size=(24, 12),
        empty="Nobody said anything negative",
    )


def _authors() -> Panel:
    return table(
        "Who says it?",
        "Those with the most negative mentions, and their followers. Posts without an author are "
        "left out.",
        Query(f"""
        SELECT any(author_name) AS author, source, countIf(bad) AS negative, count() AS mentions,
            max(followers) AS followers
        FROM ({SAID})
        WHERE author_id != ''
        GROUP BY source, author_id HAVING negative > 0
        ORDER BY negative DESC, followers DESC
        LIMIT 20"""),
        {"followers": columns.measured(COUNT)},
        size=(14, 9),
        empty=NOTHING_SAID,
    )
