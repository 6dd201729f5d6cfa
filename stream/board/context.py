"""What the board is given by the process that serves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from stream.clock import Clock
from stream.metrics import DEAD_LETTERS
from stream.settings import ClickHouse


def _nothing() -> list[str]:
    return []


def unknown_dead_letters() -> int | None:
    """For a process that consumes nothing: the count is another process's."""
    return None


def counted_dead_letters() -> int | None:
    """For a process that consumes: its own count since it started."""
    samples = (s for metric in DEAD_LETTERS.collect() for s in metric.samples)
    return int(sum(s.value for s in samples if s.name.endswith("_total")))


@dataclass(frozen=True)
class BoardContext:
    """Everything the board needs; it reads no settings of its own.

    `healthy` and `ready` return problems, one line each; they must answer at once and from any
    thread. `brands` are listed in this order even while nobody mentions them. `hosts` are the names
    by which browsers may address the board, beside localhost and any literal address.
    """

    clickhouse: ClickHouse
    clock: Clock = field(default_factory=Clock.of_wall)
    topic: str = "posts"
    healthy: Callable[[], list[str]] = _nothing
    ready: Callable[[], list[str]] = _nothing
    dead_letters: Callable[[], int | None] = unknown_dead_letters
    brands: Sequence[str] = ()
    hosts: Sequence[str] = ()
    recent_posts: int = 400
    poll_seconds: float = 0.5
