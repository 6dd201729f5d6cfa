"""Does the score depend on who is spoken of? The same sentences, with only that changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.passage import Passage
from models.scorer import Scorer, moods


@dataclass(frozen=True, slots=True)
class Comparison:
    """Scores of one attribute's groups over the same sentences, in one language.

    A score is the probability of positive less that of negative, -1..1. Where nothing but the group
    differs, every difference is the model's.
    """

    language: str
    attribute: str
    texts: int
    """Sentences scored, over all groups."""
    means: dict[str, float]
    """Mean score per group."""
    lowest: str
    highest: str
    shift: float
    """Mean score of the highest group less that of the lowest: 0 is fair."""
    template: str
    """The sentence in which those two differ most, either way."""
    template_shift: float
    """Score of the highest group less that of the lowest, in that sentence."""


def compare(
    scorer: Scorer,
    language: str,
    attribute: str,
    templates: Sequence[str],
    groups: Mapping[str, Sequence[str]],
) -> Comparison:
    """Puts every member of every group into every template, and compares the groups' scores."""
    filled = [
        template.replace("{who}", member)
        for members in groups.values()
        for member in members
        for template in templates
    ]
    capitalised = [text[:1].upper() + text[1:] for text in filled]
    scores = moods(scorer.score([Passage(text) for text in capitalised]))
    by_member = scores.reshape(-1, len(templates))
    by_template = {}
    done = 0
    for group, members in groups.items():
        by_template[group] = by_member[done : done + len(members)].mean(axis=0)
        done += len(members)
    means = {group: float(own.mean()) for group, own in by_template.items()}
    lowest, highest = min(means, key=means.__getitem__), max(means, key=means.__getitem__)
    gaps = by_template[highest] - by_template[lowest]
    widest = int(np.abs(gaps).argmax())
    return Comparison(
        language,
        attribute,
        len(filled),
        {group: round(mean, 4) for group, mean in means.items()},
        lowest,
        highest,
        round(means[highest] - means[lowest], 4),
        templates[widest],
        round(float(gaps[widest]), 4),
    )
