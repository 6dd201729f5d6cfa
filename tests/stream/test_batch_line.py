"""The line of two stages: overlap, order, at most one batch in each, and errors in their place."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from stream.batch_line import BatchLine
from stream.decode import Record
from tests.stream.consuming import eventually

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def batch(number: int) -> list[Record]:
    return [Record("posts", 0, number, NOW, None, b"{}")]


class Stages:
    """Two stages that wait at gates and note who is in them."""

    def __init__(self) -> None:
        self.analysing, self.storing = threading.Semaphore(0), threading.Semaphore(0)
        self.seen: list[str] = []
        self.fail = ""
        self.line = BatchLine(self.analyse, self.store)

    def analyse(self, batch: Sequence[Record]) -> int:
        number = batch[0].offset
        self._pass(f"analyse {number}", self.analysing)
        return number

    def store(self, number: int) -> None:
        self._pass(f"store {number}", self.storing)

    def _pass(self, name: str, gate: threading.Semaphore) -> None:
        self.seen.append(name)
        assert gate.acquire(timeout=30)
        if name == self.fail:
            raise ValueError(name)

    def taken(self, count: int) -> list[int]:
        found: list[int] = []

        def enough() -> bool:
            found.extend(stored.batch[0].offset for stored in self.line.take())
            return len(found) >= count

        eventually(enough)
        return found


def test_one_batch_is_analysed_while_the_one_before_is_stored() -> None:
    stages = Stages()
    stages.line.start(batch(1))
    assert not stages.line.is_free
    stages.analysing.release()
    eventually(lambda: stages.line.is_free)
    stages.line.start(batch(2))
    eventually(lambda: stages.seen == ["analyse 1", "store 1", "analyse 2"])
    stages.storing.release(2)
    stages.analysing.release()
    assert stages.taken(2) == [1, 2]
    assert len(stages.line) == 0 and stages.line.age == 0


def test_a_batch_waits_for_the_one_before_it_to_be_stored() -> None:
    """So there are never three in the line."""
    stages = Stages()
    stages.analysing.release(2)
    stages.line.start(batch(1))
    eventually(lambda: stages.line.is_free)
    stages.line.start(batch(2))
    eventually(lambda: "analyse 2" in stages.seen)
    stages.line.wait(0.05)
    assert not stages.line.is_free and "store 2" not in stages.seen
    stages.storing.release()
    eventually(lambda: stages.line.is_free)
    stages.storing.release()
    assert stages.taken(2) == [1, 2]


@pytest.mark.parametrize("stage", ["analyse", "store"])
def test_an_error_comes_after_the_batches_before_it(stage: str) -> None:
    stages = Stages()
    stages.fail = f"{stage} 2"
    stages.analysing.release(2)
    stages.line.start(batch(1))
    eventually(lambda: stages.line.is_free)
    stages.line.start(batch(2))
    stages.storing.release(2)
    assert stages.taken(1) == [1]
    with pytest.raises(ValueError, match=stages.fail):
        eventually(lambda: bool(stages.line.take()))


def test_waiting_ends_with_the_change_and_not_later() -> None:
    stages = Stages()
    stages.line.start(batch(1))
    threading.Timer(0.05, stages.analysing.release).start()
    stages.line.wait(30)
    assert stages.line.is_free
    stages.storing.release()
    stages.line.wait(30)
    assert len(stages.line.take()) == 1
    stages.line.wait(30)  # nothing is in it: nothing to wait for
