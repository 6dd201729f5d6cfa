"""How alike texts are, and how many are near-copies of one. Pure.

Compared are the letters alone: case, width, links, @names, numbers, signs and emoji, which copies
are varied by, make no difference. Two texts are as alike as the share of their runs of three
characters that they have in common (Jaccard); that works in any script.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

NEAR_COPY = 0.6
"""From here on a text is a near-copy: in a sentence of ten words about two are changed. Texts of
one topic by different people reach 0.3."""

_LENGTH = 3
_LOOKED_AT = 400  # characters of a text
_NO_WORDS = re.compile(r"https?://\S+|@\w+|[\W\d_]+")


def bare(text: str) -> str:
    """The letters of a text, folded, its words parted by one space; all of it if it has none."""
    plain = unicodedata.normalize("NFKC", text[:_LOOKED_AT]).casefold()
    return " ".join(_NO_WORDS.sub(" ", plain).split()) or " ".join(plain.split())


def shingled(texts: Sequence[str]) -> list[int]:
    """Each text's runs of characters as the bits of a number, of one meaning for all `texts`."""
    known: dict[str, int] = {}
    numbers = []
    for text in texts:
        letters = bare(text)
        runs = {letters[i : i + _LENGTH] for i in range(max(1, len(letters) - _LENGTH + 1))}
        bits = {known.setdefault(run, len(known)) for run in runs}
        numbers.append(_number(bits))
    return numbers


def similarity(one: int, other: int) -> float:
    """From 0 to 1, of two numbers of one `shingled`."""
    return (one & other).bit_count() / (one | other).bit_count()


def most_copied(texts: Sequence[str]) -> int:
    """How many of the texts are near-copies of one of them, itself included."""
    copies = Counter(shingled(texts))
    return max(
        (
            sum(times for other, times in copies.items() if similarity(one, other) >= NEAR_COPY)
            for one in copies
        ),
        default=0,
    )


def _number(bits: set[int]) -> int:
    array = bytearray(max(bits) // 8 + 1)
    for bit in bits:
        array[bit >> 3] |= 1 << (bit & 7)
    return int.from_bytes(array, "little")
