"""Which rows a run trains on and which it only looks at."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from models.load import load_classifier
from models.pairs import contrasting, disagreeing, joined, with_targets, written
from models.perturb import ADDED, WITHIN, perturb
from models.recipe import TrainConfig
from models.rows import LABELS, Row, choose, hold_out, read_rows

SPLIT_SEED = 7
"""Of the held-out rows; no run's own seed, so that no run has seen what another is judged by."""


WRITTEN_SHARE = 0.1
"""Of the posts written for this project that are held out."""


def split(config: TrainConfig) -> tuple[list[Row], list[Row]]:
    """(rows to train on, dev rows in random order).

    Sources that `config.dev` holds are watched there; of every other one a share is held out. No
    text of dev is trained on, whatever source it comes from.
    Raises DataRefused where a line is no labelled row.
    """
    dev = read_rows(config.dev) if config.dev else []
    watched = {row.source for row in dev}
    rows = read_rows(config.data)
    rest, held = hold_out([r for r in rows if r.source not in watched], config.held_out, SPLIT_SEED)
    rest += [r for r in rows if r.source in watched]
    dev += held
    if config.written:
        dev += hold_out(written(), WRITTEN_SHARE, SPLIT_SEED)[1]
    texts = {row.passage.text for row in dev}
    random.Random(SPLIT_SEED).shuffle(dev)
    return [row for row in rest if row.passage.text not in texts], dev


def agreed(rows: Sequence[Row], doubtful: Sequence[str], teacher: Path) -> list[Row]:
    """Without the rows of the sources named whose label is not the teacher's.

    Two that err each in their own way seldom err alike: what both say is right far more often than
    either. (Brodley and Friedl 1999)
    Raises ModelRefused where the teacher cannot be loaded.
    """

    def named(row: Row) -> bool:
        return row.source in doubtful or f"{row.source}/{row.lang}" in doubtful

    classifier = load_classifier(teacher)
    own = [row for row in rows if named(row)]
    given = classifier.score([row.passage for row in own]).argmax(axis=1).tolist()
    kept = [row for row, label in zip(own, given, strict=True) if row.label == label]
    return [row for row in rows if not named(row)] + kept


def compose(rest: Sequence[Row], config: TrainConfig) -> list[Row]:
    """The rows of one epoch: chosen, given targets, changed, and those that are made."""
    seed = config.seed
    if config.doubtful and config.teacher:
        rest = agreed(rest, config.doubtful, config.teacher)
    chosen = with_targets(choose(rest, config.caps, config.repeats, seed), config.pair_share, seed)
    chosen += disagreeing(rest) * config.disagreeing
    chance = random.Random(seed)
    for i, row in enumerate(chosen):
        if chance.random() < config.noise:
            change = chance.choice([*WITHIN, *ADDED])
            chosen[i] = replace(row, passage=perturb(row.passage, change, chance.randrange(2**32)))
    chosen += hold_out(written(), WRITTEN_SHARE, SPLIT_SEED)[0] * config.written
    return chosen + joined(rest, config.joined, seed) + contrasting(config.contrast, seed)


def class_weights(rows: Sequence[Row], exponent: float) -> torch.Tensor:
    """Loss weights of the three labels: (mean count / own count) ** exponent; 0 leaves all alike,
    1 lets each label weigh the same in sum."""
    counts = [max(1, sum(row.label == label for row in rows)) for label in range(len(LABELS))]
    mean = sum(counts) / len(counts)
    return torch.tensor([(mean / count) ** exponent for count in counts])
