"""Terms that a rise uses more than is usual, in any script, without a dictionary. Pure.

Words where a script has spaces; where it has none, and in Korean, whose particles are written onto
words, runs of 2 to 4 characters, grown to the longest that nearly all of their texts share. Each
language is compared with itself, or else all its everyday words would stand out in a rise that is
of another language than usual.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from stream.alerting.log_odds import log_odds

LEAST_Z = 2.3  # at which one list in four has a term by chance (measured on two halves of one talk)
LEAST_TEXTS = 3
_COMPARABLE = 20  # texts before in a language; with fewer it is compared with all that was said
_LONGEST_WORD = 40
_LONGEST_RUN = 16
_LENGTHS = (2, 3, 4)
_SEEDS = 40  # runs that are grown, the surest first
_SHARED = 0.8  # of a run's texts that go on alike

_LINK_OR_NAME = re.compile(r"https?://\S+|@\w+")
# A letter, then letters and the marks of Latin, Arabic and the scripts of India.
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u064b-\u065f\u0900-\u0dff]){2,}")
_RUN = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{2,}"
)


@dataclass(frozen=True, slots=True)
class Saying:
    """What somebody said about a brand, and in which language."""

    text: str
    lang: str


class LeadingTerm(BaseModel):
    """`texts` of the rise and `usual_texts` of before hold it; `z` is how sure it is that this is
    more than usual."""

    model_config = ConfigDict(frozen=True)

    term: str
    texts: int
    usual_texts: int
    z: float


def leading_terms(
    now: Iterable[Saying], usual: Iterable[Saying], limit: int = 8
) -> list[LeadingTerm]:
    """The terms most over-represented `now`, by log-odds over their error, the surest first.

    Each text counts a term once. None where nothing was said before: nothing is known to be new.
    """
    strata, everything = _by_language(list(map(_plain, now)), list(map(_plain, usual)))
    seen = sum((ours.terms for ours, _ in strata), Counter[str]())
    frequent = (term for term, texts in seen.items() if texts >= LEAST_TEXTS)
    judged = (_judged(term, strata, everything) for term in frequent)
    sure = sorted((term for term in judged if term.z >= LEAST_Z), key=_surest_first)
    words = [term for term in sure if not _RUN.fullmatch(term.term)]
    seeds = [term.term for term in sure if _RUN.fullmatch(term.term)]
    runs = _grown(seeds[:_SEEDS], [text for ours, _ in strata for text in ours.texts])
    longest = [_judged(run, strata, everything) for run in runs]
    chosen: list[LeadingTerm] = []
    for term in sorted((*words, *longest), key=_surest_first):
        if len(chosen) < limit and not any(_one_in_the_other(term, other) for other in chosen):
            chosen.append(term)
    return chosen


@dataclass(frozen=True, slots=True)
class _Texts:
    """Texts, and in how many of them each term stands."""

    texts: list[str]
    terms: Counter[str]

    @classmethod
    def of(cls, texts: list[str]) -> _Texts:
        return cls(texts, Counter(term for text in texts for term in set(_terms(text))))

    def holding(self, term: str) -> int:
        if len(term) > max(_LENGTHS) and _RUN.fullmatch(term):
            return sum(term in text for text in self.texts)
        return self.terms[term]


_Stratum = tuple[_Texts, _Texts]  # texts of the rise, and those they are compared with


def _by_language(now: Sequence[Saying], usual: Sequence[Saying]) -> tuple[list[_Stratum], _Texts]:
    """What is compared with what, and everything usual."""
    before = {lang: _Texts.of(texts) for lang, texts in _texts_by(usual, str).items()}
    everything = _Texts(
        [text for one in before.values() for text in one.texts],
        sum((one.terms for one in before.values()), Counter[str]()),
    )
    if not everything.texts:
        return [], everything
    comparable = {lang for lang, one in before.items() if len(one.texts) >= _COMPARABLE}
    ours = _texts_by(now, lambda lang: lang if lang in comparable else "")
    pairs = ((_Texts.of(texts), before.get(lang, everything)) for lang, texts in ours.items())
    return list(pairs), everything


def _texts_by(sayings: Sequence[Saying], group: Callable[[str], str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for saying in sayings:
        found.setdefault(group(saying.lang), []).append(saying.text)
    return found


def _judged(term: str, strata: Sequence[_Stratum], everything: _Texts) -> LeadingTerm:
    """A term by the mean of its log-odds over the languages, each as heavy as it is precise."""
    precise = weighed = 0.0
    texts = 0
    for ours, theirs in strata:
        if held := ours.holding(term):
            difference, variance = log_odds(
                held, len(ours.texts), theirs.holding(term), len(theirs.texts)
            )
            precise += 1 / variance
            weighed += difference / variance
            texts += held
    return LeadingTerm(
        term=term,
        texts=texts,
        usual_texts=everything.holding(term),
        z=round(weighed / math.sqrt(precise), 2),
    )


def _grown(seeds: Iterable[str], texts: Sequence[str]) -> list[str]:
    """The longest runs around the seeds that nearly all of a seed's texts share."""
    runs: list[str] = []
    for seed in seeds:
        if not any(seed in run for run in runs):
            runs.append(_grown_one(seed, [text for text in texts if seed in text]))
    return runs


def _grown_one(run: str, texts: Sequence[str]) -> str:
    while len(run) < _LONGEST_RUN:
        longer = Counter(one for text in texts for one in set(_longer(run, text)))
        best, shared = min(
            ((one, held) for one, held in longer.items() if _RUN.fullmatch(one)),
            key=lambda pair: (-pair[1], pair[0]),
            default=("", 0),
        )
        if shared < _SHARED * len(texts):
            break
        run = best
    return run


def _longer(run: str, text: str) -> Iterator[str]:
    """The run with the character before it, and with the one after it, wherever it stands."""
    at = text.find(run)
    while at >= 0:
        end = at + len(run)
        if at:
            yield text[at - 1 : end]
        if end < len(text):
            yield text[at : end + 1]
        at = text.find(run, at + 1)


def _one_in_the_other(term: LeadingTerm, other: LeadingTerm) -> bool:
    one, two = term.term, other.term
    return bool(_RUN.fullmatch(one) and _RUN.fullmatch(two)) and (one in two or two in one)


def _surest_first(term: LeadingTerm) -> tuple[float, int, str]:
    return (-term.z, -len(term.term), term.term)


def _plain(saying: Saying) -> Saying:
    folded = unicodedata.normalize("NFKC", saying.text).casefold()
    return Saying(_LINK_OR_NAME.sub(" ", folded), saying.lang)


def _terms(text: str) -> Iterator[str]:
    for run in _RUN.findall(text):
        for length in _LENGTHS:
            yield from (run[i : i + length] for i in range(len(run) - length + 1))
    yield from (word for word in _WORD.findall(_RUN.sub(" ", text)) if len(word) <= _LONGEST_WORD)
