"""Rows of the tables as the page's shapes. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from stream.board.shapes import Alert, Carried, Delivery, Figures, Label, Mention, PostRow, Unusual

EXCERPT = 420  # characters of a post on the page
_TERMS_SHOWN = 6
_UNUSUAL_SHOWN, _NOTABLE = 2, 2.0  # from this z on (`stream.alerting.log_odds`)
_LEAD = 140  # … of which before the first mention, where the post is longer
CLOSED_STATES = frozenset({"resolved", "closed"})

Record = Mapping[str, Any]


def iso(time: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def post_key(source: str, post_id: str) -> str:
    """How the page names a post."""
    return f"{source}:{post_id}"


def label_of(negative: int, neutral: int, positive: int) -> Label:
    """The most probable label; on a tie negative before neutral before positive (DESIGN §7)."""
    if negative >= neutral and negative >= positive:
        return "negative"
    return "neutral" if neutral >= positive else "positive"


def marks_of(spans: Iterable[Sequence[int]], length: int) -> list[list[int]]:
    """All mentions' flat [start, end, …] lists as sorted pairs within 0..length, merged."""
    pairs = sorted(
        (max(0, flat[i]), min(length, flat[i + 1]))
        for flat in spans
        for i in range(0, len(flat) - 1, 2)
    )
    merged: list[list[int]] = []
    for start, end in pairs:
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged


def excerpt(text: str, marks: list[list[int]]) -> tuple[str, list[bool], list[list[int]]]:
    """The part of a long text around its first mark, which ends were cut, and the marks in it."""
    if len(text) <= EXCERPT:
        return text, [False, False], marks
    first = marks[0][0] if marks else 0
    start = 0 if first < EXCERPT - _LEAD else min(first - _LEAD, len(text) - EXCERPT)
    end = start + EXCERPT
    inside = [
        [max(0, a - start), min(EXCERPT, b - start)] for a, b in marks if b > start and a < end
    ]
    return text[start:end], [start > 0, end < len(text)], inside


def safe_url(url: str) -> str:
    """The address if a reader may be sent there, else nothing: http and https only."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    return url.strip() if parts.scheme in ("http", "https") and parts.netloc else ""


def post_row(record: Record, whole: bool = False) -> PostRow:
    """One row of `posts` (columns of `queries.POST_COLUMNS`) for the page; `whole`: uncut."""
    text = str(record["text"])
    shown, cut, marks = text, [False, False], marks_of(record["spans"], len(text))
    if not whole:
        shown, cut, marks = excerpt(text, marks)
    chances = zip(record["negative"], record["neutral"], record["positive"], strict=True)
    mentions: list[Mention] = [
        {
            "brand": brand,
            "label": label_of(*three),
            "score": score / 10_000,
            "topics": list(topics),
        }
        for brand, topics, score, three in zip(
            record["brand"], record["topics"], record["score"], chances, strict=True
        )
    ]
    return {
        "key": post_key(record["source"], record["post_id"]),
        "source": record["source"],
        "kind": record["kind"],
        "text": shown,
        "cut": cut,
        "marks": marks,
        "lang": record["lang"],
        "author": record["author_name"] or record["author_id"],
        "followers": record["followers"],
        "likes": record["likes"],
        "shares": record["shares"],
        "replies": record["replies"],
        "rating": record["rating"],
        "url": safe_url(record["url"]),
        "created_at": iso(record["created_at"]),
        "stored_at": iso(record["ingested_at"]),
        "edited": record["updated_at"] is not None,
        "mentions": mentions,
    }


def figures(negative: int, neutral: int, positive: int, score_sum: int) -> Figures:
    """Counts with their mean score; `score_sum` in 1/10000."""
    mentions = negative + neutral + positive
    return {
        "mentions": mentions,
        "negative": negative,
        "neutral": neutral,
        "positive": positive,
        "net": round(score_sum / mentions / 10_000, 4) if mentions else None,
    }


def telling_keys(evidence: str | Mapping[str, Any]) -> list[tuple[str, str, datetime]]:
    """(source, post_id, created_at) of the posts that an alert's evidence names."""
    keys = []
    found = _object(evidence) if isinstance(evidence, str) else evidence
    for post in found.get("posts") or ():
        try:
            created_at = datetime.fromisoformat(post["created_at"])
            keys.append((str(post["source"]), str(post["post_id"]), created_at))
        except (KeyError, TypeError, ValueError):
            continue  # evidence written by another version: show what can be read
    return keys


def alert(record: Record, deliveries: list[Delivery], telling: Mapping[str, PostRow]) -> Alert:
    """An incident from its newest transition row; `telling` are the existing posts by key."""
    evidence = _object(record["evidence"])
    keys = [post_key(source, post_id) for source, post_id, _ in telling_keys(record["evidence"])]
    return {
        "id": record["alert_id"],
        "rule": record["rule"],
        "brand": record["brand"],
        "topic": record["topic"],
        "state": record["state"],
        "open": record["state"] not in CLOSED_STATES,
        "severity": record["severity"],
        "opened_at": iso(record["opened_at"]),
        "changed_at": iso(record["changed_at"]),
        "observed": _number(record["observed"]) or 0.0,
        "expected": _number(record["expected"]) or 0.0,
        "kind": record["kind"],
        "summary": str(evidence.get("summary") or "")[:EXCERPT],
        "condition": str(evidence.get("condition") or ""),
        "negative": _count(evidence.get("negative")),
        "mentions": _count(evidence.get("mentions")),
        "minutes": _count(evidence.get("minutes")),
        "share": _number(evidence.get("share")),
        "expected_share": _number(evidence.get("expected_share")),
        "authors": _count(evidence.get("authors")),
        "texts": _count(evidence.get("texts")),
        "carried": carried(evidence),
        "unusual": unusual(evidence),
        "terms": [str(term)[:40] for term in evidence.get("terms") or ()][:_TERMS_SHOWN],
        "receivers": list(record["receivers"]),
        "deliveries": deliveries,
        "posts": [telling[key] for key in keys if key in telling],
    }


def carried(evidence: Mapping[str, Any]) -> Carried:
    """Whether few authors or one text carry it."""
    told = evidence.get("carried_by")
    told = told if isinstance(told, dict) else {}
    authors, share = _count(told.get("authors")), _number(told.get("authors_share"))
    copies, of = _count(told.get("near_copies")), _count(told.get("looked_at"))
    few, one = told.get("few_authors") is True, told.get("one_text") is True
    return {
        "authors": (authors, share) if few and authors and share is not None else None,
        "copies": (copies, of) if one and copies and of else None,
    }


def unusual(evidence: Mapping[str, Any]) -> list[Unusual]:
    """Sources and languages that have notably grown, at most two, the surest first."""
    found: list[tuple[float, Unusual]] = []
    for part in ("source_shares", "language_shares"):
        for one in evidence.get(part) or ():
            told = one if isinstance(one, dict) else {}
            z, share, usual = (_number(told.get(key)) for key in ("z", "share", "usual_share"))
            if z is not None and share is not None and usual is not None and z >= _NOTABLE:
                name = str(told.get("name"))[:40]
                found.append((z, {"name": name, "share": share, "usual_share": usual}))
    return [told for _, told in sorted(found, key=lambda pair: -pair[0])[:_UNUSUAL_SHOWN]]


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _count(value: object) -> int | None:
    number = _number(value)
    return None if number is None else round(number)
