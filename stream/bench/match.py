"""Whether finding brands costs more where more of them are watched."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import process_time

from stream.bench.figures import Bar, Part
from stream.bench.plan import Bench
from stream.catalogue import Brand, Catalogue
from stream.match import Matcher

POSTS = 10_000
ALIASES = (100, 10_000)
ALIASES_A_BRAND = 10

_SYLLABLES = [a + b for a in "bcdfghklmnprstvz" for b in "aeiou"]
_HAN = [chr(code) for code in range(0x4E00, 0x5800)]


def measure(bench: Bench) -> Part:
    """Posts a second and core, searched for the posts' own brands and for made ones beside them.

    Made names are seldom in a post, as most names of a large catalogue are; they are of three or
    four syllables, or of four Chinese characters.
    """
    count = bench.count(POSTS)
    texts = bench.corpus.texts(count, "t")

    matchers = {aliases: Matcher(with_more(bench.corpus.catalogue, aliases)) for aliases in ALIASES}

    def rate(matcher: Matcher) -> Callable[[int], float]:
        def timed(_repeat: int) -> float:
            began = process_time()  # of this one thread: a core's time, whoever else is there
            for text in texts:
                matcher.match(text)
            return count / (process_time() - began)

        return timed

    runs = {f"{aliases:,} aliases": rate(matcher) for aliases, matcher in matchers.items()}
    found = bench.alternate("match", runs, "posts/s")
    few, many = (figure.median for figure in found.values())
    mentions = sum(map(len, map(matchers[ALIASES[-1]].match, texts)))
    return Part(
        "match",
        tuple(found.values()),
        (
            Bar(f"a core, {ALIASES[-1]:,} aliases", many, 50_000, unit="posts/s"),
            Bar("few aliases / many", few / many, 2.0, at_most=True),
        ),
        (
            f"posts: {bench.corpus.name}; {count}, {mentions / count:.2f} mentions each; "
            f"{ALIASES_A_BRAND} aliases a brand",
        ),
    )


def with_more(catalogue: Catalogue, aliases: int) -> Catalogue:
    """The catalogue, and so many made aliases beside its own; the same at every call."""
    chance = random.Random(1)
    made: dict[str, None] = {}
    while len(made) < aliases:
        syllables = "".join(chance.choices(_SYLLABLES, k=chance.randint(3, 4)))
        made[chance.choice((syllables, "".join(chance.choices(_HAN, k=4))))] = None
    names = list(made)
    brands = [
        Brand(name=f"made {at}", aliases=tuple(names[at : at + ALIASES_A_BRAND]))
        for at in range(0, aliases, ALIASES_A_BRAND)
    ]
    return Catalogue(brands=(*catalogue.brands, *brands))
