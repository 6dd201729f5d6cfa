"""What the board is given by the process that serves it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from stream.board.access import Access
from stream.catalogue import Catalogue
from stream.clock import Clock
from stream.metrics import DEAD_LETTERS
from stream.rules import Rules
from stream.settings import ClickHouse


def _no_brands() -> Catalogue:
    return Catalogue(brands=())


def _nothing() -> list[str]:
    return []


def unknown_dead_letters() -> int | None:
    """For a process that consumes nothing: the count is another process's."""
    return None


def counted_dead_letters() -> int | None:
    """For a process that consumes: its own count since it started."""
    samples = (s for metric in DEAD_LETTERS.collect() for s in metric.samples)
    return int(sum(s.value for s in samples if s.name.endswith("_total")))


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """The rules by which the watcher judges now; `refused` is why the file is not taken, or ''."""

    rules: Rules = field(default_factory=Rules)
    refused: str = ""


@dataclass(frozen=True)
class BoardContext:
    """Everything the board needs; it reads no settings of its own.

    `healthy` and `ready` return problems, one line each; they must answer at once and from any
    thread, and so must `rules_in_force`. The brands of the `catalogue` are listed in its order even
    while nobody mentions them. `hosts` are the names by which browsers may address the board,
    beside localhost and any literal address. A minute is closed `closes_after` its end.
    """

    clickhouse: ClickHouse
    clock: Clock = field(default_factory=Clock.of_wall)
    topic: str = "posts"
    healthy: Callable[[], list[str]] = _nothing
    ready: Callable[[], list[str]] = _nothing
    dead_letters: Callable[[], int | None] = unknown_dead_letters
    catalogue: Catalogue = field(default_factory=_no_brands)
    rules_in_force: Callable[[], RulesInForce] = RulesInForce
    closes_after: timedelta = timedelta(seconds=10)
    model_name: str = ""
    access: Access = field(default_factory=Access)
    hosts: Sequence[str] = ()
    recent_posts: int = 400
    poll_seconds: float = 0.5

    @property
    def brands(self) -> list[str]:
        """The names of the catalogue's brands."""
        return [brand.name for brand in self.catalogue.brands]

    @property
    def series(self) -> set[tuple[str, str]]:
        """The brands and their topics; topic '' is the brand as a whole."""
        return {
            (brand.name, topic) for brand in self.catalogue.brands for topic in ("", *brand.topics)
        }
