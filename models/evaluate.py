"""How good is a model? It answers rows whose answers are known, and what it got right is counted.

Figures are in `models.figures` and `models.targets`; `models.report` and `models.plots` show them.
"""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classify import Classifier
from models.errors import DataRefused
from models.figures import (
    Calibration,
    Figures,
    Interval,
    calibration_of,
    count,
    figures_of,
    mean_interval,
)
from models.rows import LABELS, Row
from models.targets import TargetFigures, target_figures


@dataclass(frozen=True, slots=True)
class LanguageMean:
    """Macro-F1 of a source's languages, each counted alike (UMSAB's figure)."""

    source: str
    languages: int
    macro_f1: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one evaluation."""

    rows: int
    skipped: int
    """Lines of the data that were passed over as bad."""
    rows_per_second: float
    model_hash: str
    sources: list[Figures]
    """One per source, then one per source and language where a source has several."""
    language_means: list[LanguageMean]
    """Of sources with several languages."""
    targets: list[TargetFigures]
    """Sentences with targets of several labels, per source and all together."""
    calibration: Calibration
    """Over all rows."""

    def mean_over_languages(self, source: str) -> float:
        """Mean macro-F1 of a source's languages, each counted alike (UMSAB's figure)."""
        own = [f for f in self.sources if f.source == source]
        parts = [f for f in own if f.lang] or own
        return float(np.mean([f.macro_f1 for f in parts]))


def evaluate(
    classifier: Classifier,
    rows: Sequence[Row],
    progress: Callable[[int], None] = lambda done: None,
    batch: int = 512,
    skipped: int = 0,
) -> Report:
    """Scores every row and counts; `progress` is called with the number of rows done.

    `skipped` is only carried into the report. Raises DataRefused where there is no row.
    """
    if not rows:
        raise DataRefused("no labelled row to measure; give a file with at least one")
    began = time.perf_counter()
    probabilities = _answers(classifier, rows, progress, batch)
    seconds = time.perf_counter() - began

    gold = np.array([row.label for row in rows], np.int64)
    predicted = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1).astype(np.float64)
    numbers: dict[str, int] = {}
    texts = np.array([numbers.setdefault(row.passage.text, len(numbers)) for row in rows], np.int64)

    def group(source: str, lang: str, at: list[int]) -> Figures:
        return figures_of(source, lang, gold[at], predicted[at], confidence[at], texts[at])

    figures, means = [], []
    for source, parts in _by_source(rows).items():
        whole = [i for at in parts.values() for i in at]
        if len(parts) == 1:
            figures.append(group(source, next(iter(parts)), whole))
            continue
        languages = [group(source, lang, at) for lang, at in parts.items()]
        figures += [group(source, "", whole), *languages]
        counts = [
            (f"{source}/{lang}", count(gold[at], predicted[at], texts[at]))
            for lang, at in parts.items()
        ]
        mean = round(float(np.mean([f.macro_f1 for f in languages])), 4)
        means.append(LanguageMean(source, len(languages), mean, mean_interval(counts)))
    return Report(
        len(rows),
        skipped,
        round(len(rows) / max(seconds, 1e-9), 1),
        classifier.model_hash,
        figures,
        means,
        target_figures(rows, predicted.tolist()),
        calibration_of(confidence, gold == predicted),
    )


def _answers(
    classifier: Classifier, rows: Sequence[Row], progress: Callable[[int], None], batch: int
) -> NDArray[np.float32]:
    found = np.zeros((len(rows), len(LABELS)), np.float32)
    # by length, so that the batches of each call are full of rows of one length
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].passage.text))
    for start in range(0, len(order), batch):
        part = order[start : start + batch]
        found[part] = classifier.score([rows[i].passage for i in part])
        progress(start + len(part))
    return found


def _by_source(rows: Sequence[Row]) -> dict[str, dict[str, list[int]]]:
    """Source to language to the places of its rows, both by name; "und" for the rows of several
    languages that name none."""
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, row in enumerate(rows):
        found[row.source][row.lang].append(i)
    return {
        source: {
            lang or ("und" if len(parts) > 1 else ""): at for lang, at in sorted(parts.items())
        }
        for source, parts in sorted(found.items())
    }


def sample(rows: Sequence[Row], each: int, seed: int = 7) -> list[Row]:
    """At most `each` rows of every source and language, drawn with a fixed seed.

    Whole texts are drawn: a sentence comes with all of its targets or not at all.
    """
    groups: dict[tuple[str, str], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        groups[row.source, row.lang][row.passage.text].append(row)
    chance = random.Random(seed)
    drawn: list[Row] = []
    for key in sorted(groups):
        texts = list(groups[key].values())
        chance.shuffle(texts)
        left = each
        for own in texts:
            if len(own) <= left:
                drawn += own
                left -= len(own)
    return drawn
