"""Scorers that stand in for the model where something else is measured."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models import Passage


class Costless:
    """Gives every passage the same answer at once."""

    model_hash = "costless"
    _ANSWER = np.array([[0.2, 0.5, 0.3]], np.float32)

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        return np.repeat(self._ANSWER, len(passages), axis=0)


class Waiting(Costless):
    """Waits so many seconds a passage and computes nothing, as a model on another machine would."""

    model_hash = "waiting"

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        time.sleep(self._seconds * len(passages))
        return super().score(passages)
