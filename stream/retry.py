"""Waiting for an outside system: the same call again, with growing pauses, until it answers."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import TypeVar

import structlog

from stream import metrics
from stream.errors import RetryLater, UndertoneError

T = TypeVar("T")
log = structlog.get_logger()

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0


class Stopped(UndertoneError):
    """The service was asked to stop while waiting; what was not acknowledged stays undone."""


def until_answered(call: Callable[[], T], system: str, stop: threading.Event) -> T:
    """Return what `call` returns, repeating it on RetryLater. `call` must be repeatable.

    Raises Stopped when `stop` is set meanwhile; every other exception passes through.
    """
    pause, last_reason = _FIRST_PAUSE, ""
    while True:
        try:
            answer = call()
        except RetryLater as error:
            metrics.RETRIES.labels(system=system).inc()
            reason = str(error)
            if reason != last_reason:  # say it once, not every five seconds
                log.warning("call.failed", system=system, reason=reason, next_in_seconds=pause)
                last_reason = reason
        else:
            if last_reason:
                log.info("call.recovered", system=system)
            return answer
        # Spread over time, so that many consumers do not come back at once.
        if stop.wait(pause * random.uniform(0.5, 1.0)):
            raise Stopped(f"stopped while waiting for {system}")
        pause = min(pause * 2, _LONGEST_PAUSE)
