"""Which posts say best what a rise is about: heavy ones that differ. Pure.

Maximal marginal relevance (Carbonell & Goldstein 1998): one after the other, each time the post
that weighs most less what it repeats of those chosen before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stream.alerting.near_copies import NEAR_COPY, shingled, similarity

_WEIGHT_COUNTS = 0.6  # against newness


@dataclass(frozen=True, slots=True)
class Candidate:
    """`weight` is above 0, in any unit. An author '' is nobody in particular."""

    text: str
    author: str
    weight: float


def most_telling(candidates: Sequence[Candidate], number: int) -> list[int]:
    """Indices of at most `number` candidates, the most telling first.

    Never two near-copies and never two posts of one author: repeating tells nothing new.
    """
    heaviest = max((one.weight for one in candidates), default=1.0)
    shingles = shingled([one.text for one in candidates])
    repeats = [0.0] * len(candidates)
    chosen: list[int] = []
    left = set(range(len(candidates)))
    while left and len(chosen) < number:
        best = max(
            left,
            key=lambda i: (
                _WEIGHT_COUNTS * candidates[i].weight / heaviest
                - (1 - _WEIGHT_COUNTS) * repeats[i],
                -i,
            ),
        )
        chosen.append(best)
        left.remove(best)
        for i in list(left):
            alike = similarity(shingles[i], shingles[best])
            repeats[i] = max(repeats[i], alike)
            if alike >= NEAR_COPY or candidates[i].author == candidates[best].author != "":
                left.remove(i)
    return chosen
