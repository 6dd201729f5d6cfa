"""Texts as people type them: what a repeated training row is changed by, so that the model does not
hang on the spelling."""

import random
from collections.abc import Callable

_HASHTAGS = ("#now", "#today", "#news", "#life", "#2024", "#fyp")


def noisy(text: str, chance: random.Random) -> str:
    """The text with one thing changed that does not change what it says."""
    return chance.choice(_CHANGES)(text, chance)


def _case(text: str, chance: random.Random) -> str:
    return chance.choice((str.lower, str.upper, str.title))(text)


def _swap(text: str, chance: random.Random) -> str:
    """Two neighbouring letters changed places in one of the longer words."""
    places = [i for i in range(1, len(text) - 2) if text[i - 1 : i + 2].isalpha()]
    if not places:
        return text
    i = chance.choice(places)
    return text[:i] + text[i + 1] + text[i] + text[i + 2 :]


def _drop(text: str, chance: random.Random) -> str:
    places = [i for i in range(1, len(text) - 2) if text[i - 1 : i + 2].isalpha()]
    if not places:
        return text
    i = chance.choice(places)
    return text[:i] + text[i + 1 :]


def _stretch(text: str, chance: random.Random) -> str:
    """A letter held: `sooooo`."""
    places = [i for i, letter in enumerate(text) if letter.isalpha()]
    if not places:
        return text
    i = chance.choice(places)
    return text[:i] + text[i] * chance.randint(2, 4) + text[i + 1 :]


def _wide(text: str, _: random.Random) -> str:
    """Latin letters in the full-width forms of Chinese and Japanese keyboards."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def _append(text: str, chance: random.Random) -> str:
    return f"{text} {chance.choice(('http', '@user', *_HASHTAGS))}"


def _prepend(text: str, chance: random.Random) -> str:
    return f"{chance.choice(('RT @user:', '@user', chance.choice(_HASHTAGS)))} {text}"


_CHANGES: tuple[Callable[[str, random.Random], str], ...] = (
    _case,
    _swap,
    _drop,
    _stretch,
    _wide,
    _append,
    _prepend,
)
