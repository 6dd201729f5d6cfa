"""Case and width folding that remembers where each folded character came from.

Texts and terms are compared in one form: NFKD, case-folded, character by character, so that
`ＡＣＭＥ`, `Acme` and `acme` are one, and composed and decomposed accents are too. Folding can
change lengths; the offsets lead back to the text as it was written.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# Scripts written without spaces: a term may begin or end anywhere in them.
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x312F),  # CJK radicals, kana, Bopomofo
    (0x31A0, 0x9FFF),  # CJK ideographs and extensions
    (0xF900, 0xFAFF),  # CJK compatibility
    (0x20000, 0x3FFFF),  # CJK extensions
)
_HANGUL = ((0x1100, 0x11FF), (0xA960, 0xA97F), (0xAC00, 0xD7FF))
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")
_UNSTEADY = re.compile(f"[{''.join(sorted(_INVISIBLE))}\uff9e\uff9f]")  # the two become accents


@dataclass(frozen=True, slots=True)
class Folded:
    """`text[i]` came from character `origin[i]` of the original; `origin[-1]` is its length."""

    text: str
    origin: range | list[int]


def fold(text: str) -> Folded:
    """Fold a text. Invisible characters inside words vanish, so that they hide nothing."""
    if text.isascii():
        return Folded(text.lower(), range(len(text) + 1))
    whole = _normalized(_normalized(text).casefold())
    if len(whole) == len(text) and not _reorders(text):  # one for one: nothing ever shrinks
        return Folded(whole, range(len(text) + 1))
    parts = list(map(_fold_character, text))
    origin = [index for index, part in enumerate(parts) for _ in part]
    origin.append(len(text))
    return Folded("".join(parts), origin)


def _normalized(text: str) -> str:
    return unicodedata.normalize("NFKD", text)


def _reorders(text: str) -> bool:
    """Whether folding it whole might drop a character, or put its accents in another order."""
    return bool(_UNSTEADY.search(text)) or not unicodedata.is_normalized("NFD", text)


@lru_cache(maxsize=65536)
def _fold_character(char: str) -> str:
    if char in _INVISIBLE:
        return ""
    return _normalized(_normalized(char).casefold())


@lru_cache(maxsize=65536)
def joins_before(char: str) -> bool:
    """Whether a character just before a term makes it part of a longer word."""
    return _is_word_character(char) and not _is_in(char, _UNSPACED)


@lru_cache(maxsize=65536)
def joins_after(char: str) -> bool:
    """Whether a character just after a term makes it part of a longer word.

    Korean particles are written onto the word they follow, so Hangul does not.
    """
    return joins_before(char) and not _is_in(char, _HANGUL)


def is_mark(char: str) -> bool:
    """Whether a character only modifies the one before it (an accent, a vowel sign)."""
    return unicodedata.category(char).startswith("M")


def _is_word_character(char: str) -> bool:
    return char == "_" or unicodedata.category(char)[0] in "LNM"


def _is_in(char: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(char) <= last for first, last in ranges)
