"""What queries say alike: rates with their intervals, who is asked about, what is not known yet.

Every count comes from `window_scores`, whose rows are minutes; posts are read only to be shown.
No statement has SETTINGS: a user who may only read may not set any. They are in the user's profile.
"""

from __future__ import annotations

from typing import Literal

from stream.detector.usual_counts import BEND, MOST_SKEWED, NOTHING, Z
from stream.severities import SEVERITIES

WHOLE = "whole brand"
"""How the topic '' is called: a variable that is empty would mean all."""

NET = "sum(w.score_sum) / nullIf(sum(w.mentions), 0) / 10000"
SHARE = "sum(w.negative) / nullIf(sum(w.mentions), 0)"

# Up to when every partition has been read; 1970 where that is not known. As the live board tells.
KNOWN_TO = """assumeNotNull((
        SELECT if(count() >= max(partitions), min(read_to), toDateTime64(0, 3, 'UTC'))
        FROM (
            SELECT kafka_partition, read_to, max(partitions) OVER () AS partitions
            FROM progress FINAL
            WHERE topic = (SELECT argMax(topic, written_at) FROM progress))
        WHERE kafka_partition < partitions))"""

FILTERS = """$__conditionalAll(source IN (${source:singlequote}), $source)
    AND $__conditionalAll(lang IN (${language:singlequote}), $language)"""

# The brands as wholes.
BRANDS = f"topic = '' AND $__timeFilter(window_start)\n    AND {FILTERS}"

# The one brand that is chosen, and its topic.
TOPIC = f"if(${{topic:singlequote}} = '{WHOLE}', '', ${{topic:singlequote}})"
BRAND = f"""brand = ${{brand:singlequote}} AND topic = {TOPIC}
    AND $__timeFilter(window_start)
    AND {FILTERS}"""

# Its topics, each for itself.
TOPICS = f"""brand = ${{brand:singlequote}} AND topic != '' AND $__timeFilter(window_start)
    AND {FILTERS}"""

# What the posts say of the chosen brand and topic, a mention a row. To show posts, not to count.
SAID = f"""SELECT created_at, source, lang, post_id, author_id, author_name, followers,
        likes + shares + replies AS answers, text, m.2 / 10000 AS negative,
        m.2 >= m.3 AND m.2 >= m.4 AS bad
    FROM posts FINAL
    ARRAY JOIN arrayZip(`mentions.brand`, `mentions.negative`, `mentions.neutral`,
        `mentions.positive`, `mentions.topics`) AS m
    WHERE $__timeFilter(created_at) AND m.1 = ${{brand:singlequote}}
        AND ({TOPIC} = '' OR has(m.5, {TOPIC}))
        AND {FILTERS}"""

# Steps of the chosen size, but none smaller than can be drawn; 60 s is the least there is.
STEP = "greatest($__interval_s, ${granularity:raw})"
BUCKET = f"toStartOfInterval(window_start, toIntervalSecond({STEP}))"


def filled(step: str = "$__interval_s") -> str:
    """A row for every step of the range up to where all is known: there nothing was said, and 0
    is true. Beyond it nothing is drawn. Ends a statement that is ordered by `time`."""
    begin = f"toStartOfInterval($__fromTime, toIntervalSecond({step}))"
    # Of a range that is wholly unknown nothing is filled; an end before the begin is an error.
    return f"""ORDER BY time WITH FILL FROM {begin}
    TO greatest({begin}, least($__toTime, toDateTime({KNOWN_TO}))) STEP {step}"""


def every_step(name: str, value: str, sql: str) -> str:
    """Many series by the column `name`, with every step of the range in one of them at least: a
    panel of strips takes its cells' width from the first two, and would draw too wide ones."""
    return f"""
        SELECT toDateTime(row.1, 'UTC') AS time, row.2 AS {name}, any(row.3) AS {value}
        FROM (
            SELECT arrayJoin(arrayConcat(known, arrayMap(at -> (at, known[1].2, NULL), range(
                toUInt32(toStartOfInterval($__fromTime, toIntervalSecond($__interval_s))),
                toUInt32($__toTime), $__interval_s)))) AS row
            FROM (
                SELECT groupArray((toUInt32(time), {name}, toNullable({value}))) AS known
                FROM ({sql}))
            WHERE notEmpty(known))
        GROUP BY time, {name}
        ORDER BY time, {name}"""


def wilson(sign: str, bad: str = "sum(w.negative)", of: str = "sum(w.mentions)") -> str:
    """An end of the 95 % interval of a share: `sign` is - or +. NULL where nothing was counted.

    Wilson's: honest for few mentions too, where the usual one would leave 0 to 1.
    """
    return (
        f"({bad} + 1.9208 {sign} 1.96 * sqrt("
        f"{bad} * ({of} - {bad}) / nullIf({of}, 0) + 0.9604)) / ({of} + 3.8416)"
    )


SHARE_ENDS = f'{wilson("-")} AS "at least", {wilson("+")} AS "at most"'
"""Columns: the two ends of the interval of SHARE."""


def rule_step(rule: str, brand: str, topic: str) -> str:
    """Seconds between what a rule expects of a series: below them there is nothing to compare."""
    return f"""assumeNotNull((
        SELECT greatest(60, arrayMin(arrayFilter(apart -> apart > 0, arrayDifference(arraySort(
            groupArray(toUInt32(minute)))))))
        FROM (
            SELECT DISTINCT minute FROM expectations
            WHERE rule = {rule} AND brand = {brand} AND topic = {topic}
            ORDER BY minute DESC LIMIT 100)))"""


def beside(least: str, rule: str, brand: str, topic: str) -> tuple[str, str]:
    """Negative mentions and all of them, beside what a rule expects of the negative: columns
    time, negative, mentions, low, high; and the step, which is `least` or the rule's own.

    The sources and languages are all: a rule's.
    """
    step = f"greatest({least}, {rule_step(rule, brand, topic)})"
    sql = f"""
    SELECT time, negative, mentions, {usual_end("low")} AS low, {usual_end("high")} AS high
    FROM (
        SELECT time, sum(bad) AS negative, sum(said) AS mentions, sum(expects) AS mean,
            sum(varies) AS variance
        FROM (
            SELECT toStartOfInterval(window_start, toIntervalSecond({step})) AS time,
                sum(w.negative) AS bad, sum(w.mentions) AS said,
                toNullable(toFloat64(NULL)) AS expects, toNullable(toFloat64(NULL)) AS varies
            FROM window_scores AS w FINAL
            WHERE brand = {brand} AND topic = {topic} AND $__timeFilter(window_start)
            GROUP BY time
            UNION ALL
            SELECT toStartOfInterval(minute, toIntervalSecond({step})) AS time, 0, 0,
                sum(toFloat64(expected)), sum(toFloat64(expected_variance))
            FROM expectations FINAL
            WHERE rule = {rule} AND brand = {brand} AND topic = {topic} AND $__timeFilter(minute)
            GROUP BY time)
        GROUP BY time)"""
    return sql, step


def usual_end(end: Literal["low", "high"]) -> str:
    """The fewest or the most usual counts of `mean` and `variance`, which are columns, as
    stream/detector/usual_counts.py makes them; of `mentions`, and NULL where nothing is expected.
    """
    to_whole, sign = ("ceil", "-") if end == "low" else ("floor", "+")
    bend = f"{BEND} * least(2 * variance / mean - 1, {MOST_SKEWED} * sqrt(variance))"
    usual = f"greatest(0, {to_whole}(mean + {bend} {sign} ({Z} * sqrt(variance) + 0.5)))"
    return f"if(isNull(mean), NULL, least(toFloat64(mentions), if(mean > {NOTHING}, {usual}, 0)))"


def net_end(sign: str) -> str:
    """An end of the 95 % interval of net sentiment. It is at most so wide: the spread is that of
    whole labels, and scores lie between them."""
    bad, good, of = "sum(w.negative)", "sum(w.positive)", "nullIf(sum(w.mentions), 0)"
    return (
        f"{NET} {sign} 1.96 * sqrt(greatest(0, "
        f"({good} + {bad}) / {of} - pow(({good} - {bad}) / {of}, 2)) / {of})"
    )


# Incidents as they stand after their last transition; the last before the end tells what fired.
INCIDENTS = """SELECT alert_id, any(rule) AS rule, any(brand) AS brand, any(topic) AS topic,
        argMax(state, at) AS state, argMax(severity, at) AS severity, any(kind) AS kind,
        min(opened_at) AS opened, max(changed_at) AS changed,
        argMaxIf(observed, at, fires) AS observed, argMaxIf(expected, at, fires) AS expected
    FROM (SELECT *, (step, changed_at) AS at, state != 'resolved' AS fires FROM alerts FINAL)
    GROUP BY alert_id"""

SEVERITY_RANK = f"indexOf({list(SEVERITIES)}, severity)"
