"""What explanations and audits ask of a model: probabilities, nothing else."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.passage import Passage


class Scorer(Protocol):
    """`models.Classifier`, whatever runs its network; in tests a function whose answer is known."""

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        """Probabilities, shape (n, 3), columns negative, neutral, positive, in the order given."""
        ...


def moods(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """One number a row, -1..1: the probability of positive less that of negative."""
    found: NDArray[np.float64] = probabilities[:, 2].astype(float) - probabilities[:, 0]
    return found


def margins(probabilities: NDArray[np.float32], label: int) -> NDArray[np.float64]:
    """The label's logit less the mean of the others', per row.

    Read off the probabilities, whose logarithms are the logits but for a number that cancels out.
    """
    logits = np.log(np.maximum(probabilities.astype(float), 1e-12))
    others = np.delete(logits, label, axis=1).mean(axis=1)
    found: NDArray[np.float64] = logits[:, label] - others
    return found
