"""The words of a text, as a reader would point at them, with their places; and texts without some.

Every character that is not blank belongs to exactly one word: letters and digits with what joins
them (`don't`, `3.5`), a hashtag, a name with its @, a link, an emoji with all its parts, a run of
other signs. Pure functions on strings.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import NamedTuple

from models.passage import Passage


class Span(NamedTuple):
    """[start, end) in characters."""

    start: int
    end: int


def split(text: str, pieces: Collection[int] | None = None) -> list[Span]:
    """The words in order; between them stand only blanks and control characters.

    Chinese, Japanese, Thai, Lao, Khmer and Burmese write no spaces: there a word begins where one
    of `pieces` does, the places at which a tokenizer's tokens begin. Without any, each Chinese or
    Japanese character is a word, and so is each run of the other four.
    """
    kinds = "".join(map(_kind, text))
    for link in _LINK.finditer(text):
        kinds = kinds[: link.start()] + "u" * len(link[0]) + kinds[link.end() :]
    found: list[Span] = []
    for match in _WORD.finditer(kinds):
        start, end = match.span()
        if kinds[start] in "ht":
            found += _unspaced(kinds, start, end, pieces)
        else:
            found.append(Span(start, end))
    return found


def _unspaced(kinds: str, start: int, end: int, pieces: Collection[int] | None) -> Iterable[Span]:
    """A run of a script without spaces, cut; a sign above or below stays with its letter."""
    if pieces is None:
        pieces = range(start, end) if kinds[start] == "h" else ()
    cuts = [i for i in range(start + 1, end) if i in pieces and kinds[i] not in "mj"]
    return map(Span, [start, *cuts], [*cuts, end])


def without(passage: Passage, spans: Iterable[Span]) -> Passage:
    """The passage with some stretches of its text cut out; `at` still points at the same character,
    or where it was. The target asked about stays."""
    text, at = passage.text, passage.at
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + text[end:]
        if start < at:
            at -= min(end, at) - start
    return Passage(text, passage.target, at)


_LINK = re.compile(r"(?:https?://|www\.)[!-~]+")

_WORD = re.compile(
    r"u+"
    r"|#?[ad](?:[admj]|c(?=[ad])|(?<=d)n(?=d))*"
    r"|h[hmj]*|t[tmj]*"
    r"|r[mj]*r?[mj]*"
    r"|e[mj]*(?:(?<=j)e[mj]*)*"
    r"|(?:[pcn]|#(?![ad]))(?:[pcnmj]|#(?![ad]))*"
    r"|[mj]+"
)
"""Over one letter a character, see `_kind`."""

_HAN_AND_KANA = (
    (0x2E80, 0x312F),  # radicals, kana, Bopomofo
    (0x31A0, 0x9FFF),  # ideographs
    (0xF900, 0xFAFF),  # compatibility
    (0xFF66, 0xFF9F),  # half-width kana
    (0x20000, 0x3FFFF),  # further ideographs
)
_THAI_AND_KIN = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF))


@lru_cache(maxsize=65536)
def _kind(char: str) -> str:  # noqa: PLR0911
    """What a character is, in one letter: blank, (a) letter, (d) digit, (m) mark, (j) joiner of
    emoji, (h) Han or kana, (t) Thai and its kin, (e) emoji, (r) half a flag, (c) joins letters,
    (n) joins digits, (#) opens a hashtag or name, (p) any other sign."""
    if char in "'’-_":
        return "c"
    if char in ".,":
        return "n"
    if char in "#@":
        return "#"
    if char == "\u200d":
        return "j"
    category = unicodedata.category(char)
    code = ord(char)
    if category[0] == "Z" or category in ("Cc", "Cs"):
        return " "
    if category[0] == "M" or category == "Cf" or 0x1F3FB <= code <= 0x1F3FF:
        return "m"
    if category[0] == "L" or category == "Nl":
        if any(first <= code <= last for first, last in _HAN_AND_KANA):
            return "h"
        return "t" if any(first <= code <= last for first, last in _THAI_AND_KIN) else "a"
    if category[0] == "N":
        return "d"
    if category == "So":
        return "r" if 0x1F1E6 <= code <= 0x1F1FF else "e"
    return "p"
