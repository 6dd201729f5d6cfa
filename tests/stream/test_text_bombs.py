"""Texts made to cost much cost little (T18): decode, match, language and row, without the encoder.

The mark is 50 ms a post on an idle machine; a busy one gets five times that. What the encoder and
the model make of such texts is held in tests/models/test_default.py; that a batch of them does not
cost the member its place, below.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import cycle

import pytest

from models import load_classifier
from stream import metrics
from stream.catalogue import Brand, Catalogue
from stream.decode import Record, decode
from stream.match import Matcher
from stream.post import Post
from stream.rows import Analysed, first_created_at, to_row
from stream.score import UNIT, score_posts
from stream.service import SHIPPED_MODEL
from stream.settings import ClickHouse, Kafka
from tests.stream import consuming
from tests.stream.consuming import Service, committed, eventually, post
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


@pytest.mark.faults
def test_a_batch_of_bombs_with_the_encoder_keeps_its_member(
    kafka_settings: Kafka,
    clickhouse_settings: ClickHouse,
    send: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full batch of bombs through the shipped model: between two polls there is never more than
    max_poll_interval, the member is not left out, the batch is scored once and committed."""
    monkeypatch.setattr(consuming, "CATALOGUE", Catalogue(brands=BRANDS))
    settings = kafka_settings.model_copy(
        update={"batch_age": timedelta(seconds=10), "max_poll_interval": timedelta(seconds=60)}
    )
    texts = [
        f"{number} {text}" for number, text in zip(range(256), cycle(BOMBS.values()), strict=False)
    ]
    send(*(post(number, text) for number, text in enumerate(texts)))
    stale, rebalances = metrics.STALE._value.get(), metrics.REBALANCES._value.get()
    service = Service(settings, clickhouse_settings, scorer=load_classifier(SHIPPED_MODEL))
    began, longest = time.monotonic(), 0.0
    try:
        eventually(lambda: bool(service.consumer._assignment))
        while committed(settings) < len(texts):
            longest = max(longest, time.time() - metrics.CONSUMER_POLLED_AT._value.get())
            assert time.monotonic() - began < 1800
            time.sleep(0.2)
    finally:
        service.close()
    print(f"{len(texts)} bombs in {time.monotonic() - began:.0f} s, silent for {longest:.1f} s")
    assert longest < settings.max_poll_interval.total_seconds()
    assert metrics.REBALANCES._value.get() == rebalances + 1
    assert metrics.STALE._value.get() == stale
