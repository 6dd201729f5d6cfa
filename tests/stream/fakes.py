"""What stands in for slow or outside parts, as pure as they can be."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models import Passage


class PureScorer:
    """A scorer that is a pure function of (text, target): fast, and the same everywhere."""

    model_hash = "pure"

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.gate = gate
        self.asked = 0

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        if self.gate is not None:
            self.gate.wait(60)
        self.asked += len(passages)
        rows = [weights(passage.text, passage.target or "") for passage in passages]
        array = np.array(rows, np.float32).reshape(-1, 3)
        return array / array.sum(axis=1, keepdims=True)


def weights(text: str, target: str) -> tuple[int, int, int]:
    """Three weights of 1..256, by hash."""
    digest = hashlib.blake2b(f"{text}\0{target}".encode(), digest_size=3).digest()
    return digest[0] + 1, digest[1] + 1, digest[2] + 1
