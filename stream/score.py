"""Step 3 of a post's way: what the post says about each brand it names.

Probabilities become integers of 1/10000 that sum to 10000, so that sums over windows are exact
whatever their order (DESIGN §3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models import Passage
from stream.match import Mention

UNIT = 10_000
MAX_PASSES_PER_POST = 16  # DESIGN §2: further mentions take the mean of these and are flagged


class Scorer(Protocol):
    """What scores passages: `models.Classifier`, or a pure function in tests and benchmarks."""

    model_hash: str

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        """Shape (n, 3), columns negative, neutral, positive; rows sum to 1, order kept."""
        ...


@dataclass(frozen=True, slots=True)
class ScoredMention:
    """A mention with its probabilities in 1/10000. `estimated`: it had no pass of its own."""

    mention: Mention
    negative: int
    neutral: int
    positive: int
    estimated: bool = False

    @property
    def score(self) -> int:
        """Positive minus negative, -10000..10000."""
        return self.positive - self.negative


def score_posts(
    scorer: Scorer, posts: Sequence[tuple[str, Sequence[Mention]]]
) -> list[list[ScoredMention]]:
    """Score the mentions of many posts, given as (text, mentions), in one call of the scorer."""
    passages = [
        Passage(text, text[slice(*mention.target)], mention.target[0])
        for text, mentions in posts
        for mention in mentions[:MAX_PASSES_PER_POST]
    ]
    found = scorer.score(passages) if passages else np.zeros((0, 3), np.float32)
    rows = iter(to_units(found))
    scored = []
    for _, mentions in posts:
        passed = [ScoredMention(mention, *next(rows)) for mention in mentions[:MAX_PASSES_PER_POST]]
        scored.append(passed + _estimate(passed, mentions[MAX_PASSES_PER_POST:]))
    return scored


def to_units(probabilities: NDArray[np.float32]) -> list[tuple[int, int, int]]:
    """Round each row of shape (n, 3) to integers that sum to exactly 10000.

    The largest remainders get the missing units; on a tie negative before neutral before positive.
    """
    exact = probabilities.astype(np.float64)
    exact = exact / exact.sum(axis=1, keepdims=True) * UNIT
    units = np.floor(exact).astype(np.int64)
    missing = UNIT - units.sum(axis=1)
    order = np.argsort(-(exact - units), axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    units += rank < missing[:, None]
    return [(negative, neutral, positive) for negative, neutral, positive in units.tolist()]


def _estimate(passed: list[ScoredMention], further: Sequence[Mention]) -> list[ScoredMention]:
    if not further:
        return []
    mean = np.array([[m.negative, m.neutral, m.positive] for m in passed], np.float64).mean(axis=0)
    units = to_units(mean[None, :].astype(np.float32))[0]
    return [ScoredMention(mention, *units, estimated=True) for mention in further]
