"""Step 2 of a post's way: which brands it names, where, and on which of their topics.

One Aho-Corasick automaton holds every alias, exclusion and topic term, so the cost depends on the
text and not on the number of brands, and no pattern can be made to run long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from ahocorasick_rs import AhoCorasick, Implementation

from stream.catalogue import Catalogue
from stream.folding import Folded, fold, is_mark, joins_after, joins_before

MATCHER_VERSION = 1  # part of a generation: raise it when the same catalogue matches differently


class _Role(IntEnum):
    ALIAS = 0
    EXCLUSION = 1
    TOPIC = 2


@dataclass(frozen=True, slots=True)
class _Entry:
    role: _Role
    brand: int
    topic: str
    open_ended: bool
    silences_post: bool


@dataclass(frozen=True, slots=True)
class Mention:
    """One brand in one post. `spans` are the places of its name: [start, end) in characters."""

    brand: str
    topics: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]

    @property
    def target(self) -> tuple[int, int]:
        """The first occurrence: what the classifier is asked about."""
        return self.spans[0]


class Matcher:
    """A catalogue made ready to search. Immutable; safe to share between threads."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._names = [brand.name for brand in catalogue.brands]
        self._topic_order = [list(brand.topics) for brand in catalogue.brands]
        entries: dict[str, list[_Entry]] = {}

        def add(term: str, role: _Role, brand: int, topic: str = "", post: bool = False) -> None:
            bare = term.removesuffix("*") if len(term) > 1 else term
            entry = _Entry(role, brand, topic, bare != term, post)
            entries.setdefault(fold(bare).text, []).append(entry)

        for number, brand in enumerate(catalogue.brands):
            aliases = [fold(alias.removesuffix("*")).text for alias in brand.terms]
            for alias in brand.terms:
                add(alias, _Role.ALIAS, number)
            for phrase in brand.exclude:
                covers = any(alias in fold(phrase).text for alias in aliases)
                add(phrase, _Role.EXCLUSION, number, post=not covers)
            for topic, terms in brand.topics.items():
                for term in terms:
                    add(term, _Role.TOPIC, number, topic)

        self._entries = [tuple(found) for found in entries.values()]
        # Compact, so that ten thousand terms are searched as fast as a hundred.
        self._automaton = AhoCorasick(list(entries), implementation=Implementation.ContiguousNFA)

    def match(self, text: str) -> list[Mention]:
        """The brands a text names, in order of first appearance; empty when it names none."""
        folded = fold(text)
        spans: dict[int, list[tuple[int, int]]] = {}
        excluded: dict[int, list[tuple[int, int]]] = {}
        topics: dict[int, set[str]] = {}
        silenced: set[int] = set()
        for start, end, entry in self._hits(folded):
            if entry.role is _Role.ALIAS:
                spans.setdefault(entry.brand, []).append((start, end))
            elif entry.role is _Role.TOPIC:
                topics.setdefault(entry.brand, set()).add(entry.topic)
            elif entry.silences_post:
                silenced.add(entry.brand)
            else:
                excluded.setdefault(entry.brand, []).append((start, end))

        mentions = []
        for brand, found in spans.items():
            kept = _disjoint(
                (start, end)
                for start, end in found
                if not any(s <= start and end <= e for s, e in excluded.get(brand, ()))
            )
            if kept and brand not in silenced:
                named = topics.get(brand, set())
                in_order = tuple(name for name in self._topic_order[brand] if name in named)
                mentions.append(Mention(self._names[brand], in_order, kept))
        return sorted(mentions, key=lambda mention: mention.spans[0])

    def _hits(self, folded: Folded) -> Iterator[tuple[int, int, _Entry]]:
        """Places of terms that stand as words of their own, in characters of the original."""
        text, origin = folded.text, folded.origin
        for number, begin, end in self._found(text):
            # A hit must not cut a character of the original in two (ﬁ, 각), nor shed an accent.
            if begin and origin[begin - 1] == origin[begin]:
                continue
            if end < len(text) and (origin[end - 1] == origin[end] or is_mark(text[end])):
                continue
            if begin and joins_before(text[begin - 1]) and _is_wordlike(text[begin]):
                continue
            continues = end < len(text) and joins_after(text[end]) and joins_before(text[end - 1])
            for entry in self._entries[number]:
                if not continues or entry.open_ended:
                    yield origin[begin], origin[end - 1] + 1, entry

    def _found(self, text: str) -> Sequence[tuple[int, int, int]]:
        """Number of the term, begin and end of each, wherever they stand."""
        try:
            return self._automaton.find_matches_as_indexes(text, overlapping=True)
        except UnicodeEncodeError:  # half a surrogate pair, which no term holds
            return self._found(text.encode("utf-8", "replace").decode())


def _is_wordlike(first: str) -> bool:
    """Whether a term's first character would grow together with a letter before it."""
    return joins_before(first) or first == "@"  # me@acme.example is no mention of @acme


def _disjoint(spans: Iterator[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Overlapping places of one brand joined: `Acme` inside `Acme Phone` is one occurrence."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
