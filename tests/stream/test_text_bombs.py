"""Texts made to cost much cost little (T18): decode, match, language and row, without the encoder.

The mark is 50 ms a post on an idle machine; a busy one gets five times that. What the encoder and
the model make of such texts is held in tests/models/test_default.py.
"""

from __future__ import annotations

import json
import resource
import time
from datetime import UTC, datetime

import pytest

from stream.catalogue import Brand, Catalogue
from stream.decode import Record, decode
from stream.match import Matcher
from stream.post import Post
from stream.rows import Analysed, first_created_at, to_row
from stream.score import UNIT, score_posts
from tests.stream.fakes import PureScorer

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BRANDS = tuple(
    Brand(
        name=f"Acme{number}",
        aliases=[f"Acme{number}", f"acme {number}*"],
        topics={"price": ["cheap", "价格"]},
    )
    for number in range(500)
)
BOMBS = {
    "combining marks": "Acme1 " + "e" + "\u0301" * 19_990,
    "one token of a megabyte": "a" * 990_000,
    "ten thousand mentions": "Acme1 " * 10_000,
    "every brand": " ".join(brand.name for brand in BRANDS) * 4,
    "zero width": "\u200b".join("Acme1" * 2_000),
    "right to left": "Acme1 \u202e" + "שלום \u202b" * 3_000,
    "emoji of four bytes": "Acme1 " + "👩‍👩‍👧‍👦" * 2_000,
    "compatibility forms that unfold": "Acme1 " + "ﷺ" * 19_000,
    "almost a name": "acme " * 10_000,
    "sharp s, which folds longer": "ß" * 20_000,
}
SECONDS = 0.05 * 5


def through(matcher: Matcher, text: str) -> tuple[float, tuple[object, ...], int]:
    """(seconds, the row, mentions) of one post."""
    value = json.dumps({"post_id": "1", "source": "s", "text": text, "created_at": NOW.isoformat()})
    record = Record("posts", 0, 0, NOW, b"s:1", value.encode())
    began = time.perf_counter()
    one = decode(record)
    assert isinstance(one.post, Post)
    mentions = matcher.match(one.post.text)
    (scored,) = score_posts(PureScorer(), [(one.post.text, mentions)])
    row = to_row(Analysed(one, first_created_at(one), scored), 1)
    seconds = time.perf_counter() - began
    assert all(m.negative + m.neutral + m.positive == UNIT for m in scored)
    return seconds, tuple(row), len(mentions)


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher(Catalogue(brands=BRANDS))


@pytest.mark.parametrize("name", BOMBS)
def test_a_text_made_to_cost_much_costs_little(name: str, matcher: Matcher) -> None:
    through(matcher, "warm: Acme1 is cheap")
    assert min(through(matcher, BOMBS[name])[0] for _ in range(3)) < SECONDS


def test_bombs_leave_no_memory_behind(matcher: Matcher) -> None:
    """T18: at most 256 MB above what was there."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(5):
        for text in BOMBS.values():
            through(matcher, text)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 256


def test_however_often_a_brand_is_named_it_is_one_mention(matcher: Matcher) -> None:
    assert through(matcher, BOMBS["ten thousand mentions"])[2] == 1
    assert through(matcher, BOMBS["every brand"])[2] == 500
