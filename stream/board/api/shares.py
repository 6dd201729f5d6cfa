"""`topics` and `breakdown`: who carries a mood, with how sure the shares are."""

from __future__ import annotations

import math
from typing import Literal

from stream.board.api import windows
from stream.board.api.answers import Counted, NamedShare, TopicShare
from stream.board.api.asks import BrandRange, Series, whole_minutes
from stream.board.api.endpoints import Asked, Endpoint
from stream.board.api.windows import Part

_Z = 1.959964  # 95 %


class BreakdownAsks(Series):
    by: Literal["source", "lang"]


def topics(asked: Asked, asks: BrandRange) -> list[TopicShare]:
    parts = _parts(asked, asks, "topic")
    return [{"topic": part.name, **_counted(part)} for part in parts]


def breakdown(asked: Asked, asks: BreakdownAsks) -> list[NamedShare]:
    parts = _parts(asked, asks, asks.by)
    return [{"name": part.name, **_counted(part)} for part in parts]


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927): right for few, and never below 0 or above 1."""
    share, spread = hits / of, _Z * _Z / of
    middle = share + spread / 2
    half = _Z * math.sqrt(share * (1 - share) / of + spread / (4 * of))
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    return (low if hits else 0.0), (high if hits < of else 1.0)


def _parts(asked: Asked, asks: BrandRange, by: windows.By) -> list[Part]:
    whose = asks.whose()
    windows.check_series(asked.client, asked.context, asks.brand, whose["topic"])
    since, until = whole_minutes(*asks.span(asked.now))
    return windows.parts(asked.client, {**whose, "since": since, "until": until}, by)


def _counted(part: Part) -> Counted:
    low, high = wilson(part.negative, part.mentions)
    return {
        "mentions": part.mentions,
        "negative": part.negative,
        "neutral": part.neutral,
        "positive": part.positive,
        "share": round(part.negative / part.mentions, 4),
        "share_low": round(low, 4),
        "share_high": round(high, 4),
    }


TOPICS = Endpoint(
    "GET",
    "topics",
    "The topics of a brand, the most negative first",
    BrandRange,
    list[TopicShare],
    topics,
    of_range=True,
)
BREAKDOWN = Endpoint(
    "GET",
    "breakdown",
    "The sources or languages of a brand or topic, the most negative first",
    BreakdownAsks,
    list[NamedShare],
    breakdown,
    of_range=True,
)
