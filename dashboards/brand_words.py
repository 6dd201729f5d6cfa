"""Which words stand out in what is negative of a brand, as `stream/alerting/terms.py` tells it.

The same statistic, in one statement: log-odds with a prior, each language compared with itself. A
language whose others are few weighs little, as its variance is large.
"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Panel

from dashboards import columns
from dashboards.clickhouse import Query
from dashboards.panels import table
from dashboards.sql import SAID
from stream.alerting.log_odds import MOST_PRIOR, PRIOR
from stream.alerting.terms import LEAST_TEXTS, LEAST_Z

_SAMPLE = 5000  # mentions whose words are compared
_LONGEST = 40  # characters of a word: what is longer is none

# Words where a script has spaces; pairs of characters where it has none, and in Korean.
_PLAIN = r"replaceRegexpAll(lowerUTF8(normalizeUTF8NFKC(text)), 'https?://\\S+|@\\w+', ' ')"
_WORD = r"\\p{L}[\\p{L}\\p{M}]{2,}"
_RUN = r"[\\p{Han}\\p{Hiragana}\\p{Katakana}\\p{Hangul}\\p{Thai}\\p{Lao}\\p{Khmer}\\p{Myanmar}]{2,}"
_TERMS = f"""arrayDistinct(arrayConcat(
                extractAll(replaceRegexpAll(plain, '{_RUN}', ' '), '{_WORD}'),
                arrayFlatten(arrayMap(run -> ngrams(run, 2), extractAll(plain, '{_RUN}')))))"""

# `held` of `spoken` negative mentions, and `held_else` of `spoken_else` others: log_odds.py.
_LOG_ODDS = f"""
            least({MOST_PRIOR}, {PRIOR} * (spoken + spoken_else)) AS prior,
            prior * (held + held_else + 0.5) / (spoken + spoken_else + 1) AS common,
            held + common AS bad_with, spoken + prior - bad_with AS bad_without,
            held_else + common AS else_with, spoken_else + prior - else_with AS else_without,
            log(bad_with / bad_without) - log(else_with / else_without) AS difference,
            1 / bad_with + 1 / bad_without + 1 / else_with + 1 / else_without AS variance"""


def words() -> Panel:
    return table(
        "Which words stand out in what is negative?",
        "Words, and pairs of characters where a script has no spaces, that negative mentions hold "
        "more often than the other mentions of the range in the same language: log-odds with a "
        f"prior, over all languages. z above 4 is beyond doubt; below {LEAST_Z}, or in fewer than "
        f"{LEAST_TEXTS} negative mentions, none is shown. Of the latest {_SAMPLE:,} mentions.",
        Query(f"""
        SELECT term, sum(held) AS negative, sum(held_else) AS others,
            sum(difference / variance) / sqrt(sum(1 / variance)) AS z
        FROM (
            SELECT term, countIf(bad) AS held, countIf(NOT bad) AS held_else,
            {_LOG_ODDS}
            FROM (
                SELECT lang, bad, {_PLAIN} AS plain, {_TERMS} AS terms,
                    countIf(bad) OVER alike AS spoken, countIf(NOT bad) OVER alike AS spoken_else
                FROM (SELECT * FROM ({SAID}) ORDER BY created_at DESC LIMIT {_SAMPLE})
                WINDOW alike AS (PARTITION BY lang))
            ARRAY JOIN terms AS term
            WHERE lengthUTF8(term) <= {_LONGEST}
            GROUP BY lang, term, spoken, spoken_else HAVING held > 0)
        GROUP BY term HAVING negative >= {LEAST_TEXTS} AND z >= {LEAST_Z}
        ORDER BY z DESC, term
        LIMIT 20"""),
        {"z": columns.measured("none", 1)},
        size=(10, 9),
        empty="No word stands out",
    )
