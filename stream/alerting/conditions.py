"""What is not known: of whom nothing is heard, and whether that is beyond what is usual. Pure.

Where nothing is heard the mood is not calm but unknown. Of each subject a look says that it stands
(True), that data is there (False), or that this look cannot tell (None), which is never calm:

    consumer      the topic is not read, or read too late
    model         a consumer has said that the model fails
    posts         nothing at all came for longer than is usual
    source:NAME   one source is silent beyond its own habit
    a brand       nobody names it, beyond its own habit, though its sources are heard

The first that explains the others is told: while the topic is not read, who is silent is unknown;
while a source is silent, so is whether a brand is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from stream.alerting.habit import Habit
from stream.rules import NoData
from stream.severities import Severity

Reason = Literal[
    "nothing_read", "partitions_missing", "consumer_stopped", "lag", "model_failed", "silent"
]
CONSUMER, MODEL, POSTS, SOURCE = "consumer", "model", "posts", "source:"
_ALIVE = timedelta(minutes=1)  # a consumer tells its progress every five seconds
_SHOWN = 8  # partitions named


@dataclass(frozen=True, slots=True)
class Partition:
    """How far one was read, and how long ago (by the server's clock) that was told."""

    number: int
    read_to: datetime
    told_ago: timedelta


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a consumer said of its model."""

    member: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Voice:
    """A source, a brand, or with neither all posts, and when it was last heard."""

    source: str
    brand: str
    last: datetime
    habit: Habit

    @property
    def subject(self) -> str:
        """As `topic` of an alert."""
        if self.source:
            return f"{SOURCE}{self.source}"
        return "" if self.brand else POSTS


@dataclass(frozen=True, slots=True)
class Known:
    """What a look found out. `incomplete_since` is when partitions began to be missing."""

    now: datetime
    partitions: Sequence[Partition]
    missing: int
    incomplete_since: datetime | None
    troubles: Sequence[Trouble]
    voices: Sequence[Voice]

    @property
    def read_to(self) -> datetime | None:
        """Up to when everything was read."""
        if self.incomplete_since is not None or not self.partitions:
            return None
        return min(one.read_to for one in self.partitions)


@dataclass(frozen=True, slots=True)
class Condition:
    """What a look says of one subject. `expected` posts are usual since `since`."""

    brand: str
    topic: str
    stands: bool | None
    reason: Reason
    since: datetime
    says: str
    expected: float = 0.0
    severity: Severity = "high"
    facts: dict[str, float | str] = field(default_factory=dict)


def conditions(known: Known, rule: NoData) -> list[Condition]:
    """What the look says of every subject that is watched."""
    consumer = _consumer(known, rule)
    read_to = None if consumer.stands else known.read_to
    watched = [one for one in known.voices if not rule.ignores(one.source, one.brand)]
    share = rule.false_alarms / max(1, len(watched))
    found = [consumer, _model(known, consumer)]
    for level in (_is_all, _is_source, _is_brand):
        judged = [_voice(one, read_to, share, rule) for one in watched if level(one)]
        if any(one.stands for one in judged):
            read_to = None  # for those below it is explained
        found += judged
    return found


def _is_all(voice: Voice) -> bool:
    return not voice.source and not voice.brand


def _is_source(voice: Voice) -> bool:
    return bool(voice.source)


def _is_brand(voice: Voice) -> bool:
    return bool(voice.brand)


def _consumer(known: Known, rule: NoData) -> Condition:
    now = known.now
    if known.incomplete_since is not None:
        since = known.incomplete_since
        stands = True if now - since > rule.lag else None
        if not known.partitions:
            says = "no consumer has read anything of the topic: start `undertone consume`"
            return Condition("", CONSUMER, stands, "nothing_read", since, says)
        says = f"of {known.missing} partitions nothing is known: `undertone doctor` looks at them"
        return Condition("", CONSUMER, stands, "partitions_missing", since, says)
    read_to = min(one.read_to for one in known.partitions)
    behind = now - read_to
    late = [one for one in known.partitions if now - one.read_to > rule.lag / 2]
    stopped = min(one.told_ago for one in known.partitions) > _ALIVE
    stands = True if behind > rule.lag else None if behind > rule.lag / 2 or stopped else False
    facts: dict[str, float | str] = {"behind_seconds": round(behind.total_seconds())}
    if stopped:
        says = "no consumer is at work: look at its log; `undertone doctor` says what it waits for"
        return Condition("", CONSUMER, stands, "consumer_stopped", read_to, says, facts=facts)
    named = ", ".join(str(one.number) for one in late[:_SHOWN])
    says = f"read up to {clock(read_to)} only ({length(behind)} behind"
    says += f"; partitions {named}" if late else ""
    says += "): add consumers, or see undertone_lag and /readyz of those that run"
    return Condition("", CONSUMER, stands, "lag", read_to, says, facts=facts)


def _model(known: Known, consumer: Condition) -> Condition:
    if not known.troubles:  # of a consumer that is gone for good no word comes
        works = False if consumer.stands is False else None
        return Condition("", MODEL, works, "model_failed", known.now, "the model works")
    first = min(known.troubles, key=lambda one: one.at)
    others = f" (and {len(known.troubles) - 1} more)" if len(known.troubles) > 1 else ""
    says = f"the model fails at {first.member}{others}: {first.reason}; `undertone doctor` tries it"
    return Condition("", MODEL, True, "model_failed", first.at, says)


def _voice(voice: Voice, read_to: datetime | None, share: float, rule: NoData) -> Condition:
    """Whether a voice is silent for longer than it is in vain so often in four weeks."""
    until = read_to or voice.last
    silent = until - voice.last
    missed, bar = voice.habit.missed(voice.last, until), voice.habit.tail.exceeded(share)
    long = missed.hearings >= bar and silent >= rule.least_silence
    back = missed.hearings < bar / 2 or silent < rule.least_silence / 2
    who = f"from {voice.source}" if voice.source else f"about {voice.brand}" if voice.brand else ""
    return Condition(
        voice.brand,
        voice.subject,
        None if read_to is None else True if long else False if back else None,
        "silent",
        voice.last,
        f"nothing {who or 'at all'} since {clock(voice.last)} ({length(silent)}), when about "
        f"{missed.posts:.0f} posts are usual: look at what sends them",
        expected=round(missed.posts, 1),
        severity="warning" if who else "high",
        facts={
            "usual_posts": round(missed.posts, 1),
            "hearings_missed": round(missed.hearings, 2),
            "bar": round(bar, 2),
        },
    )


def clock(at: datetime) -> str:
    """For people: a time of day in UTC."""
    return f"{at.astimezone(UTC):%d %b %H:%M} UTC"


def length(span: timedelta) -> str:
    """For people: `43 min`, `5.2 h` or `3.1 days`."""
    minutes = span / timedelta(minutes=1)
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:.1f} days"
