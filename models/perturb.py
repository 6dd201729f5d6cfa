"""Changes of a text that leave what it says as it is: what people's keyboards and habits do to it.

Pure functions of a text and a source of chance. A text they find nothing to change in comes back
as it was.
"""

import random
import re
from collections.abc import Callable

from models.passage import Passage

SHARE = 0.2
"""Of the words that can be changed, at least one; for changes inside words."""

_WORD = re.compile(r"[^\W\d_]{2,}")
_VOWELS = frozenset("aeiouyáéíóúàèâêôûäöüãõаеиоуыэюяاوي")
_PLAIN_EMOJI = "📦📱🕒🤖📷🏠"
_PLAIN_TAGS = ("#news", "#today", "#video", "#live", "#2026")
_LOOKALIKES = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")
_FULL_WIDTH = {0x20: 0x3000, **{code: code + 0xFEE0 for code in range(0x21, 0x7F)}}


def typos(text: str, chance: random.Random) -> str:
    """Two neighbouring letters inside some words change places."""
    return _in_words(text, chance, lambda word: len(word) >= 4, lambda w: _swapped(w, chance))


def repeated_letters(text: str, chance: random.Random) -> str:
    """Some words are drawn out: "soooo"."""
    return _in_words(text, chance, lambda _: True, _drawn_out)


def lookalikes(text: str, chance: random.Random) -> str:
    """Letters of some Latin words are Cyrillic ones that look the same."""
    return _in_words(
        text, chance, lambda w: w != w.translate(_LOOKALIKES), lambda w: w.translate(_LOOKALIKES)
    )


def upper_case(text: str, _chance: random.Random) -> str:
    return text.upper()


def lower_case(text: str, _chance: random.Random) -> str:
    return text.lower()


def full_width(text: str, _chance: random.Random) -> str:
    """Latin letters, digits, signs and spaces as wide as Chinese characters."""
    return text.translate(_FULL_WIDTH)


def emoji(text: str, chance: random.Random) -> str:
    """An emoji without a mood at the end."""
    return f"{text} {chance.choice(_PLAIN_EMOJI)}"


def link(text: str, chance: random.Random) -> str:
    path = "".join(chance.choices("abcdefghijkmnpqrstuvwxyz23456789", k=8))
    return f"{text} https://example.org/{path}"


def hashtags(text: str, chance: random.Random) -> str:
    """Two hashtags without a mood at the end."""
    return " ".join([text, *chance.sample(_PLAIN_TAGS, 2)])


Change = Callable[[str, random.Random], str]

WITHIN: dict[str, Change] = {
    "typos": typos,
    "upper case": upper_case,
    "lower case": lower_case,
    "repeated letters": repeated_letters,
    "full-width forms": full_width,
    "look-alike letters": lookalikes,
}
"""Changes of the letters that are there; the target asked about is spared."""

ADDED: dict[str, Change] = {"emoji added": emoji, "link added": link, "hashtags added": hashtags}
"""Something put after the text."""


def perturb(passage: Passage, name: str, seed: int) -> Passage:
    """The passage under one change of WITHIN or ADDED; the same seed changes it the same way.

    The target stays as it is and is found in its new place: what is measured is how the model
    reads, not whether a brand was recognised.
    """
    chance = random.Random(f"{seed} {name} {passage.text}")
    if name in ADDED:
        return Passage(ADDED[name](passage.text, chance), passage.target, passage.at)
    change = WITHIN[name]
    start, end = passage.span
    if start == end:
        return Passage(change(passage.text, chance), passage.target, passage.at)
    before, kept, after = passage.text[:start], passage.text[start:end], passage.text[end:]
    before = change(before, chance)
    return Passage(before + kept + change(after, chance), passage.target, len(before))


def _in_words(
    text: str,
    chance: random.Random,
    can: Callable[[str], bool],
    change: Callable[[str], str],
) -> str:
    """`change` made to some of the words it can be made to; links are left alone."""
    links = [match.span() for match in re.finditer(r"https?://\S+|[@#]\w+", text)]
    words = [
        match.span()
        for match in _WORD.finditer(text)
        if can(match[0]) and not any(a <= match.start() < b for a, b in links)
    ]
    count = min(len(words), max(1, round(SHARE * len(words))))
    for start, end in sorted(chance.sample(words, count), reverse=True):
        text = text[:start] + change(text[start:end]) + text[end:]
    return text


def _swapped(word: str, chance: random.Random) -> str:
    """Not the first letter: people rarely get that one wrong."""
    i = chance.randrange(1, len(word) - 1)
    return word[:i] + word[i + 1] + word[i] + word[i + 2 :]


def _drawn_out(word: str) -> str:
    """The last vowel, or else the last letter, four times."""
    vowels = [i for i, letter in enumerate(word.lower()) if letter in _VOWELS and i < len(word)]
    i = vowels[-1] if vowels else len(word) - 1
    return word[:i] + word[i] * 4 + word[i + 1 :]
