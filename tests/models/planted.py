"""Scorers whose answers are known: what is planted in them must be found again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models import Passage


class Planted:
    """Positive and negative logits are plus and minus the sum of what `weigh` gives a text."""

    def __init__(self, weigh: Callable[[str], float]) -> None:
        self._weigh = weigh

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        sums = np.array([self._weigh(p.text) for p in passages])
        powers = np.exp(np.stack([-sums, np.zeros_like(sums), sums], axis=1))
        found: NDArray[np.float32] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
        return found


def words_weigh(weights: dict[str, float], base: float = 0.0) -> Planted:
    """A scorer that knows some words and adds up what they weigh."""
    return Planted(lambda text: base + sum(w * text.count(word) for word, w in weights.items()))
