"""The same messages end in the same rows, in whatever order and batches, however often (T10-T12).

Where messages of a post disagree about `created_at` the order of the log decides, and any replay
of it, from any committed offset, ends alike.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.clock import Clock
from stream.database import Client
from stream.dead_letters import DeadLetters
from stream.decode import Record
from stream.health import Health
from stream.match import Matcher
from stream.pipeline import Pipeline
from stream.retry import Patience
from stream.store import Store
from stream.windows import run_pass
from tests.chaos.hooks import Faults, HookedStore, Letters, NoWaiting
from tests.stream.consuming import CATALOGUE
from tests.stream.fakes import PureScorer
from tests.stream.memory import MemoryStore

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY, LONG_AGO = NOON - timedelta(hours=1), NOON - timedelta(days=500)
MATCHER = Matcher(CATALOGUE)


def pipeline(store: Any, generation: int = 1) -> Pipeline:
    return Pipeline(
        matcher=MATCHER,
        scorer=PureScorer(),
        store=store,
        dead_letters=DeadLetters(Letters(), "posts.dlq"),
        generation=generation,
        retention=timedelta(days=400),
        clock=Clock(wall=lambda: NOON),
        patience=Patience(NoWaiting(), Health()),
    )


def record(offset: int, text: str, created_at: datetime, post_id: str = "1", **more: Any) -> Record:
    value = {"source": "s", "post_id": post_id, "text": text, "lang": "en"}
    value |= {"created_at": created_at.isoformat(), **more}
    return Record("posts", 0, offset, NOON, f"s:{post_id}".encode(), json.dumps(value).encode())


def stone(offset: int, post_id: str = "1") -> Record:
    return Record("posts", 0, offset, NOON, f"s:{post_id}".encode(), None)


def stored(client: Client) -> list[tuple[Any, ...]]:
    rows = client.query("SELECT post_id, created_at, text, generation FROM posts FINAL ORDER BY 1")
    return [tuple(row) for row in rows.result_rows]


def a_pass(client: Client) -> None:
    second = timedelta(seconds=20)
    run_pass(client, now=NOON, margin=second, retention=timedelta(days=400), limit=second)


# T10: who agree on `created_at` may come in any order


def edits(dates: Sequence[datetime]) -> st.SearchStrategy[list[Record]]:
    """A log of one post: edits, ties in time with them, and tombstones."""
    message = st.tuples(st.sampled_from(dates), st.sampled_from([None, 0, 1, 2]), st.booleans())

    def log(messages: list[tuple[datetime, int | None, bool]]) -> list[Record]:
        return [
            stone(offset)
            if minutes is None and rare
            else record(
                offset,
                f"Acme {offset}",
                date,
                updated_at=(max(date, TODAY) + timedelta(minutes=minutes or 0)).isoformat(),
            )
            for offset, (date, minutes, rare) in enumerate(messages)
        ]

    return st.lists(message, min_size=1, max_size=8).map(log)


@settings(deadline=None)  # the machine may be busy
@given(edits([TODAY]), st.data())
def test_any_order_and_repetition_of_messages_ends_in_one_row(
    log: list[Record], data: st.DataObject
) -> None:
    store = MemoryStore()
    again = data.draw(st.permutations(log + data.draw(st.lists(st.sampled_from(log)))))
    while again:
        size = data.draw(st.integers(1, len(again)))
        pipeline(store).process(again[:size])
        again = again[size:]
    (row,) = store.final()
    if row["is_deleted"]:
        assert any(one.value is None for one in log)
    else:
        newest = max(log, key=lambda one: (json.loads(one.value or b"")["updated_at"], one.offset))
        assert row["kafka_offset"] == newest.offset and row["created_at"] == TODAY


@pytest.mark.parametrize(
    "posts", [2_000, pytest.param(100_000, marks=[pytest.mark.faults, pytest.mark.timeout(3600)])]
)
def test_random_order_of_versions_equals_sort_and_take_last(
    store: Store, client: Client, posts: int
) -> None:
    """A fifth are edited, one in twenty deleted; ties; three batches read twice. Marks of T10."""
    draw = random.Random(posts)
    log = []
    expected = {}
    for number in range(posts):
        name = str(number)
        versions = []
        for _ in range(draw.choice([2, 3]) if draw.random() < 0.2 else 1):
            updated = TODAY + timedelta(minutes=draw.randrange(3))
            versions.append((updated, len(log)))
            text = f"Acme {len(log)}"
            log.append(record(len(log), text, TODAY, name, updated_at=updated.isoformat()))
        expected[name] = f"Acme {max(versions)[1]}"
        if draw.random() < 0.05:
            log.append(stone(len(log), name))
            del expected[name]
    draw.shuffle(log)
    batches = [log[at : at + 500] for at in range(0, len(log), 500)]
    for batch in batches + batches[:3]:
        pipeline(store).process(batch)
    assert {post_id: text for post_id, _, text, _ in stored(client)} == expected


# T11: where they disagree, the log decides, and a replay of it changes nothing


@settings(deadline=None)  # the machine may be busy
@given(edits([TODAY, TODAY + timedelta(seconds=20), NOON, LONG_AGO]), st.data())
def test_replays_of_a_log_with_changing_dates_end_in_one_row(
    log: list[Record], data: st.DataObject
) -> None:
    once, often = MemoryStore(), MemoryStore()
    for one in log:
        pipeline(once).process([one])
    read = 0
    for _ in range(data.draw(st.integers(0, 6))):
        begin = data.draw(st.integers(0, read))  # of what was read, anything may be uncommitted
        end = data.draw(st.integers(begin, len(log)))
        pipeline(often).process(log[begin:end])
        read = max(read, end)
    pipeline(often).process(log[read:])
    assert often.final() == once.final() and len(once.final()) <= 1


@pytest.mark.parametrize("batches", [[2], [1, 1], [2, 2], [1, 1, 1, 1]])
def test_a_message_older_than_the_retention_neither_hides_nor_replaces_another(
    store: Store, client: Client, batches: list[int]
) -> None:
    """It is judged by what it claims itself: not by its neighbours in the batch, nor by whether
    the post is known by now, which a replay would judge otherwise."""
    edited = {"updated_at": NOON.isoformat()}
    log = [record(0, "Acme, long ago", LONG_AGO, **edited), record(1, "Acme, today", TODAY)] * 2
    for size in batches:
        pipeline(store).process(log[:size])
        log = log[size:]
    assert stored(client) == [("1", TODAY, "Acme, today", 1)]


def test_a_far_future_date_is_refused_and_blocks_nothing(store: Store, client: Client) -> None:
    ahead = {"updated_at": "2100-01-01T00:00:00Z"}
    pipeline(store).process([record(0, "Acme, 2100", TODAY, **ahead), record(1, "Acme", TODAY)])
    assert stored(client) == [("1", TODAY, "Acme", 1)]


# T12: two consumers at once, and two generations


@pytest.mark.parametrize("apart", [timedelta(0), timedelta(seconds=20), timedelta(days=40)])
@pytest.mark.parametrize("deleted", [False, True])
def test_two_consumers_that_meet_a_new_post_at_once_end_with_one_row(
    client: Client, apart: timedelta, deleted: bool
) -> None:
    """The second does not see the key of the first yet, so it writes under its own date."""
    faults = Faults()
    first, second = (HookedStore(client, faults) for _ in range(2))
    second.blind = True
    mine = record(0, "Acme", TODAY)
    edited = {"updated_at": NOON.isoformat()}
    theirs = stone(7) if deleted else record(7, "Acme, edited", TODAY - apart, **edited)
    faults.arm("before_keys", lambda: pipeline(first).process([mine]))
    pipeline(second).process([theirs])
    for _ in range(2):
        a_pass(client)
    assert stored(client) == ([] if deleted else [("1", TODAY, "Acme, edited", 1)])
    windows = "SELECT sum(mentions) FROM window_scores FINAL"
    assert client.query(windows).result_rows == [(0 if deleted else 1,)]


def test_after_a_rescore_no_replay_of_the_old_model_comes_back(
    store: Store, client: Client
) -> None:
    log = [record(0, "Acme", TODAY), record(1, "Acme", TODAY, "2"), stone(2, "2")]
    for generation in (1, 2, 1):
        pipeline(store, generation).process(log)
    assert stored(client) == [("1", TODAY, "Acme", 2)]
    a_pass(client)
    edit = record(3, "nothing named", TODAY, updated_at=NOON.isoformat())
    pipeline(store, 2).process([edit])
    for _ in range(2):
        a_pass(client)
    counts = "SELECT sum(mentions), sum(score_sum) FROM window_scores FINAL"
    assert client.query(counts).result_rows == [(0, 0)]
