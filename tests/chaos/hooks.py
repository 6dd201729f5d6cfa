"""What the chaos runner puts in the place of outside parts: places to be hit at, and pure answers.

A fault is a call made when its hook is reached: it may raise `Crashed`, raise RetryLater as where
an answer is lost, or let others run meanwhile. It happens once.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import Passage
from stream.database import Client
from stream.errors import RetryLater
from stream.rows import Key, Row
from stream.settings import ClickHouse
from stream.store import Store
from tests.chaos.oracle import Units


class Crashed(Exception):
    """The process died here."""


def crash() -> None:
    """A fault: the process dies."""
    raise Crashed


def lose_answer() -> None:
    """A fault: it was done, and nobody knows."""
    raise RetryLater("the answer was lost")


class Faults:
    """What is to happen at which hook."""

    def __init__(self) -> None:
        self._armed: dict[str, Callable[[], None]] = {}

    def arm(self, hook: str, fault: Callable[[], None]) -> None:
        """Let it happen when the hook is reached next."""
        self._armed = {hook: fault}

    def disarm(self) -> None:
        """The hook was not reached."""
        self._armed = {}

    def waits_at(self, hook: str) -> bool:
        """Whether something is to happen there."""
        return hook in self._armed

    def at(self, hook: str) -> None:
        """The hook is reached."""
        if fault := self._armed.pop(hook, None):
            fault()


class HookedStore(Store):
    """The store, with hooks. `blind`: reads its own keys only, as where another's, entered just
    before, are not visible yet."""

    def __init__(self, client: Client, faults: Faults) -> None:
        super().__init__(client, ClickHouse())
        self._faults = faults
        self.blind = False

    def claim(self, dates: Mapping[Key, datetime]) -> dict[Key, datetime]:
        self._faults.at("before_keys")
        stands = super().claim(dates)
        self._faults.at("after_keys")
        return dict(dates) if self.blind else stands

    def insert(self, rows: Sequence[Row]) -> None:
        if self._faults.waits_at("mid_insert"):
            super().insert(rows[: len(rows) // 2])
            self._faults.at("mid_insert")
        super().insert(rows)
        self._faults.at("after_insert")


class HookedClient:
    """A client that calls `fault` before its statement of number `at`, counted from 1."""

    def __init__(self, client: Client, at: int, fault: Callable[[], None]) -> None:
        self._client, self._left, self._fault = client, at, fault

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self._fault()
            return getattr(self._client, name)(*arguments, **named)

        return call


def units(text: str, target: str, generation: int) -> Units:
    """The opinion of a generation: pure, and often a tie."""
    digest = hashlib.blake2b(f"{text}\0{target}\0{generation}".encode(), digest_size=2).digest()
    negative, positive = digest[0] % 6 * 1000, digest[1] % 5 * 1000
    return negative, 10_000 - negative - positive, positive


class PureScorer:
    """A model that is the function `units`."""

    def __init__(self, generation: int) -> None:
        self.model_hash = f"pure-{generation}"
        self._generation = generation

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        rows = [units(one.text, one.target or "", self._generation) for one in passages]
        return np.array(rows, np.float32) / np.float32(10_000)


class NoWaiting(threading.Event):
    """The stop event of a service whose pauses end at once."""

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


class Letters:
    """A producer to the DLQ that keeps where each message came from."""

    def __init__(self) -> None:
        self.places: Counter[tuple[int, int]] = Counter()

    def send(self, _topic: str, **message: Any) -> Letters:
        named = dict(message["headers"])
        self.places[int(named["partition"]), int(named["offset"])] += 1
        return self

    def get(self, _timeout: float) -> None:
        """It has arrived."""

    def flush(self, timeout: float | None = None) -> None:
        """Nothing waits."""
