"""What is to happen later, done between two actions."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Due:
    """A list of calls and their times."""

    def __init__(self) -> None:
        self._calls: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Let it happen so much later, or soon after that."""
        self._calls.append((time.monotonic() + seconds, call))

    def do(self) -> None:
        """Make the calls whose time has come."""
        self._do(time.monotonic())

    def do_all(self) -> None:
        """Make every call, and what they put here meanwhile."""
        while self._calls:
            self._do(math.inf)

    def _do(self, until: float) -> None:
        calls = [one for one in self._calls if one[0] <= until]
        self._calls = [one for one in self._calls if one not in calls]
        for _, call in sorted(calls, key=lambda one: one[0]):
            call()
