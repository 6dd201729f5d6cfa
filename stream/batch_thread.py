"""The thread in which batches are worked on, while the consumer's own keeps polling."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue


class BatchThread:
    """One thread for all batches: numerical libraries keep their own threads and memory for each
    thread that calls them. It does not hold up the end of the process, should a call never return.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], None], Future[None]]] = SimpleQueue()
        threading.Thread(target=self._work, name="batch", daemon=True).start()

    def start(self, call: Callable[[], None]) -> Future[None]:
        future: Future[None] = Future()
        self._calls.put((call, future))
        return future

    def _work(self) -> None:
        while True:
            call, future = self._calls.get()
            try:
                call()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(None)
            del call, future  # let go of the batch while waiting for the next
