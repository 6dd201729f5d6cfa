"""How large a batch may be: what is done in about a second; and what it is cut from."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from stream.batch_size import BatchSize
from stream.decode import Record
from stream.gathering import Gathering

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def record(partition: int, offset: int, size: int = 10) -> Record:
    return Record("posts", partition, offset, NOW, None, b"x" * size)


@given(st.floats(1, 1e5), st.integers(1, 10_000))
def test_full_batches_lead_to_what_is_done_in_the_target(rate: float, most: int) -> None:
    """Where a batch of n posts takes n / rate seconds."""
    size = BatchSize(most, target=1.0)
    for _ in range(12):
        size.learn(size.posts, size.posts / rate)
    assert size.posts == min(max(round(rate), 64), most)


def test_thin_batches_teach_nothing() -> None:
    size = BatchSize(4096, target=1.0)
    size.learn(3, 0.5)
    assert size.posts == 256


@given(st.lists(st.tuples(st.integers(1, 10_000), st.floats(0, 1e4)), max_size=20))
def test_it_stays_inside_its_limits_whatever_it_is_told(told: list[tuple[int, float]]) -> None:
    size = BatchSize(1000, target=1.0)
    for posts, seconds in told:
        before = size.posts
        size.learn(posts, seconds)
        assert 64 <= size.posts <= 1000
        assert size.posts <= before * 4


def test_a_gathering_is_cut_in_order_and_its_age_begins_anew() -> None:
    gathering = Gathering()
    gathering.add([record(0, n) for n in range(5)], now=10.0)
    assert gathering.is_full(5) and not gathering.is_full(6)
    assert gathering.is_older(2, 12.0) and not gathering.is_older(2, 11.9)
    assert [one.offset for one in gathering.cut(3, now=13.0)] == [0, 1, 2]
    assert len(gathering) == 2 and not gathering.is_older(2, 14.9)
    gathering.add([record(0, 5)], now=20.0)
    assert gathering.is_older(2, 15.0)


def test_a_few_heavy_messages_are_a_batch() -> None:
    gathering = Gathering()
    gathering.add([record(0, n, 1 << 20) for n in range(16)], now=0.0)
    assert gathering.is_full(4096)
    gathering.cut(1, now=0.0)
    assert not gathering.is_full(4096)


def test_what_another_member_reads_now_is_dropped() -> None:
    gathering = Gathering()
    gathering.add([record(n % 3, n) for n in range(9)], now=0.0)
    gathering.keep_only({0, 2})
    assert {one.partition for one in gathering.cut(9, now=0.0)} == {0, 2}
    gathering.add([record(0, 0)], now=0.0)
    gathering.clear()
    assert len(gathering) == 0 and not gathering.is_older(0, 1.0)
