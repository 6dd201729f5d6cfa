"""What the parts of one process share: settings, clock, health, the order to stop, threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from stream.clock import Clock
from stream.health import Health
from stream.retry import Patience, Stopped
from stream.settings import Settings

log = structlog.get_logger()

_JOIN_SECONDS = 22  # of the 25 s that a clean stop may take


def nothing_to_check() -> None:
    """For a process that started nothing which could end by itself."""


@dataclass
class Running:
    """What the parts of one process share, and their threads."""

    settings: Settings
    clock: Clock
    stop: threading.Event
    check: Callable[[], None] = nothing_to_check
    """Raises when something outside the threads has ended for good."""
    health: Health = field(default_factory=Health)
    failures: list[BaseException] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.patience = Patience(self.stop, self.health)
        for system in ("kafka", "clickhouse"):
            self.health.watch(system)

    def start(self, name: str, run: Callable[[], None]) -> None:
        """Run a part in a thread; its failure stops the service and is raised by `wait`."""

        def body() -> None:
            try:
                run()
            except Stopped:
                pass
            except BaseException as error:
                self.failures.append(error)
                log.error("part.failed", part=name, reason=str(error))
            finally:
                self.stop.set()

        thread = threading.Thread(target=body, name=name, daemon=True)
        self.threads.append(thread)
        thread.start()

    def wait(self) -> None:
        """Wait until something sets the stop event. In turns, so that signals are heard.

        Raises what `check` raises.
        """
        while not self.stop.wait(0.5):
            self.check()

    def end(self) -> None:
        """Stop all parts and wait for them, within what a clean stop may take."""
        self.stop.set()
        deadline = time.monotonic() + _JOIN_SECONDS
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def raise_failure(self) -> None:
        """Raise the first failure of any part, if there was one."""
        if self.failures:
            raise self.failures[0]
