"""Do explanations name the words that decide? Some are taken away, and the model is asked again.

python -m models.faithfulness DATA.jsonl.gz [--model DIR] [--each N] [--method M] [--json]

For every row the strongest fifth of the words (at least one) that speak for the model's label is
deleted from the text, and by how much the label's probability falls is set against deleting as many
words drawn by chance. An explanation that is no better than chance falls no further.
"""

import argparse
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.evaluate import sample
from models.explain import Explainer
from models.load import load_classifier
from models.passage import Passage
from models.rows import LABELS, read_rows
from models.scorer import Scorer
from models.words import Span, without

SHARE = 0.2
"""Of a text's words that are deleted."""

DRAWS = 5
"""Choices by chance per row; their mean is what the explanation is compared with."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over rows with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Deletion:
    """By how much the probability of the model's label falls, 0..1, when words are deleted."""

    method: str
    rows: int
    passed_over: int
    """Rows of fewer than two words: there is nothing to choose between."""
    top: Mean
    """The words named by the explanation."""
    chance: Mean
    """As many drawn by chance."""
    difference: Mean
    """Per row, top less chance."""
    stronger: float
    """Share of rows in which the top words moved more."""


def deletion(
    scorer: Scorer,
    passages: Sequence[Passage],
    method: str = "auto",
    seed: int = 7,
    advance: Callable[[int], None] = lambda _: None,
) -> Deletion:
    """The test over all passages; `advance` is told how many are done.

    Raises ValueError where no passage has two words.
    """
    explainer = Explainer(scorer, method)
    chance = random.Random(seed)
    falls = []
    for done, passage in enumerate(passages, 1):
        fall = _falls(scorer, explainer, passage, chance)
        if fall is not None:
            falls.append(fall)
        advance(done)
    if not falls:
        raise ValueError("no row has two words")
    top, drawn = np.array(falls).T
    return Deletion(
        explainer.method,
        len(falls),
        len(passages) - len(falls),
        mean_of(top, seed),
        mean_of(drawn, seed),
        mean_of(top - drawn, seed),
        round(float((top > drawn).mean()), 4),
    )


def _falls(
    scorer: Scorer, explainer: Explainer, passage: Passage, chance: random.Random
) -> tuple[float, float] | None:
    """(by how much the probability falls without the top words, without words drawn by chance)."""
    found = explainer.explain(passage)
    if len(found.words) < 2:
        return None
    count = max(1, round(SHARE * len(found.words)))
    # what the model did not see stays out: nothing may move up into the place of what is deleted
    start, end = found.seen
    part = Passage(passage.text[start:end], passage.target, max(0, passage.at - start))
    places = [Span(word.start - start, word.end - start) for word in found.words]
    by_strength = sorted(range(len(places)), key=lambda i: -found.words[i].attribution)
    choices = [by_strength[:count]]
    choices += [chance.sample(range(len(places)), count) for _ in range(DRAWS)]
    asked = [part, *(without(part, [places[i] for i in chosen]) for chosen in choices)]
    probabilities = scorer.score(asked)[:, LABELS.index(found.predicted)]
    falls = probabilities[0] - probabilities[1:]
    return float(falls[0]), float(falls[1:].mean())


def mean_of(values: NDArray[np.float64], seed: int, draws: int = 2000) -> Mean:
    """The mean, and between what 95 % of the means of as many rows drawn with replacement lie."""
    chance = np.random.default_rng(seed)
    means = values[chance.integers(len(values), size=(draws, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Mean(round(float(values.mean()), 4), round(float(low), 4), round(float(high), 4))


def table(found: Deletion) -> str:
    """The result as a Markdown table."""

    def line(name: str, value: Mean) -> str:
        return f"| {name} | {value.mean:.3f} | {value.low:.3f} to {value.high:.3f} |"

    return "\n".join(
        [
            f"| deleted ({found.method}, {found.rows} rows) | probability falls by | 95 % |",
            "| --- | ---: | ---: |",
            line("top words", found.top),
            line("as many by chance", found.chance),
            line("difference", found.difference),
            "",
            f"The top words moved more in {100 * found.stronger:.0f} % of the rows.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.faithfulness", description=__doc__)
    parser.add_argument("data", type=Path, help="labelled rows, .jsonl or .jsonl.gz")
    parser.add_argument("--model", type=Path, default=Path(__file__).parent / "default")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--each", type=int, help="at most so many rows per source and language")
    parser.add_argument("--method", default="auto", help="auto, gradients or occlusion")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    try:
        rows = read_rows(given.data)
        rows = sample(rows, given.each) if given.each else rows
        scorer = load_classifier(given.model, device=given.device)
        found = deletion(scorer, [row.passage for row in rows], given.method)
    except ValueError as error:
        parser.error(str(error))
    print(json.dumps(asdict(found)) if given.json else table(found))


if __name__ == "__main__":
    main()
