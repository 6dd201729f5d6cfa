"""Which rows a run trains on and which it only looks at."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from models.errors import DataRefused
from models.load import load_classifier
from models.pairs import contrasting, disagreeing, joined, with_targets
from models.perturb import ADDED, WITHIN, perturb
from models.recipe import TrainConfig
from models.rows import LABELS, Row, choose, hold_out, read_rows
from models.written import posts, written

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
    if config.corrections:
        labels = read_corrections(config.corrections)
        rows, dev = corrected(rows, labels), corrected(dev, labels)
    rest, held = hold_out([r for r in rows if r.source not in watched], config.held_out, SPLIT_SEED)
    rest += [r for r in rows if r.source in watched]
    dev += held
    if config.written:
        dev += hold_out(written(), WRITTEN_SHARE, SPLIT_SEED)[1]
    if config.posts:
        dev += hold_out(posts(), WRITTEN_SHARE, SPLIT_SEED)[1]
    texts = {row.passage.text for row in dev}
    random.Random(SPLIT_SEED).shuffle(dev)
    return [row for row in rest if row.passage.text not in texts], dev


def read_corrections(path: Path) -> dict[str, int]:
    """Label numbers by key of the text. Raises DataRefused naming the line that is no such pair."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataRefused(
            f"{path}: cannot be read ({error}); give lines of key, tab, label"
        ) from None
    labels = {}
    for number, line in enumerate(lines, 1):
        key, _, label = line.partition("\t")
        if label not in LABELS:
            raise DataRefused(
                f"{path}:{number}: label {label!r:.60} is none; write the text's key, a tab, and "
                f"one of {', '.join(LABELS)}"
            )
        labels[key] = LABELS.index(label)
    return labels


def corrected(rows: Sequence[Row], labels: Mapping[str, int]) -> list[Row]:
    """The rows, those whose text's key is in `labels` with the label given there."""
    return [
        row
        if (label := labels.get(key_of(row.passage.text))) is None
        else replace(row, label=label)
        for row in rows
    ]


def key_of(text: str) -> str:
    """Names a text without holding it."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


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
    """The rows of one epoch: chosen, given targets, changed, and those that are made.

    Raises DataRefused where rows are doubted and nobody is there to judge them.
    """
    seed = config.seed
    if config.doubtful:
        if config.teacher is None:
            raise DataRefused("doubtful: needs a teacher, which decides what rows are kept")
        rest = agreed(rest, config.doubtful, config.teacher)
    plain = choose(rest, config.caps, config.repeats, seed)
    if config.posts:
        plain += hold_out(posts(), WRITTEN_SHARE, SPLIT_SEED)[0] * config.posts
    chosen = with_targets(plain, config.pair_share, seed)
    chosen += disagreeing(rest) * config.disagreeing
    chance = random.Random(seed)
    for i, row in enumerate(chosen):
        if chance.random() < config.noise:
            change = chance.choice([*WITHIN, *ADDED])
            chosen[i] = replace(row, passage=perturb(row.passage, change, chance.randrange(2**32)))
    if config.written:
        chosen += hold_out(written(), WRITTEN_SHARE, SPLIT_SEED)[0] * config.written
    return chosen + joined(rest, config.joined, seed) + contrasting(config.contrast, seed)


def class_weights(rows: Sequence[Row], exponent: float) -> torch.Tensor:
    """Loss weights of the three labels: (mean count / own count) ** exponent; 0 leaves all alike,
    1 lets each label weigh the same in sum."""
    counts = [max(1, sum(row.label == label for row in rows)) for label in range(len(LABELS))]
    mean = sum(counts) / len(counts)
    return torch.tensor([(mean / count) ** exponent for count in counts])
