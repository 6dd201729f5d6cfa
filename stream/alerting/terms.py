"""Words that a set of texts uses more than an earlier set does. Pure.

Words where a script has spaces, pairs of neighbouring characters where it has none.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

_LINK_OR_NAME = re.compile(r"https?://\S+|@\w+")
# A letter, then letters and the marks of Latin, Arabic and the scripts of India.
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u064b-\u065f\u0900-\u0dff]){2,}")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]+")
_LEAST_TEXTS = 3
_LEAST_Z = 2.0
_LONGEST = 40


def leading_terms(texts: Iterable[str], usual: Iterable[str], limit: int = 8) -> list[str]:
    """The terms most over-represented in `texts`, by log-odds over its standard error.

    Each text counts a term once, so that one shouting post leads nothing.
    """
    now, now_texts = _frequencies(texts)
    before, before_texts = _frequencies(usual)
    found = []
    for term, count in now.items():
        if count < _LEAST_TEXTS:
            continue
        odds = _log_odds(count, now_texts) - _log_odds(before[term], before_texts)
        z = odds / math.sqrt(1 / (count + 0.5) + 1 / (before[term] + 0.5))
        if z >= _LEAST_Z:
            found.append((-z, term))
    return [term for _, term in sorted(found)[:limit]]


def _log_odds(count: int, texts: int) -> float:
    return math.log((count + 0.5) / (texts - count + 0.5))


def _frequencies(texts: Iterable[str]) -> tuple[Counter[str], int]:
    counts: Counter[str] = Counter()
    number = 0
    for text in texts:
        number += 1
        counts.update(_terms(text))
    return counts, number


def _terms(text: str) -> set[str]:
    plain = _LINK_OR_NAME.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    terms = set()
    for run in _UNSPACED.findall(plain):
        terms |= {run[i : i + 2] for i in range(len(run) - 1)}
    for word in _WORD.findall(_UNSPACED.sub(" ", plain)):
        if len(word) <= _LONGEST:
            terms.add(word)
    return terms
