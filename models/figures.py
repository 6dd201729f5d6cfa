"""Figures of one group of rows, from numbers alone: what was sought, what was given, how surely.

All figures are of 0..1. Means are over the labels that occur among the answers sought: in a source
of two classes a neutral answer is wrong and costs recall, but is no class of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.rows import LABELS

RESAMPLES = 2000
"""Draws of the bootstrap: its own noise moves an end of an interval by a tenth of its width."""

SEED = 7

BINS = 15
"""Bins of confidence, of equal width, as in Guo et al. 2017."""

Interval = tuple[float, float]
"""Where the figure would lie with 95 of 100 other samples of texts."""

Counts = NDArray[np.int64]
"""Confusion matrices: (..., 3, 3), label sought by label given."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One label within a group."""

    precision: float
    """0 where the label was never given."""
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers given with a confidence above `low`, up to `high`."""

    low: float
    high: float
    rows: int
    confidence: float
    """Mean over the bin's answers; it equals `accuracy` where probabilities mean what they say."""
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far confidence is from the share of right answers."""

    ece: float
    """Expected calibration error: the mean distance of the two, over rows."""
    bins: list[Bin]
    """Without the empty ones."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one source, or one language of it."""

    source: str
    lang: str
    """Empty for a whole source of several languages."""
    rows: int
    accuracy: float
    two_class_accuracy: float | None
    """The accuracy where no answer sought is neutral, as published work has it; else None."""
    macro_f1: float
    macro_recall: float
    intervals: dict[str, Interval]
    """Of accuracy, macro_f1 and macro_recall."""
    classes: dict[str, ClassFigures]
    confusion: list[list[int]]
    """A row per label sought, a column per label given."""
    calibration: Calibration | None

    @property
    def support(self) -> dict[str, int]:
        """Rows per label sought."""
        return {label: one.support for label, one in self.classes.items()}

    @property
    def two_class(self) -> bool:
        """No neutral row among them."""
        return self.two_class_accuracy is not None


def figures_of(
    source: str,
    lang: str,
    gold: NDArray[np.int64],
    predicted: NDArray[np.int64],
    confidence: NDArray[np.float64] | None = None,
    texts: NDArray[np.int64] | None = None,
) -> Figures:
    """Figures of one group from its rows' label numbers, sought and given, at least one row.

    `confidence` is the probability of the label given; without it nothing is said of calibration.
    `texts` numbers the rows' texts: rows of one text are drawn together for the intervals, since
    they are right or wrong together. Without it every row counts as a text of its own.
    """
    per_text = count(gold, predicted, texts)
    counts = per_text.sum(axis=0)
    rates = rates_of(counts)
    drawn = rates_of(resample(per_text, f"{source}/{lang}"))
    return Figures(
        source,
        lang,
        len(gold),
        _round(rates["accuracy"]),
        None if counts[LABELS.index("neutral")].any() else _round(rates["accuracy"]),
        _round(rates["macro_f1"]),
        _round(rates["macro_recall"]),
        {name: interval(values) for name, values in drawn.items()},
        {label: _class(counts, i) for i, label in enumerate(LABELS)},
        counts.tolist(),
        None if confidence is None else calibration_of(confidence, gold == predicted),
    )


def count(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], texts: NDArray[np.int64] | None = None
) -> Counts:
    """One confusion matrix per text: (texts, 3, 3)."""
    number = np.arange(len(gold)) if texts is None else np.unique(texts, return_inverse=True)[1]
    size = len(LABELS)
    cells = (number * size + gold) * size + predicted
    total = int(number.max(initial=-1)) + 1
    found = np.bincount(cells, minlength=total * size * size)
    return found.reshape(total, size, size).astype(np.int64)


def resample(per_text: Counts, name: str) -> Counts:
    """Confusion matrices of RESAMPLES draws of as many texts, with replacement: (draws, 3, 3).

    Texts that count alike are exchangeable, so what is drawn is how often each kind of text comes:
    a few dozen numbers a draw, whatever the number of texts. The draws depend on the counts and on
    `name` alone: the same in every run, independent from group to group.
    """
    flat = per_text.reshape(len(per_text), -1)
    kinds, often = np.unique(flat, axis=0, return_counts=True)
    chance = np.random.default_rng([SEED, *name.encode("utf-8", "replace")])
    drawn = chance.multinomial(len(flat), often / len(flat), size=RESAMPLES)
    return (drawn @ kinds).reshape(RESAMPLES, *per_text.shape[1:])


def rates_of(counts: Counts) -> dict[str, NDArray[np.float64]]:
    """accuracy, macro_f1 and macro_recall, each (...), of confusion matrices (..., 3, 3)."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    sought, given = counts.sum(axis=-1), counts.sum(axis=-2)
    occur = sought > 0
    recall = hits / np.maximum(sought, 1)
    f1 = 2 * hits / np.maximum(sought + given, 1)
    return {
        "accuracy": hits.sum(axis=-1) / sought.sum(axis=-1),
        "macro_f1": (f1 * occur).sum(axis=-1) / occur.sum(axis=-1),
        "macro_recall": (recall * occur).sum(axis=-1) / occur.sum(axis=-1),
    }


def macro_f1(gold: NDArray[np.int64], predicted: NDArray[np.int64]) -> float:
    """The one figure, where no interval is asked for."""
    return float(rates_of(count(gold, predicted).sum(axis=0))["macro_f1"])


def interval(drawn: NDArray[np.float64]) -> Interval:
    """The middle 95 % of the draws."""
    low, high = np.percentile(drawn, [2.5, 97.5])
    return _round(low), _round(high)


def mean_interval(per_language: Iterable[tuple[str, Counts]]) -> Interval:
    """Of the mean of several languages' macro-F1, from each one's name and counts per text."""
    drawn = [rates_of(resample(counts, name))["macro_f1"] for name, counts in per_language]
    return interval(np.mean(drawn, axis=0))


def calibration_of(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Calibration:
    """Bins of confidence (0..1) with the share of right answers in each."""
    place = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    rows = np.bincount(place, minlength=BINS)
    sure = np.bincount(place, confidence, minlength=BINS)
    hits = np.bincount(place, right, minlength=BINS)
    bins = [
        Bin(
            _round(i / BINS),
            _round((i + 1) / BINS),
            int(rows[i]),
            _round(sure[i] / rows[i]),
            _round(hits[i] / rows[i]),
        )
        for i in range(BINS)
        if rows[i]
    ]
    return Calibration(_round(np.abs(sure - hits).sum() / len(confidence)), bins)


def _class(counts: Counts, label: int) -> ClassFigures:
    hits, sought, given = counts[label, label], counts[label].sum(), counts[:, label].sum()
    return ClassFigures(
        _round(hits / max(given, 1)),
        _round(hits / max(sought, 1)),
        _round(2 * hits / max(sought + given, 1)),
        int(sought),
    )


def _round(value: float | NDArray[np.float64]) -> float:
    return round(float(value), 4)
