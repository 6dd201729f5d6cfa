"""The tables of posts as far as the core sees them, in memory: thousands of runs in a second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from stream.rows import COLUMNS, Key, Row


class MemoryStore:
    """In the place of `Store`: the first claim of a date stands, the highest version wins."""

    def __init__(self) -> None:
        self._keys: dict[Key, datetime] = {}
        self._rows: dict[tuple[datetime, Key], dict[str, Any]] = {}

    def first_created(self, keys: Iterable[Key]) -> dict[Key, datetime]:
        return {key: self._keys[key] for key in keys if key in self._keys}

    def claim(self, dates: Mapping[Key, datetime]) -> dict[Key, datetime]:
        return {key: self._keys.setdefault(key, date) for key, date in dates.items()}

    def versions(self, dates: Mapping[Key, datetime]) -> dict[Key, int]:
        places = {key: (_minute(date), key) for key, date in dates.items()}
        return {k: self._rows[at]["version"] for k, at in places.items() if at in self._rows}

    def insert(self, rows: Sequence[Row]) -> None:
        for row in rows:
            named = dict(zip(COLUMNS, row, strict=True))
            place = _minute(named["created_at"]), (named["source"], named["post_id"])
            standing = self._rows.get(place)
            if standing is None or named["version"] >= standing["version"]:
                self._rows[place] = named

    def final(self) -> list[dict[str, Any]]:
        """What FINAL would give, and what it would hide as deleted."""
        return list(self._rows.values())


def _minute(time: datetime) -> datetime:
    return time.replace(second=0, microsecond=0)
