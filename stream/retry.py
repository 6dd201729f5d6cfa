"""Waiting for an outside system: the same call again, with growing pauses, until it answers."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TypeVar

import structlog

from stream import metrics
from stream.errors import RetryLater, UndertoneError
from stream.health import Health

T = TypeVar("T")
log = structlog.get_logger()

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class Stopped(UndertoneError):
    """The service was asked to stop while waiting; what was not acknowledged stays undone."""


class Patience:
    """Repeats calls until they are answered or `stop` is set; `health` tells who is waited for."""

    def __init__(self, stop: threading.Event, health: Health) -> None:
        self.stop = stop
        self._health = health

    def until_answered(self, call: Callable[[], T], system: str) -> T:
        """Return what `call` returns, repeating it on RetryLater. `call` must be repeatable.

        Raises Stopped when told to stop meanwhile; every other exception passes through.
        """
        pause, last_reason = _FIRST_PAUSE, ""
        while True:
            try:
                answer = call()
            except RetryLater as error:
                metrics.RETRIES.labels(system=system).inc()
                reason = str(error)
                self._health.trouble(system, reason)
                if reason != last_reason:  # say it once, not every five seconds
                    log.warning("call.failed", system=system, reason=reason, next_in_seconds=pause)
                    last_reason = reason
            else:
                if last_reason:
                    log.info("call.recovered", system=system)
                self._health.beat(system)
                return answer
            # Spread over time, so that many consumers do not come back at once.
            if self.stop.wait(pause * random.uniform(0.5, 1.0)):
                raise Stopped(f"stopped while waiting for {system}")
            pause = min(pause * 2, _LONGEST_PAUSE)
