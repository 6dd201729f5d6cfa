"""How far one backend's answers are from another's, on the same model and rows."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classify import Classifier
from models.figures import count, rates_of
from models.passage import Passage, window
from models.rows import Row


@dataclass(frozen=True, slots=True)
class Agreement:
    """`other` against `exact`; shares of 0..1, macro-F1 over all rows as one group."""

    rows: int
    labels_equal: float
    macro_f1_exact: float
    macro_f1_other: float
    largest_difference: float
    """Of any probability of any row."""
    mean_difference: float
    largest_with_neighbours: float
    """Of a row's probabilities, `other` alone and `other` in a batch; over the rows tried alone."""
    rows_per_second_exact: float
    rows_per_second_other: float


def compare(
    exact: Classifier, other: Classifier, rows: Sequence[Row], alone: int = 200
) -> Agreement:
    """Scores all rows by both, in turns of 256, and `alone` of them one by one."""
    passages = [row.passage for row in rows]
    seconds = [0.0, 0.0]
    found: list[list[NDArray[np.float32]]] = [[], []]
    for start in range(0, len(passages), 256):
        for i, classifier in enumerate((exact, other)):
            began = time.perf_counter()
            found[i].append(classifier.score(passages[start : start + 256]))
            seconds[i] += time.perf_counter() - began
    ours, theirs = (np.concatenate(parts) for parts in found)
    gold = np.array([row.label for row in rows], np.int64)
    tried = list(range(0, len(rows), max(1, len(rows) // alone)))
    single = np.concatenate([_alone(other, passages[i]) for i in tried])
    f1 = [float(rates_of(count(gold, p.argmax(1)).sum(0))["macro_f1"]) for p in (ours, theirs)]
    return Agreement(
        len(rows),
        round(float((ours.argmax(1) == theirs.argmax(1)).mean()), 4),
        round(f1[0], 4),
        round(f1[1], 4),
        round(float(np.abs(ours - theirs).max()), 4),
        round(float(np.abs(ours - theirs).mean()), 5),
        round(float(np.abs(single - theirs[tried]).max()), 5),
        round(len(rows) / seconds[0], 1),
        round(len(rows) / seconds[1], 1),
    )


def _alone(classifier: Classifier, passage: Passage) -> NDArray[np.float32]:
    """(1, 3), past what the classifier remembers: the row must go through the network by itself."""
    tokens = classifier.encoder.encode([window(passage)])
    odds = classifier.backend.logits(tokens)[:, classifier.columns] / classifier.temperature
    powers = np.exp(odds - odds.max())
    shares: NDArray[np.float32] = powers / powers.sum()
    return shares
