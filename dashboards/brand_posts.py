"""What was said of a brand: posts, the words that stand out in them, and who wrote them.

Read from `posts`, a few rows at a time and to be shown; nothing here is a count for a chart.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Panel

from dashboards import columns, links
from dashboards.clickhouse import Query
from dashboards.panels import COUNT, NOTHING_SAID, table
from dashboards.sql import SAID

_SAMPLE = 5000  # mentions whose words are compared

# Words where a script has spaces, pairs of characters where it has none.
_TERMS = r"""arrayDistinct(arrayConcat(
            extractAll(lowerUTF8(text), '[\\p{Latin}\\p{Cyrillic}\\p{Arabic}\\p{Devanagari}]{4,}'),
            arrayFlatten(arrayMap(run -> ngrams(run, 2),
                extractAll(text, '[\\p{Han}\\p{Hiragana}\\p{Katakana}]{2,}')))))"""


def posts() -> list[Panel]:
    return [_negative(), _terms(), _authors()]


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
        size=(24, 11),
        empty="Nobody said anything negative",
    )


def _terms() -> Panel:
    return table(
        "Which words stand out in what is negative?",
        "Words, and pairs of characters where a script has no spaces, that negative mentions hold "
        "more often than the others: z above 2 is notable, above 4 beyond doubt. Of the latest "
        f"{_SAMPLE:,} mentions; languages are not told apart.",
        Query(f"""
        WITH said AS (
            SELECT {_TERMS} AS terms, bad FROM ({SAID})
            ORDER BY created_at DESC LIMIT {_SAMPLE}),
            (SELECT countIf(bad) FROM said) AS all_bad, (SELECT countIf(NOT bad) FROM said) AS rest
        SELECT term, countIf(bad) AS negative, countIf(NOT bad) AS others,
            (log((negative + 0.5) / (all_bad - negative + 0.5))
                - log((others + 0.5) / (rest - others + 0.5)))
                / sqrt(1 / (negative + 0.5) + 1 / (others + 0.5)) AS z
        FROM said ARRAY JOIN terms AS term
        GROUP BY term HAVING negative >= 3 AND z > 1
        ORDER BY z DESC, term
        LIMIT 20"""),
        {"z": columns.measured("none", 1)},
        size=(10, 10),
        empty="No word stands out",
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
        size=(14, 10),
        empty=NOTHING_SAID,
    )
