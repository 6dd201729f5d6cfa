"""How often does the label change when the text changes, and should it?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np

from models.passage import Passage
from models.perturb import ADDED, WITHIN, perturb
from models.scorer import Scorer

PERTURBATIONS = (*WITHIN, *ADDED)


class Post(NamedTuple):
    """A passage and the code of its language."""

    passage: Passage
    language: str


@dataclass(frozen=True, slots=True)
class Flips:
    """How many labels changed, of one kind of change in one language."""

    change: str
    language: str
    """Empty for all together."""
    rows: int
    """Rows in which there was something to change; 0 where a script has no such thing."""
    flips: int
    share: float | None
    """Flips of all rows; None without rows."""
    low: float | None
    """With `high`, the 95 % interval (Wilson 1927), which holds for few rows too."""
    high: float | None


def label_flips(scorer: Scorer, posts: Sequence[Post], change: str, seed: int) -> list[Flips]:
    """Per language and for all, how one change of `models.perturb` moves the labels."""
    pairs = [(post, Post(perturb(post.passage, change, seed), post.language)) for post in posts]
    return _flips(scorer, change, [(a, b) for a, b in pairs if a != b], posts)


def negation_flips(scorer: Scorer, negations: Iterable[tuple[str, str, str]]) -> list[Flips]:
    """The same for (language, statement, its negation): here a label that stays is wrong."""
    pairs = [(Post(Passage(a), lang), Post(Passage(b), lang)) for lang, a, b in negations]
    return _flips(scorer, "negation", pairs, [a for a, _ in pairs])


def _flips(
    scorer: Scorer, change: str, pairs: Sequence[tuple[Post, Post]], asked: Sequence[Post]
) -> list[Flips]:
    labels = scorer.score([post.passage for pair in pairs for post in pair]).argmax(axis=1)
    moved = np.asarray(labels).reshape(-1, 2)
    counts = {post.language: [0, 0] for post in asked}
    for (post, _), (before, after) in zip(pairs, moved, strict=True):
        counts[post.language][0] += 1
        counts[post.language][1] += int(before != after)
    whole = [sum(count[i] for count in counts.values()) for i in (0, 1)]
    return [
        counted(change, language, rows, flips)
        for language, (rows, flips) in [*counts.items(), ("", whole)]
    ]


def counted(change: str, language: str, rows: int, flips: int) -> Flips:
    """The share and its interval, of counts."""
    if not rows:
        return Flips(change, language, 0, 0, None, None, None)
    share, z = flips / rows, 1.96
    middle = share + z * z / (2 * rows)
    reach = z * sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    low, high = ((middle + sign * reach) / (1 + z * z / rows) for sign in (-1, 1))
    return Flips(
        change, language, rows, flips, round(share, 4), round(max(0.0, low), 4), round(high, 4)
    )
