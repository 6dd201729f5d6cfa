"""How long the service's threads of this process are in one call to Kafka or ClickHouse.

Read from the threads' stacks, not from what the service says of itself.
"""

from __future__ import annotations

import sys
import threading
import time
from types import FrameType
from typing import Self

_LIBRARIES = {"kafka": "/site-packages/kafka/", "clickhouse": "/site-packages/clickhouse_connect/"}
_SERVICE = "/stream/"
_EVERY = 0.1  # seconds


class Calls:
    """While it is entered, `longest` tells by library how long one call took or has taken."""

    def __init__(self) -> None:
        self.longest = dict.fromkeys(_LIBRARIES, 0.0)
        self._under_way: dict[int, tuple[FrameType, int, float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="calls")

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY):
            found = {}
            for thread, innermost in sys._current_frames().items():
                if call := _call(innermost):
                    library, caller = call
                    found[thread] = self._since(thread, caller)
                    taken = time.monotonic() - found[thread][2]
                    self.longest[library] = max(self.longest[library], taken)
            self._under_way = found

    def _since(self, thread: int, caller: FrameType) -> tuple[FrameType, int, float]:
        """The same place in the same run of the same function: it is the same call."""
        known = self._under_way.get(thread)
        if known and known[0] is caller and known[1] == caller.f_lasti:
            return known
        return caller, caller.f_lasti, time.monotonic()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def _call(frame: FrameType | None) -> tuple[str, FrameType] | None:
    """Which library a stack is in, and the innermost frame of the service that called it."""
    inside = None
    while frame is not None:
        file = frame.f_code.co_filename
        for library, folder in _LIBRARIES.items():
            if folder in file:
                inside = library
        if _SERVICE in file and "/tests/" not in file:
            return (inside, frame) if inside else None
        frame = frame.f_back
    return None
