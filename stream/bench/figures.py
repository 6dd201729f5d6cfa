"""What a benchmark says: figures over repeats, and bars that a value must reach. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

REPEATS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """One quantity, measured several times. `unit` as it is printed: posts/s, s, MB."""

    name: str
    unit: str
    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)


@dataclass(frozen=True, slots=True)
class Bar:
    """What a value must reach: at least `must`, or at most where `at_most`.

    `unit` is '' for a ratio, which is nearly the same on another machine.
    """

    name: str
    value: float
    must: float
    aim: float | None = None
    at_most: bool = False
    unit: str = ""

    @property
    def holds(self) -> bool:
        return self.value <= self.must if self.at_most else self.value >= self.must


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the benchmark found. `notes` say what a reader of the figures must know."""

    name: str
    figures: tuple[Figure, ...]
    bars: tuple[Bar, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return all(bar.holds for bar in self.bars)


def alternate(
    runs: Mapping[str, Callable[[int], float]],
    unit: str,
    repeats: int = REPEATS,
    on_run: Callable[[], None] = lambda: None,
) -> dict[str, Figure]:
    """Call each of `runs` once a repeat, with the repeat's number, in the order A B, B A, A B, …

    Each returns its value in `unit`; `on_run` is told after each.
    """
    values: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats):
        for name in list(runs)[:: 1 if repeat % 2 == 0 else -1]:
            values[name].append(runs[name](repeat))
            on_run()
    return {name: Figure(name, unit, tuple(found)) for name, found in values.items()}


def ratio(of: Figure, to: Figure) -> float:
    """The median over the repeats of one value in terms of the other, measured beside it.

    Not the ratio of the medians: a machine that slows down for a minute slows both of a repeat.
    """
    return median(a / b for a, b in zip(of.values, to.values, strict=True))


def as_json(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """For machines: every value, and whether each bar holds."""
    return [
        {
            "part": part.name,
            "holds": part.holds,
            "figures": [
                {
                    "name": figure.name,
                    "unit": figure.unit,
                    "minimum": min(figure.values),
                    "median": figure.median,
                    "maximum": max(figure.values),
                    "values": list(figure.values),
                }
                for figure in part.figures
            ],
            "bars": [
                {
                    "name": bar.name,
                    "value": bar.value,
                    "unit": bar.unit,
                    "must": bar.must,
                    "aim": bar.aim,
                    "at_most": bar.at_most,
                    "holds": bar.holds,
                }
                for bar in part.bars
            ],
            "notes": list(part.notes),
        }
        for part in parts
    ]
