"""The line that batches go along: one is analysed while the one before it is stored.

A thread for each stage, while the consumer's own keeps polling. The same threads for all batches:
numerical libraries keep threads and memory of their own for each thread that calls them. They do
not hold up the end of the process, should a call never return.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Generic, TypeVar

from stream.decode import Record

T = TypeVar("T")


@dataclass
class Stored:
    """A batch that went all the way. `seconds` its slower stage worked on it."""

    batch: Sequence[Record]
    seconds: float = 0.0


@dataclass
class _Running(Stored):
    began: float = field(default_factory=time.monotonic)
    handed_over: Future[None] = field(default_factory=Future)
    end: Future[None] = field(default_factory=Future)


class BatchLine(Generic[T]):
    """At most one batch in each of two stages; they come out in the order they went in."""

    def __init__(
        self, analyse: Callable[[Sequence[Record]], T], store: Callable[[T], None]
    ) -> None:
        self._analyse = analyse
        self._store = store
        self._running: deque[_Running] = deque()
        self._to_analyse: SimpleQueue[_Running] = SimpleQueue()
        self._to_store: SimpleQueue[tuple[_Running, T]] = SimpleQueue()
        self._storing = threading.Semaphore()
        for name, work in (("analyse", self._analyse_all), ("store", self._store_all)):
            threading.Thread(target=work, name=name, daemon=True).start()

    def __len__(self) -> int:
        """Batches in it, those included that `take` would give."""
        return len(self._running)

    @property
    def age(self) -> float:
        """Seconds since the oldest batch in it was started; 0 when it is empty."""
        return time.monotonic() - self._running[0].began if self._running else 0.0

    @property
    def is_free(self) -> bool:
        """Whether a batch may begin: the first stage has none."""
        return not self._running or self._running[-1].handed_over.done()

    def start(self, batch: Sequence[Record]) -> None:
        """Begin a batch; call it when the line is free."""
        running = _Running(batch)
        self._running.append(running)
        self._to_analyse.put(running)

    def take(self) -> list[Stored]:
        """The batches stored since the last call. Raises what a stage raised, once all that went
        before that batch have been given."""
        found: list[Stored] = []
        while self._running and self._running[0].end.done():
            if found and self._running[0].end.exception():
                break
            ended = self._running.popleft()
            ended.end.result()
            found.append(Stored(ended.batch, ended.seconds))
        return found

    def wait(self, seconds: float) -> None:
        """Until something changes: a batch may begin, or has ended. At most so long."""
        if self._running and not self._running[0].end.done():
            stages = (self._running[0].end, self._running[-1].handed_over)
            wait([stage for stage in stages if not stage.done()], seconds, FIRST_COMPLETED)

    def _analyse_all(self) -> None:
        while True:
            running = self._to_analyse.get()
            began = time.monotonic()
            try:
                found = self._analyse(running.batch)
            except BaseException as error:
                running.end.set_exception(error)
            else:
                running.seconds = time.monotonic() - began
                self._storing.acquire()
                self._to_store.put((running, found))
                del found
            running.handed_over.set_result(None)
            del running  # let go of the batch while waiting for the next

    def _store_all(self) -> None:
        while True:
            running, found = self._to_store.get()
            began = time.monotonic()
            try:
                self._store(found)
            except BaseException as error:
                running.end.set_exception(error)
            else:
                running.seconds = max(running.seconds, time.monotonic() - began)
                running.end.set_result(None)
            del running, found
            self._storing.release()
