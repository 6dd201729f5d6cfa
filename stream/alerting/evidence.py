"""Why an alert fired: what was counted, who said it, and the posts that say it best.

Everything is read from `posts` as they are now; what the detector decided on is in the counts.
Post text is data: whoever shows it must escape it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from stream.alerting.incidents import Transition
from stream.alerting.minutes import LISTENED, listened_to
from stream.alerting.terms import leading_terms
from stream.database import Client, errors_sorted, time_limit
from stream.detector.detect import DETECTOR_VERSION
from stream.detector.verdict import Verdict
from stream.rules import Rule

TELLING_POSTS = 5
TEXT_CUT = 280  # characters of a telling post
_USUAL_FOR = timedelta(days=3)  # what was said before, for the leading terms
_TEXTS_READ = 400  # for the leading terms, now and before

# One mention of the brand, on the topic if one is asked for; a tie is negative (DESIGN §7).
_MENTIONS = (
    """
FROM posts FINAL
ARRAY JOIN arrayZip(`mentions.brand`, `mentions.topics`, `mentions.negative`, `mentions.neutral`,
    `mentions.positive`) AS m
WHERE toStartOfMinute(created_at) >= {since:DateTime('UTC')}
    AND toStartOfMinute(created_at) < {until:DateTime('UTC')}
    AND m.1 = {brand:String} AND ({topic:String} = '' OR has(m.2, {topic:String}))
    AND """
    + LISTENED
)
_NEGATIVE = " AND m.3 >= m.4 AND m.3 >= m.5"
_LIMITED = (
    " SETTINGS max_execution_time = {limit:UInt32}, do_not_merge_across_partitions_select_final = 1"
)

_TOLD = f"""
SELECT count(), uniqExact(text_hash),
    uniqExact(if(author_id = '', concat('text:', toString(text_hash)),
        concat(source, ':', author_id))),
    max(generation), sumMap([toString(source)], [1]), sumMap([toString(lang)], [1]),
    sumMap(arrayMap(t -> toString(t), m.2), arrayMap(t -> 1, m.2)),
    max((created_at, ingested_at, source, post_id))
{_MENTIONS}{_NEGATIVE}{_LIMITED}"""

_TELLING = f"""
SELECT source, post_id, created_at, author_name, followers, url,
    substringUTF8(text, 1, {TEXT_CUT + 1}), m.3
{_MENTIONS}{_NEGATIVE}
ORDER BY m.3 * log2(2 + followers) DESC, created_at, source, post_id
LIMIT 1 BY text_hash
LIMIT {TELLING_POSTS}{_LIMITED}"""

_TEXTS = f"""
SELECT text {_MENTIONS}{{negative}}
ORDER BY created_at DESC LIMIT 1 BY text_hash LIMIT {_TEXTS_READ}{_LIMITED}"""

_TEXTS_NOW = _TEXTS.replace("{negative}", _NEGATIVE)
_TEXTS_BEFORE = _TEXTS.replace("{negative}", "")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class TellingPost(_Part):
    """A negative post that says what this is about. `negative` is a probability."""

    source: str
    post_id: str
    created_at: datetime
    author: str
    followers: int
    url: str
    text: str
    negative: float


class DecidingPost(_Part):
    """The latest negative post in the window: it proved the alarm."""

    source: str
    post_id: str
    created_at: datetime
    ingested_at: datetime


class Evidence(_Part):
    """What fired, over which time, how it compares, and who drives it.

    Counts and expectations are of mentions in [since, until); `posts_counted`, `texts` and
    `authors` are distinct ones among the negative; the shares are of negative mentions.
    """

    condition: str
    since: datetime
    until: datetime
    minutes: int
    negative: int
    mentions: int
    expected: float
    expected_low: float
    expected_high: float
    share: float
    expected_share: float
    score: float
    share_evidence: float
    count_evidence: float
    granularity_seconds: int
    rule: str
    detector_version: str
    generation: int
    posts_counted: int
    texts: int
    authors: int
    summary: str
    sources: dict[str, int]
    languages: dict[str, int]
    topics: dict[str, int]
    terms: list[str]
    posts: list[TellingPost]
    deciding_post: DecidingPost | None


def gather(
    client: Client, row: Transition, verdict: Verdict, rule: Rule, limit: timedelta
) -> Evidence:
    """The evidence of a transition. `limit` bounds each query. Raises RetryLater."""
    window: dict[str, Any] = {
        "brand": row.brand,
        "topic": row.topic,
        "since": verdict.since,
        "until": verdict.at,
        "limit": time_limit(limit),
        **listened_to(rule),
    }
    before = window | {"since": verdict.since - _USUAL_FOR, "until": verdict.since}
    with errors_sorted():
        told = client.query(_TOLD, parameters=window).result_rows[0]
        telling = client.query(_TELLING, parameters=window).result_rows
        texts = [row[0] for row in client.query(_TEXTS_NOW, parameters=window).result_rows]
        usual = [row[0] for row in client.query(_TEXTS_BEFORE, parameters=before).result_rows]
    posts, distinct, authors, generation, sources, languages, topics, last = told
    return Evidence(
        condition=verdict.reason,
        since=verdict.since,
        until=verdict.at,
        minutes=(verdict.at - verdict.since) // timedelta(minutes=1),
        negative=verdict.observed,
        mentions=verdict.mentions,
        expected=round(verdict.expected, 3),
        expected_low=round(verdict.expected_low, 3),
        expected_high=round(verdict.expected_high, 3),
        share=round(verdict.observed / max(verdict.mentions, 1), 4),
        expected_share=round(verdict.expected_share, 4),
        score=round(verdict.score, 4),
        share_evidence=round(verdict.share_evidence, 3),
        count_evidence=round(verdict.count_evidence, 3),
        granularity_seconds=int(rule.granularity.total_seconds()),
        rule=rule.name,
        detector_version=DETECTOR_VERSION,
        generation=generation,
        posts_counted=posts,
        texts=distinct,
        authors=authors,
        summary=f"{posts} posts, {distinct} distinct texts, {authors} authors",
        sources=_largest_first(sources),
        languages=_largest_first(languages),
        topics=_largest_first(topics),
        terms=leading_terms(texts, usual),
        posts=[_telling(row) for row in telling],
        deciding_post=_deciding(last) if posts else None,
    )


def _telling(row: Any) -> TellingPost:
    source, post_id, created_at, author, followers, url, text, negative = row
    return TellingPost(
        source=source,
        post_id=post_id,
        created_at=created_at,
        author=author,
        followers=followers,
        # What is no web link (javascript:, data:) is no link.
        url=url if url.lower().startswith(("https://", "http://")) else "",
        text=text if len(text) <= TEXT_CUT else text[: TEXT_CUT - 1] + "…",
        negative=negative / 10_000,
    )


def _deciding(last: Any) -> DecidingPost:
    created_at, ingested_at, source, post_id = last
    return DecidingPost(
        source=source, post_id=post_id, created_at=created_at, ingested_at=ingested_at
    )


def _largest_first(counted: Any) -> dict[str, int]:
    """A sumMap's (keys, values) as a dictionary, the largest first."""
    keys, values = counted
    pairs = sorted(zip(keys, values, strict=True), key=lambda pair: (-pair[1], pair[0]))
    return {str(key): int(value) for key, value in pairs}
