"""How far one backend's answers are from another's, on the same model and rows."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.classify import Classifier
from models.figures import macro_f1
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
    anew = other.on(other.backend)  # remembers nothing: each row goes through the network by itself
    single = np.concatenate([anew.score([passages[i]]) for i in tried])
    return Agreement(
        len(rows),
        round(float((ours.argmax(1) == theirs.argmax(1)).mean()), 4),
        round(macro_f1(gold, ours.argmax(1)), 4),
        round(macro_f1(gold, theirs.argmax(1)), 4),
        round(float(np.abs(ours - theirs).max()), 4),
        round(float(np.abs(ours - theirs).mean()), 5),
        round(float(np.abs(single - theirs[tried]).max()), 5),
        round(len(rows) / seconds[0], 1),
        round(len(rows) / seconds[1], 1),
    )
