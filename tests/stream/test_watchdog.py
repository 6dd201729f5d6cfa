"""A partition that gives nothing and a batch that never ends are noticed, said and got over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from stream import consume, kafka, metrics
from stream.database import Client
from stream.settings import Kafka
from stream.watchdog import HeldPartitions, StallWatch, thread_stacks
from tests.stream.consuming import Service, committed, eventually, post, stored
from tests.stream.fakes import PureScorer

Start = Callable[..., Service]
Send = Callable[..., None]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=40))
def test_a_partition_that_moves_or_has_nothing_to_give_never_stalls(
    steps: list[tuple[int, int]],
) -> None:
    """Whatever its lag, as long as it gives something between two looks or is read to its end."""
    watch, position = StallWatch(within=10), 0
    for turn, (moved, lag) in enumerate(steps):
        position += moved
        waiting = lag if moved else 0
        assert watch.look({0: waiting}, {0: position}, now=turn * 100.0) == []
        assert watch.stuck == []


def test_a_partition_that_gives_nothing_stalls_after_its_time_and_no_sooner() -> None:
    watch = StallWatch(within=30)
    for now in (0, 15, 30):
        assert watch.look({0: 5, 1: 5}, {0: 7, 1: now}, float(now)) == []
    assert watch.look({0: 5, 1: 5}, {0: 7, 1: 31}, 31.0) == [0]
    assert watch.stuck == [0]


def test_time_in_which_nothing_was_asked_for_does_not_count() -> None:
    watch = StallWatch(within=30)
    watch.look({0: 5}, {0: 7}, 0.0)
    watch.excuse(100.0)
    assert watch.look({0: 5}, {0: 7}, 129.0) == []
    assert watch.look({0: 5}, {0: 7}, 131.0) == [0]


def test_stuck_ends_when_something_comes_and_not_by_joining_anew() -> None:
    watch = StallWatch(within=30)
    watch.look({0: 5}, {0: 7}, 0.0)
    watch.look({0: 5}, {0: 7}, 31.0)
    watch.begin_anew()
    assert watch.look({0: 5}, {0: 7}, 32.0) == []  # a new member gets its time
    assert watch.stuck == [0]
    assert watch.look({0: 4}, {0: 8}, 33.0) == []
    assert watch.stuck == []


def test_a_partition_given_to_another_member_is_none_of_ours() -> None:
    watch = StallWatch(within=30)
    watch.look({0: 5}, {0: 7}, 0.0)
    watch.look({0: 5}, {0: 7}, 31.0)
    assert watch.look({}, {}, 32.0) == []
    assert watch.stuck == []


def test_a_held_partition_is_tried_again_after_its_time_and_let_go_when_it_moved() -> None:
    held = HeldPartitions(again_after=30)
    assert held.hold(1, 17, now=0.0)
    assert held.holds(1, 29.0) and not held.holds(1, 30.0) and not held.holds(0, 1.0)
    held.look({0: 5, 1: 17})
    assert 1 in held
    assert not held.hold(1, 17, now=30.0)  # no news
    assert held.holds(1, 59.0)
    held.look({0: 5, 1: 18})
    assert len(held) == 0
    assert held.hold(1, 40, now=90.0)


def test_a_held_partition_that_another_member_has_now_is_let_go() -> None:
    held = HeldPartitions(again_after=30)
    held.hold(1, 17, now=0.0)
    held.look({0: 5})
    assert not held.holds(1, 1.0)


def test_stacks_name_every_thread_and_where_it_is() -> None:
    gate = threading.Event()
    waiting = threading.Thread(target=gate.wait, name="waits for the gate")
    waiting.start()
    try:
        name = f"waits for the gate {waiting.native_id}"
        eventually(lambda: any("wait" in place for place in thread_stacks()[name]))
        main = thread_stacks()[f"MainThread {threading.get_native_id()}"]
        assert any("test_stacks_name_every" in place for place in main)
    finally:
        gate.set()
        waiting.join()


def test_a_silent_client_is_replaced_and_nothing_is_lost(
    start: Start, send: Send, client: Client, kafka_settings: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is a real one whose poll gives nothing any more, as after kafka-python #3131."""
    monkeypatch.setattr(consume, "_STALLED_SECONDS", 1.0)
    monkeypatch.setattr(consume, "_IDLE_PROGRESS_SECONDS", 0.5)
    real, made = kafka.consumer, []

    def first_one_falls_silent(settings: Kafka) -> Any:
        member = real(settings)
        made.append(member)
        if len(made) == 1:
            poll = member.poll
            monkeypatch.setattr(member, "poll", lambda **given: poll(**given) and {})
        return member

    monkeypatch.setattr(kafka, "consumer", first_one_falls_silent)
    before = metrics.STALLS._value.get()
    service = start()
    # What the silent client swallows moves its position: it must have stopped fetching, too.
    eventually(lambda: bool(service.consumer._assignment))
    made[0].pause(*made[0].assignment())
    send(*(post(number) for number in range(20)))
    eventually(lambda: any("none comes" in line for line in service.health.problems()))
    eventually(lambda: committed(kafka_settings) == 20)
    assert stored(client) == 20
    assert len(made) == 2
    assert metrics.STALLS._value.get() == before + 1
    eventually(lambda: not service.health.problems())


def test_a_batch_that_does_not_end_is_said_with_all_stacks_and_got_over(
    start: Start, send: Send, client: Client, kafka_settings: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consume, "_STUCK_SECONDS", 0.5)
    gate = threading.Event()
    with structlog.testing.capture_logs() as logs:
        service = start(scorer=PureScorer(gate))
        try:
            send(*(post(number) for number in range(3)))
            eventually(lambda: any(line.startswith("batch:") for line in service.health.problems()))
        finally:
            gate.set()
        eventually(lambda: committed(kafka_settings) == 3)
        eventually(lambda: not service.health.problems())
    (said,) = [record for record in logs if record["event"] == "batch.stuck"]
    batches = [places for name, places in said["threads"].items() if name.startswith("analyse ")]
    assert any("fakes.py" in place for places in batches for place in places)
    assert stored(client) == 3
