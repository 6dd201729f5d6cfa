"""Which parts the benchmark has, and what each is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from models.rows import Row
from stream import garbage
from stream.bench.figures import REPEATS, Figure, Part, alternate
from stream.bench.posts import Corpus
from stream.errors import UsageError
from stream.settings import Settings

PARTS = {
    "engine": "the classifier as the service runs it, and a transformers pipeline in fp32",
    "limit": "the classifier in fp32, and the best rate of sgemm",
    "service": "the whole service, and the classifier by itself",
    "host": "the whole service with a scorer that costs nothing, on this machine alone",
    "match": "finding brands among a hundred aliases and among ten thousand",
    "memory": "what the service holds after 20,000 posts and after 200,000",
    "windows": "recomputing one minute beside a hundred thousand posts and beside ten million",
    "scale": "one, two and four consumers whose model is on another machine",
    "latency": "a post to its row and a minute to its webhook, at half of the full load",
    "growth": "what a million posts add to the database's disk",
    "stages": "the steps of a post's way, each by itself",
}
"""What each compares. Its module in this package has its name."""


@dataclass(frozen=True)
class Bench:
    """What a part may draw on. `directory` is empty and its own; `tick` moves the progress bar."""

    corpus: Corpus
    rows: Sequence[Row]
    """Labelled rows, for what is said of agreement."""
    settings: Settings
    directory: Path
    repeats: int = REPEATS
    size: float = 1.0
    """Of the numbers of posts: below 1 for a quick look, whose figures are no result."""
    tick: Callable[[str], None] = field(default=lambda _: None)

    def count(self, usual: int) -> int:
        return max(1, round(usual * self.size))

    def alternate(
        self, part: str, runs: Mapping[str, Callable[[int], float]], unit: str
    ) -> dict[str, Figure]:
        """Run what a part compares in turn, and move its bar."""
        return alternate(runs, unit, self.repeats, lambda: self.tick(part))


def chosen(names: Sequence[str]) -> list[str]:
    """These parts, or all, in the usual order. Raises UsageError for a name that is none."""
    for name in names:
        if name not in PARTS:
            raise UsageError(f"bench {name}: no such part; choose of {', '.join(PARTS)}")
    return [name for name in PARTS if not names or name in names]


def measure(name: str, bench: Bench) -> Part:
    """Run one part, with Python's collector of cycles as seldom at work as in the service."""
    garbage.look_seldom()
    part: Part = import_module(f"stream.bench.{name}").measure(bench)
    return part
