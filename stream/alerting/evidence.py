"""Why an alert fired: what was counted, who said it, and the posts that say it best.

Everything is read from `posts` as they are now; what the detector decided on is in the counts.
Post text is data: whoever shows it must escape it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from stream.alerting.carried import CarriedBy, carried_by
from stream.alerting.incidents import Transition
from stream.alerting.log_odds import Share, shares
from stream.alerting.mentions import Mentions
from stream.alerting.minutes import listened_to
from stream.alerting.telling import Candidate, most_telling
from stream.alerting.terms import LeadingTerm, leading_terms
from stream.database import Client, time_limit
from stream.detector.detect import DETECTOR_VERSION
from stream.detector.verdict import Verdict
from stream.generations import analysis_of
from stream.rules import Rule

TELLING_POSTS = 5
TEXT_CUT = 280  # characters of a telling post
_HASH_CUT = 12  # characters that tell one model from another
_BRANDS_SHOWN = 8


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
    `authors` are distinct ones among the negative; shares are of negative mentions, those of
    `topic_shares` of the brand's. `share_evidence` and `count_evidence` are the statistic: how much
    better a rise explains what was counted than no rise does, as logarithms. `brands` are the
    others that the same posts name. `model` and `catalogue` are the first digits of the hashes in
    `model_runs`.
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
    rule_version: str
    detector_version: str
    generation: int
    model: str
    catalogue: str
    posts_counted: int
    texts: int
    authors: int
    summary: str
    carried_by: CarriedBy
    sources: dict[str, int]
    languages: dict[str, int]
    topics: dict[str, int]
    brands: dict[str, int]
    source_shares: list[Share]
    language_shares: list[Share]
    topic_shares: list[Share]
    terms: list[str]
    term_details: list[LeadingTerm]
    posts: list[TellingPost]
    deciding_post: DecidingPost | None


def gather(
    client: Client, row: Transition, verdict: Verdict, rule: Rule, limit: timedelta
) -> Evidence:
    """The evidence of a transition. `limit` bounds each query. Raises RetryLater."""
    mentions = Mentions(
        client,
        {
            "brand": row.brand,
            "topic": row.topic,
            "since": verdict.since,
            "until": verdict.at,
            "limit": time_limit(limit),
            **listened_to(rule),
        },
    )
    told, before = mentions.counted(), mentions.usual()
    texts, said = mentions.sample()
    terms = leading_terms(said, mentions.usual_sayings(sorted({saying.lang for saying in said})))
    analysis = analysis_of(client, told.generation)
    # A topic's own share of itself would say nothing.
    topics = {name: count for name, count in told.topics.items() if name != row.topic}
    return Evidence(
        **_of_verdict(verdict),
        granularity_seconds=int(rule.granularity.total_seconds()),
        rule=rule.name,
        rule_version=rule.version,
        detector_version=DETECTOR_VERSION,
        generation=told.generation,
        model=analysis.model_hash[:_HASH_CUT] if analysis else "",
        catalogue=analysis.catalogue_hash[:_HASH_CUT] if analysis else "",
        posts_counted=told.posts,
        texts=told.texts,
        authors=told.authors,
        summary=f"{told.posts} posts, {told.texts} distinct texts, {told.authors} authors",
        carried_by=carried_by(told.posts, mentions.busiest_authors(), texts),
        sources=_largest_first(told.sources),
        languages=_largest_first(told.languages),
        topics=_largest_first(told.topics),
        brands=dict(list(_largest_first(told.brands).items())[:_BRANDS_SHOWN]),
        source_shares=shares(told.sources, told.posts, before.sources, before.of_series),
        language_shares=shares(told.languages, told.posts, before.languages, before.of_series),
        topic_shares=shares(topics, told.posts, before.topics, before.of_brand),
        terms=[term.term for term in terms],
        term_details=terms,
        posts=[_telling(row) for row in telling_rows(mentions.heaviest())],
        deciding_post=_deciding(told.latest) if told.posts else None,
    )


def _of_verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "condition": verdict.reason,
        "since": verdict.since,
        "until": verdict.at,
        "minutes": (verdict.at - verdict.since) // timedelta(minutes=1),
        "negative": verdict.observed,
        "mentions": verdict.mentions,
        "expected": round(verdict.expected, 3),
        "expected_low": round(verdict.expected_low, 3),
        "expected_high": round(verdict.expected_high, 3),
        "share": round(verdict.observed / max(verdict.mentions, 1), 4),
        "expected_share": round(verdict.expected_share, 4),
        "score": round(verdict.score, 4),
        "share_evidence": round(verdict.share_evidence, 3),
        "count_evidence": round(verdict.count_evidence, 3),
    }


def telling_rows(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of `Mentions.heaviest` that say most, the most telling first."""
    candidates = [
        Candidate(
            row["text"], f"{row['source']}:{row['author_id']}" if row["author_id"] else "",
            row["weight"],
        )
        for row in rows
    ]  # fmt: skip
    return [rows[i] for i in most_telling(candidates, TELLING_POSTS)]


def _telling(row: Mapping[str, Any]) -> TellingPost:
    url, text = row["url"], row["text"]
    return TellingPost(
        source=row["source"],
        post_id=row["post_id"],
        created_at=row["created_at"],
        author=row["author"],
        followers=row["followers"],
        # What is no web link (javascript:, data:) is no link.
        url=url if url.lower().startswith(("https://", "http://")) else "",
        text=text if len(text) <= TEXT_CUT else text[: TEXT_CUT - 1] + "…",
        negative=row["negative"] / 10_000,
    )


def _deciding(latest: Sequence[Any]) -> DecidingPost:
    created_at, ingested_at, source, post_id = latest
    return DecidingPost(
        source=source, post_id=post_id, created_at=created_at, ingested_at=ingested_at
    )


def _largest_first(counted: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))
