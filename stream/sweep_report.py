"""What a sweep found, for people and for machines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from stream.logs import escape

T = TypeVar("T")

LISTED = 20  # findings of a kind that are named; all are counted


@dataclass(frozen=True, slots=True)
class Difference:
    """One number of one window. `stored` is None where the window is missing."""

    window_start: datetime
    brand: str
    topic: str
    source: str
    lang: str
    column: str
    stored: int | None
    expected: int

    def __str__(self) -> str:
        named = escape(f"{self.brand} / {self.topic or 'all'} / {self.source} / {self.lang}")
        stored = "missing" if self.stored is None else f"{self.stored} stored"
        return f"{_minute(self.window_start)} {named}: {self.column} {stored}, {self.expected} due"


@dataclass(frozen=True, slots=True)
class Stray:
    """A post's row in the minute `stored`, though its key says `expected`."""

    source: str
    post_id: str
    stored: datetime
    expected: datetime

    def __str__(self) -> str:
        named = escape(f"{self.source}:{self.post_id}")
        return f"{named}: a row under {_minute(self.stored)}, its key says {_minute(self.expected)}"


@dataclass(frozen=True, slots=True)
class Doubled:
    """A post that counts more than once."""

    source: str
    post_id: str
    rows: int

    def __str__(self) -> str:
        return f"{escape(f'{self.source}:{self.post_id}')}: counts {self.rows} times"


@dataclass
class Found(Generic[T]):
    """All counted, the first few kept."""

    count: int = 0
    first: list[T] = field(default_factory=list)

    def add(self, found: Iterable[T]) -> None:
        for one in found:
            self.count += 1
            if len(self.first) < LISTED:
                self.first.append(one)


@dataclass
class Report:
    """What was found, before any repair; `left` is what is wrong after it."""

    start: datetime
    until: datetime | None
    windows: int = 0  # compared
    differing: int = 0  # windows; `differences` are their single numbers
    pending_minutes: int = 0
    repaired: int = 0  # windows
    left: int = 0  # windows that differ, strays and doubled posts
    seconds: float = 0.0
    differences: Found[Difference] = field(default_factory=Found)
    strays: Found[Stray] = field(default_factory=Found)
    doubled: Found[Doubled] = field(default_factory=Found)

    def lines(self) -> Iterator[str]:
        """The findings that are named, one a line."""
        for found in (self.differences, self.strays, self.doubled):
            yield from map(str, found.first)
            if found.count > len(found.first):
                yield f"… and {found.count - len(found.first)} more"

    def summary(self) -> Iterator[str]:
        """What was compared and what came of it, one line each."""
        until = f"to {_minute(self.until)}" if self.until else "on"
        yield (
            f"{self.windows} windows from {_minute(self.start)} {until} compared in "
            f"{self.seconds:.1f} s: {self.differing or 'none'} differ from the posts"
        )
        if self.strays.count or self.doubled.count:
            yield f"{self.strays.count} strays, {self.doubled.count} posts that count twice"
        if self.pending_minutes:
            yield (
                f"{self.pending_minutes} minutes not compared: they hold rows so new that the next "
                "pass recomputes them"
            )
        if self.repaired:
            yield f"{self.repaired} windows repaired, {self.left} findings left"

    def as_dict(self) -> dict[str, Any]:
        """As `--json` prints it: times in ISO 8601."""
        return dict(asdict(self, dict_factory=_plain))


def _plain(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {
        name: value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
        for name, value in pairs
    }


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%MZ}"
