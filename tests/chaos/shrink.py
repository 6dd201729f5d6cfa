"""From a failing list to a short failing sub-list: the shortest prefix of doubled length, then
delta debugging (Zeller's ddmin)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
Fails = Callable[[Sequence[T]], bool]


def shrink(items: Sequence[T], fails: Fails[T], seconds: float = 600) -> list[T]:
    """A sub-list that fails and of which no single item can be left out, if time allows.

    `items` must fail. After `seconds` the shortest found so far is returned.
    """
    deadline = time.monotonic() + seconds
    return _ddmin(_failing_prefix(items, fails, deadline), fails, deadline)


def _failing_prefix(items: Sequence[T], fails: Fails[T], deadline: float) -> list[T]:
    """Short prefixes are cheap to try, so from below; then a bisection."""
    good, length = 0, 16
    while length < len(items) and not fails(items[:length]) and time.monotonic() < deadline:
        good, length = length, length * 2
    bad = min(length, len(items))
    while bad - good > 1 and time.monotonic() < deadline:
        middle = (good + bad) // 2
        good, bad = (good, middle) if fails(items[:middle]) else (middle, bad)
    return list(items[:bad])


def _ddmin(items: list[T], fails: Fails[T], deadline: float) -> list[T]:
    parts = 2
    while len(items) > 1 and time.monotonic() < deadline:
        size = -(-len(items) // parts)
        for begin in range(0, len(items), size):
            rest = items[:begin] + items[begin + size :]
            if rest and fails(rest):
                items, parts = rest, max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(parts * 2, len(items))
    return items
