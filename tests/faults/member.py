"""A real `undertone` process with a scorer made for tests.

usage: python -m tests.faults.member [COMMAND …]

It is the command line itself (`consume` where none is named) with settings, signals and exit codes
as ever; only what `load_scorer` gives is replaced by a pure function of (text, target, generation),
so that no weights are loaded and an oracle can know every score. Variables:

UNDERTONE_TEST_GENERATION  whose opinion it is (1); `activate` it before its consumers start
UNDERTONE_TEST_DELAY       seconds that scoring a batch takes (0)
UNDERTONE_TEST_SLOW_FILE   the delay holds only while this file is there
UNDERTONE_TEST_KILL_AT     before_insert, mid_insert or after_insert: SIGKILL of itself there …
UNDERTONE_TEST_KILL_AFTER  … at the n-th insert (1)
UNDERTONE_TEST_CLIENT      its name in the consumer group (undertone)
UNDERTONE_TEST_NO_TOPIC    a topic of which its Kafka clients are told that it is not there
UNDERTONE_TEST_BUG         a bug of BUGS, planted
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from kafka.cluster import ClusterMetadata
from numpy.typing import NDArray

from models import Passage
from stream import cli, kafka, service
from stream.batch_line import BatchLine
from stream.commits import read_to
from stream.consume import Consumer
from stream.decode import Record
from stream.rows import Row
from stream.settings import Kafka
from stream.store import Store
from tests.chaos.bugs import no_zero_row, wall_clock_version
from tests.chaos.hooks import PureScorer

PLACES = ("before_insert", "mid_insert", "after_insert")
_VARIABLE = "UNDERTONE_TEST_"


class SlowScorer(PureScorer):
    """The pure scorer, taking as long as the variables say."""

    def __init__(self, generation: int, delay: float, only_while: Path | None) -> None:
        super().__init__(generation)
        self._delay, self._only_while = delay, only_while

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        if self._only_while is None or self._only_while.exists():
            time.sleep(self._delay)
        return super().score(passages)


class DeadlyStore(Store):
    """The store, in a process that is killed at its n-th insert of posts."""

    place = ""
    left = 1

    def insert(self, rows: Sequence[Row]) -> None:
        here = self._counted(rows)
        _die_if(here == "before_insert")
        if here == "mid_insert":
            super().insert(rows[: len(rows) // 2])
            _die_if(True)
        super().insert(rows)
        _die_if(here == "after_insert")

    def _counted(self, rows: Sequence[Row]) -> str:
        """The place to die at in this insert; none in an empty one."""
        DeadlyStore.left -= bool(rows)
        return self.place if rows and self.left == 0 else ""


def _die_if(due: bool) -> None:
    if due:
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def commit_before_insert() -> Iterator[None]:
    """Offsets are committed before the batch is taken: a crash loses it."""
    start = BatchLine.start
    takers: list[tuple[Consumer, Any]] = []
    turn = Consumer._turn

    def known(self: Consumer, client: Any) -> None:
        takers[:] = [(self, client)]
        turn(self, client)

    def hasty(self: BatchLine[Any], batch: Sequence[Record]) -> None:
        ((taker, client),) = takers
        taker._commits.commit(client, read_to(batch, taker._partitions))
        start(self, batch)

    with patch.object(Consumer, "_turn", known), patch.object(BatchLine, "start", hasty):
        yield


BUGS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    bug.__name__: bug for bug in (commit_before_insert, no_zero_row, wall_clock_version)
}


def main() -> None:
    """What `undertone` does, with these parts replaced."""
    only_while = _given("SLOW_FILE")
    scorer = SlowScorer(
        int(_given("GENERATION") or 1),
        float(_given("DELAY") or 0),
        Path(only_while) if only_while else None,
    )
    DeadlyStore.place = _given("KILL_AT")
    DeadlyStore.left = int(_given("KILL_AFTER") or 1)
    assert DeadlyStore.place in ("", *PLACES), DeadlyStore.place
    sys.argv[1:] = sys.argv[1:] or ["consume"]
    with ExitStack() as replaced:
        replaced.enter_context(patch.object(service, "load_scorer", lambda _settings: scorer))
        replaced.enter_context(patch.object(service, "Store", DeadlyStore))
        if name := _given("CLIENT"):
            replaced.enter_context(patch.object(kafka, "connection", _named(name)))
        if topic := _given("NO_TOPIC"):
            known = ClusterMetadata.partitions_for_topic
            replaced.enter_context(
                patch.object(
                    ClusterMetadata,
                    "partitions_for_topic",
                    lambda self, name: None if name == topic else known(self, name),
                )
            )
        if bug := _given("BUG"):
            replaced.enter_context(BUGS[bug]())
        cli.main()


def _named(client: str) -> Callable[[Kafka], dict[str, Any]]:
    known = kafka.connection
    return lambda settings: {**known(settings), "client_id": client}


def _given(name: str) -> str:
    return os.environ.get(_VARIABLE + name, "")


if __name__ == "__main__":
    main()
