"""Why this label? What each word of a text adds to its margin over the other labels.

Two methods. `gradients` follows the network from the text without words to the text as it is
(`models.gradients`; needs captum and a network in torch): the parts sum to the whole. `occlusion`
leaves out one word at a time and looks what that changes; it needs nothing but scores, and the
parts need not sum to anything. Both are in units of logits divided by the temperature.
"""

import importlib.util
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from models.classify import Classifier
from models.encode import Tokens, Traced
from models.errors import BackendMissing
from models.passage import Passage, window
from models.rows import LABELS
from models.scorer import Scorer, margins
from models.words import Span, split, without

if TYPE_CHECKING:
    from models.gradients import Gradients

METHODS = ("auto", "gradients", "occlusion")


@dataclass(frozen=True, slots=True)
class Word:
    """A word, its place in the text as it was given, and what it adds to the label's margin."""

    text: str
    start: int
    end: int
    attribution: float
    """Above 0 it speaks for the label, below 0 against it."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to one question, with its reasons."""

    text: str
    target: str | None
    label: str
    """The label that is explained."""
    predicted: str
    """The label the model gives."""
    probabilities: dict[str, float]
    margin: float
    """The label's logit less the mean of the others'."""
    method: str
    words: list[Word]
    """Those the model saw, in the order of the text."""
    seen: tuple[int, int]
    """The part of the text the model saw, [start, end) in characters."""
    margin_without_text: float | None = None
    """`gradients` only: the words sum to `margin` less this, plus `residual`."""
    residual: float | None = None
    steps: int | None = None
    notes: tuple[str, ...] = ()
    """What a reader should know before trusting it, one sentence each."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON, numbers to four places."""
        return {name: _rounded(value) for name, value in asdict(self).items()}

    def top(self, count: int) -> list[Word]:
        """The words that count most, for or against, strongest first."""
        strongest = sorted(self.words, key=lambda word: -abs(word.attribution))
        return [word for word in strongest if self.strength(word)][:count]

    def strength(self, word: Word) -> int:
        """-3..3: how strongly the word speaks against or for the label, beside the strongest."""
        most = max((abs(other.attribution) for other in self.words), default=0.0)
        share = abs(word.attribution) / most if most > 1e-6 else 0.0
        level = sum(share >= bound for bound in (0.1, 1 / 3, 2 / 3))
        return level if word.attribution > 0 else -level


class Explainer:
    """Explains a scorer's answers; `method` is auto, gradients or occlusion.

    `scorer` is a Classifier, or anything that scores: then words are left out. Raises
    BackendMissing where `gradients` is asked for and captum or a network in torch is not at hand.
    """

    def __init__(self, scorer: Scorer, method: str = "auto") -> None:
        self._scorer = scorer
        self._gradients = _gradients(scorer, method)
        self.method = "gradients" if self._gradients else "occlusion"

    def explain(self, passage: Passage, label: str | None = None) -> Explanation:
        """Explains `label` (default: the one the model gives) of one passage, whatever its text."""
        row = self._scorer.score([passage])
        predicted = LABELS[int(row[0].argmax())]
        asked = LABELS.index(label or predicted)
        cut = window(passage)
        traced = _trace(self._scorer, cut)
        start, end = traced.seen
        part = Passage(cut.text[start:end], cut.target, max(0, cut.at - start))
        pieces = {span[0] - start for span in traced.spans if span}
        spans = split(part.text, pieces or None)
        base = residual = steps = None
        if spans and self._gradients:
            found = self._gradients.attribute(traced, asked)
            base, residual, steps = found.margin_without_text, found.residual, found.steps
            parts = by_word(traced, found.parts, spans)
        else:
            parts = left_out(self._scorer, part, spans, asked)
        # from the part the model saw to the text as it was given
        offset = min(max(passage.at, 0), len(passage.text)) - cut.at + start
        words = [
            Word(passage.text[offset + a : offset + b], offset + a, offset + b, value)
            for (a, b), value in zip(spans, parts, strict=True)
        ]
        seen = (offset, offset + len(part.text))
        return Explanation(
            passage.text,
            passage.target,
            LABELS[asked],
            predicted,
            {name: float(p) for name, p in zip(LABELS, row[0], strict=True)},
            float(margins(row, asked)[0]),
            self.method,
            words,
            seen,
            base,
            residual,
            steps,
            tuple(_notes(passage, seen, bool(words), residual)),
        )


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value


def _trace(scorer: Scorer, passage: Passage) -> Traced:
    """What the model sees of a passage; all of it where only scores are known."""
    if isinstance(scorer, Classifier):
        return scorer.encoder.trace(passage)
    return Traced(Tokens([], []), [], (0, len(passage.text)))


def by_word(traced: Traced, parts: Sequence[float], words: Sequence[Span]) -> list[float]:
    """What the words add, of what their tokens add; nothing is lost.

    A token that lies in several words is shared out by characters; one that lies in none (blanks)
    goes to the word that follows, or to the last.
    """
    start = traced.seen[0]
    found = [0.0] * len(words)
    for span, value in zip(traced.spans, parts, strict=True):
        if span is None:
            continue
        first, last = span[0] - start, span[1] - start
        shared = [max(0, min(last, word.end) - max(first, word.start)) for word in words]
        if not any(shared):
            here = next((i for i, word in enumerate(words) if word.end > first), len(words) - 1)
            shared[here] = 1
        for i, count in enumerate(shared):
            found[i] += value * count / sum(shared)
    return found


def left_out(scorer: Scorer, passage: Passage, words: Sequence[Span], label: int) -> list[float]:
    """How much of the label's margin goes with each word when that word alone is left out."""
    passages = [passage, *(without(passage, [word]) for word in words)]
    found = margins(scorer.score(passages), label)
    return [float(found[0] - left) for left in found[1:]]


def _gradients(scorer: Scorer, method: str) -> "Gradients | None":
    """What attributes by gradients; None where words are to be left out."""
    if method not in METHODS:
        raise BackendMissing(f"method {method!r} is none; choose {', '.join(METHODS)}")
    if method == "occlusion":
        return None
    if importlib.util.find_spec("captum") is None:
        if method == "auto":
            return None
        raise BackendMissing(
            "gradients need captum: pip install 'undertone[train]', or choose the method occlusion"
        )
    from models.gradients import Gradients
    from models.torch_backend import TorchBackend

    if isinstance(scorer, Classifier) and isinstance(scorer.backend, TorchBackend):
        return Gradients(scorer, scorer.backend)
    if method == "auto":
        return None
    raise BackendMissing("gradients need a network in torch; choose the method occlusion")


def _notes(
    passage: Passage, seen: tuple[int, int], words: bool, residual: float | None
) -> list[str]:
    notes = []
    if not words:
        notes.append("There is no word in the text: the answer is what the model says to nothing.")
    if passage.target is not None and passage.span[0] == passage.span[1]:
        notes.append("The target does not stand in the text as written; it was asked about anyway.")
    if seen[1] - seen[0] < len(passage.text):
        notes.append(
            f"The model saw characters {seen[0]} to {seen[1]} of {len(passage.text)} only."
        )
    if residual is not None and abs(residual) > 0.1:
        notes.append(f"The words miss the margin they should sum to by {residual:+.2f}.")
    return notes
