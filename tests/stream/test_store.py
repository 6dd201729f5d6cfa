"""Step 5: what is written twice is there once, and a post keeps its first date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.database import Client, connect
from stream.decode import Decoded, Record
from stream.errors import RetryLater, StopService
from stream.post import Post, Tombstone
from stream.rows import TOMBSTONE_VERSION, Analysed, to_row, version
from stream.settings import ClickHouse
from stream.store import Position, Store, _chunks

NOON = datetime(2026, 11, 24, 12, 0, 30, 123000, tzinfo=UTC)
KEY = ("weibo", "1")


def analysed(offset: int = 0, **fields: Any) -> Analysed:
    whole = {"post_id": "1", "source": "weibo", "text": "t", "created_at": NOON} | fields
    post = Post(**whole)
    return Analysed(Decoded(Record("posts", 0, offset, NOON, None, b""), post, keyed=True), NOON)


def test_the_first_claim_of_a_date_stands(store: Store) -> None:
    assert store.first_created([KEY]) == {}
    assert store.claim({KEY: NOON}) == {KEY: NOON}
    assert store.claim({KEY: NOON - timedelta(days=3)}) == {KEY: NOON}
    assert store.first_created([KEY, ("x", "'; DROP TABLE posts")]) == {KEY: NOON}


def test_a_row_written_twice_is_one_row(store: Store, client: Client) -> None:
    row = to_row(analysed(text="hello \0 '\\"), 1)
    store.insert([row])
    store.insert([row, row])
    assert client.query("SELECT count(), any(text) FROM posts FINAL").result_rows == [
        (1, "hello \0 '\\")
    ]


def test_the_stored_version_is_found_by_the_posts_date(store: Store) -> None:
    first, second = analysed(offset=1), analysed(offset=2)
    store.insert([to_row(first, 1), to_row(second, 1)])
    assert store.versions({KEY: NOON}) == {KEY: version(second.decoded, 1)}
    assert store.versions({("weibo", "2"): NOON}) == {}
    assert store.versions({}) == {}


def test_a_tombstone_hides_the_post_and_whatever_comes_later(store: Store, client: Client) -> None:
    stone = Decoded(
        Record("posts", 0, 9, NOON, None, None), Tombstone(source="weibo", post_id="1"), keyed=True
    )
    store.insert([to_row(Analysed(stone, NOON), 1)])
    store.insert([to_row(analysed(offset=10, updated_at=NOON + timedelta(days=9)), 2)])
    assert client.query("SELECT count() FROM posts FINAL").result_rows == [(0,)]
    assert store.versions({KEY: NOON}) == {KEY: TOMBSTONE_VERSION}


def test_more_keys_than_fit_one_query_are_all_found(store: Store) -> None:
    dates = {("weibo", f"{number}-中文 it's\\\n\t" + "x" * 200): NOON for number in range(1500)}
    assert store.claim(dates) == dates
    assert store.versions(dates) == {}


@given(
    st.lists(st.tuples(st.sampled_from(["s", "weibo"]), st.text(min_size=1, max_size=256))),
    st.integers(1, 50),
)
def test_look_ups_of_many_keys_are_cut_into_statements_that_fit(
    keys: list[tuple[str, str]], times: int
) -> None:
    chunks = list(_chunks(keys * times))
    assert [key for chunk in chunks for key in chunk] == keys * times
    for chunk in chunks:
        assert chunk and sum(len("".join(key).encode()) for key in chunk) < 50_000


def test_progress_keeps_the_latest_position_of_each_partition(store: Store, client: Client) -> None:
    store.record_progress("posts", [Position(0, 2, NOON, 5), Position(1, 2, NOON, 7)])
    store.record_progress("posts", [Position(0, 2, NOON + timedelta(seconds=1), 9)])
    rows = client.query(
        "SELECT kafka_partition, next_offset FROM progress FINAL ORDER BY kafka_partition"
    ).result_rows
    assert rows == [(0, 9), (1, 7)]


def test_our_own_mistake_stops_and_an_absent_server_is_tried_again(store: Store) -> None:
    with pytest.raises(StopService, match="ClickHouse refused"):
        store.insert([(1,)])
    nobody = ClickHouse(interface="http", port=1)
    with pytest.raises(RetryLater, match="ClickHouse"):
        connect(nobody)
