"""Silences: for a time, nobody is told of some incidents. They are kept and shown all the same.

A silence names a rule, a brand and a topic, `*` for any; one incident is silenced by naming all
three. To end one early is to move its end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from stream.database import Client, errors_sorted
from stream.rules import EVERY

LONGEST = timedelta(days=90)
"""A silence for ever is a rule that should be removed."""

_COLUMNS = "silence_id, rule, brand, topic, starts_at, ends_at, actor, comment"

_SILENCES = f"""
SELECT {_COLUMNS} FROM silences FINAL
WHERE ends_at > {{since:DateTime64(3, 'UTC')}}
ORDER BY ends_at, silence_id
SETTINGS max_execution_time = {{limit:UInt32}}"""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a silence covers; `*` is any. Topic '' is a brand as a whole."""

    rule: str = EVERY
    brand: str = EVERY
    topic: str = EVERY


@dataclass(frozen=True, slots=True)
class Silence:
    """`actor` is who asked for it. It covers [`starts_at`, `ends_at`)."""

    silence_id: str
    rule: str
    brand: str
    topic: str
    starts_at: datetime
    ends_at: datetime
    actor: str
    comment: str

    def covers(self, rule: str, brand: str, topic: str, at: datetime) -> bool:
        named = zip((self.rule, self.brand, self.topic), (rule, brand, topic), strict=True)
        fits = all(one in (EVERY, other) for one, other in named)
        return fits and self.starts_at <= at < self.ends_at

    def ended(self, at: datetime) -> Silence:
        """The same, over by this time."""
        return replace(self, ends_at=min(self.ends_at, max(at, self.starts_at)))


def covering(
    silences: Iterable[Silence], rule: str, brand: str, topic: str, at: datetime
) -> Silence | None:
    """The one that covers this series at this time for longest."""
    found = [one for one in silences if one.covers(rule, brand, topic, at)]
    return max(found, key=lambda one: (one.ends_at, one.silence_id), default=None)


def read_silences(client: Client, since: datetime, limit: int) -> list[Silence]:
    """All that end after `since`, the soonest first. Raises RetryLater."""
    with errors_sorted():
        rows = client.query(_SILENCES, parameters={"since": since, "limit": limit}).result_rows
    return [Silence(*row) for row in rows]


def write_silence(client: Client, silence: Silence) -> None:
    """A new one, or one that was changed. Raises RetryLater."""
    names = [field.name for field in fields(Silence)]
    with errors_sorted():
        row = [getattr(silence, name) for name in names]
        client.insert("silences", [row], column_names=names)
