"""`terms` and `telling`: what the negative posts of a range say, as evidence would tell it."""

from __future__ import annotations

from stream.alerting.evidence import telling_rows
from stream.alerting.mentions import Mentions
from stream.alerting.terms import leading_terms
from stream.board import queries
from stream.board.api.answers import Term
from stream.board.api.asks import Series, whole_minutes
from stream.board.api.endpoints import Asked, Endpoint
from stream.board.api.windows import check_series
from stream.board.shapes import PostRow
from stream.rules import EVERY

_LIMIT = 10  # seconds of a statement
_TERMS = 24


def terms(asked: Asked, asks: Series) -> list[Term]:
    mentions = _mentions(asked, asks)
    _, said = mentions.sample()
    usual = mentions.usual_sayings(sorted({saying.lang for saying in said}))
    return [
        {"term": one.term, "count": one.texts, "z": one.z}
        for one in leading_terms(said, usual, _TERMS)
    ]


def telling(asked: Asked, asks: Series) -> list[PostRow]:
    chosen = telling_rows(_mentions(asked, asks).heaviest())
    keys = [(row["source"], row["post_id"], row["created_at"]) for row in chosen]
    return queries.posts_in_order(asked.client, keys)


def _mentions(asked: Asked, asks: Series) -> Mentions:
    check_series(asked.client, asked.context, asks.brand, asks.topic)
    since, until = whole_minutes(*asks.span(asked.now))
    return Mentions(
        asked.client,
        {
            "brand": asks.brand,
            "topic": asks.topic,
            "since": since,
            "until": until,
            "limit": _LIMIT,
            "sources": [asks.source or EVERY],
            "languages": [asks.lang or EVERY],
        },
    )


TERMS = Endpoint(
    "GET",
    "terms",
    "Terms that negative posts of the range use more than those of the three days before",
    Series,
    list[Term],
    terms,
    of_range=True,
)
TELLING = Endpoint(
    "GET",
    "telling",
    "Up to five negative posts that say best what it is about",
    Series,
    list[PostRow],
    telling,
    of_range=True,
)
