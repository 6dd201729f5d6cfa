"""The demo's input: the script's posts laid out in time as Kafka messages, and what should become
of them. Pure: the same scenario and start give the same messages.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from itertools import pairwise
from random import Random
from typing import Any, TypeVar

from stream.script import Event, Mood, Moods, Outcome, PoolText, Scenario, load_scenario
from stream.settings import parse_duration

__all__ = ["Message", "Scenario", "Truth", "expected", "load_scenario", "messages"]

T = TypeVar("T")

_AGO = re.compile(r"-\d+(ms|s|m|h|d)")
_REGULARS = 1500  # people who write on ordinary days; a wave draws from ten times as many


@dataclass(frozen=True, slots=True)
class Message:
    """One Kafka message: `at` is its record time, `expected` what should become of it."""

    at: datetime
    key: bytes | None
    value: bytes | None
    expected: Outcome


@dataclass(frozen=True)
class Truth:
    """What should stand after everything was played; `distinct_posts` excludes the deleted."""

    messages: int
    distinct_posts: int
    duplicates: int
    edited: int
    deleted: int
    broken: int
    crisis_brand: str
    crisis_begins: datetime
    burst_brand: str


def messages(scenario: Scenario, start: datetime) -> list[Message]:
    """Everything to produce, by record time: the baseline before `start`, the rest from it on."""
    writer = _Writer(scenario, start)
    chatter = [*writer.everyday(), *writer.waves()]
    found = [*chatter, *writer.again(chatter), *writer.events()]
    return sorted(found, key=lambda message: message.at)


def expected(scenario: Scenario, played: Sequence[Message], start: datetime) -> Truth:
    """What the service should end with after `played`, a prefix or all of `messages`."""
    count = Counter(message.expected for message in played)
    good = {"stored", "duplicate", "edited", "stale", "deleted"}
    waves = {wave.role: wave for wave in scenario.plan.waves}
    crisis, burst = waves.get("crisis"), waves.get("burst")
    return Truth(
        messages=len(played),
        distinct_posts=count["stored"] - count["deleted"],
        duplicates=count["duplicate"] + count["stale"],
        edited=count["edited"],
        deleted=count["deleted"],
        broken=sum(number for outcome, number in count.items() if outcome not in good),
        crisis_brand=crisis.brand if crisis else "",
        crisis_begins=start + (crisis.begins if crisis else scenario.length),
        burst_brand=burst.brand if burst else "",
    )


Rate = Callable[[float], float]  # posts per second at an offset


def _arrivals(rng: Random, rate: Rate, peak: float, begin: float, end: float) -> Iterator[float]:
    """Offsets of a Poisson process with `rate` ≤ `peak` between `begin` and `end`, by thinning."""
    at = begin
    while (at := at + rng.expovariate(peak)) < end:
        if rng.random() * peak < rate(at):
            yield at


class _Deck:
    """A brand's texts of one pool, dealt like cards: none comes twice before all came once."""

    def __init__(self, rng: Random, texts: tuple[PoolText, ...], brand: str, moods: Moods) -> None:
        self._rng, self._moods = rng, moods
        self._cards = {m: [t for t in texts if (t.brand, t.mood) == (brand, m)] for m in moods}
        self._hands: dict[Mood, list[PoolText]] = {mood: [] for mood in moods}

    def deal(self) -> PoolText:
        mood = self._rng.choices(list(self._moods), list(self._moods.values()))[0]
        if not self._hands[mood]:
            self._hands[mood] = self._rng.sample(self._cards[mood], len(self._cards[mood]))
        return self._hands[mood].pop()


class _Writer:
    """Turns the plan into messages. Offsets are seconds from the scenario's start."""

    def __init__(self, scenario: Scenario, start: datetime) -> None:
        self._plan, self._pools, self._start = scenario.plan, scenario.pools, start
        self._end = start + scenario.length
        # Whole milliseconds, as Kafka and the contract carry; up, so that nothing precedes start.
        self._base = start + timedelta(microseconds=-start.microsecond % 1000)
        # A post keeps its first created_at for ever: the ids of two demos must not be the same.
        self._run = f"{int(start.timestamp()):x}"
        self._number = 0
        self._told: dict[tuple[str, str], dict[str, Any]] = {}

    def everyday(self) -> Iterator[Message]:
        plan = self._plan
        begin, end = -plan.baseline.total_seconds(), plan.length.total_seconds()
        for brand, chatter in plan.everyday.items():
            rng = self._rng("everyday", brand)
            deck = _Deck(rng, self._pools["everyday"], brand, chatter.moods)
            per_second = [chatter.per_hour * weight / 3600 for weight in plan.waking]
            rate = partial(_waking, per_second, plan.first_hour)
            for at in _arrivals(rng, rate, max(per_second), begin, end):
                regular = int(_REGULARS * rng.random() ** 2)  # some write often, most rarely
                yield self._post(rng, self._at(at), deck.deal(), regular)

    def waves(self) -> Iterator[Message]:
        for wave in self._plan.waves:
            rng = self._rng(wave.role, wave.brand)
            deck = _Deck(rng, self._pools[wave.role], wave.brand, wave.moods)
            begins = wave.begins.total_seconds()
            points = [(begins + 60 * minute, per / 60) for minute, per in wave.per_minute]
            end = min(points[-1][0], self._plan.length.total_seconds())
            peak = max(per for _, per in points)
            for at in _arrivals(rng, partial(_between, points), peak, begins, end):
                stranger = rng.randrange(10 * _REGULARS)
                yield self._post(rng, self._at(at), deck.deal(), stranger, loud=True)

    def again(self, chatter: Sequence[Message]) -> Iterator[Message]:
        """Second deliveries of the same bytes, on the same side of `start` as the first."""
        rng = self._rng("again")
        for first in chatter:
            at = first.at + timedelta(milliseconds=rng.randrange(2_000, 90_000))
            end = self._start if first.at < self._start else self._end
            if rng.random() < self._plan.duplicates and at < end:
                yield Message(at, first.key, first.value, "duplicate")

    def events(self) -> Iterator[Message]:
        rng = self._rng("events")
        for event in sorted(self._plan.events, key=lambda event: event.at):
            for copy in range(event.copies):
                at = self._at((event.at + event.over * copy / event.copies).total_seconds())
                if event.raw is not None:
                    yield Message(at, None, event.raw.encode(event.encoding), event.expect)
                elif event.empty is not None:
                    key = _key(event.empty["source"], f"{event.empty['post_id']}-{self._run}")
                    yield Message(at, key, None, event.expect)
                else:
                    yield self._tell(rng, at, event, f"-{copy + 1}" if event.copies > 1 else "")

    def _tell(self, rng: Random, at: datetime, event: Event, suffix: str) -> Message:
        """An event's post: an id of this run, times made absolute, what it leaves out filled in."""
        post = dict(event.post or {})
        for field, value in post.items():
            if isinstance(value, str) and _AGO.fullmatch(value):
                post[field] = _rfc3339(at - parse_duration(value[1:]))
        if "post_id" not in post:
            return Message(at, None, _encode(post), event.expect)
        post["post_id"] += f"{suffix}-{self._run}"
        name = (post["source"], post["post_id"])
        if name not in self._told:
            lang = post.get("lang", "en")
            self._told[name] = {
                "created_at": post.get("created_at", _rfc3339(at - timedelta(seconds=3))),
                "author": self._author(lang, rng.randrange(10 * _REGULARS)),
            }
        if not post.get("deleted"):
            post = self._told[name] | post
        return Message(at, _key(*name), _encode(post), event.expect)

    def _post(
        self, rng: Random, at: datetime, text: PoolText, person: int, *, loud: bool = False
    ) -> Message:
        source = self._source(rng, text)
        self._number += 1
        post_id = f"{self._run}{self._number:05d}"
        author = self._author(text.lang, person)
        post: dict[str, Any] = {
            "post_id": post_id,
            "source": source,
            "kind": text.kind,
            "text": text.text,
            "created_at": _rfc3339(at - timedelta(milliseconds=rng.randrange(400, 6_000))),
            "author": author,
            "url": f"https://{source}.example/{author['id']}/{post_id}",
        }
        if rng.random() < 0.7:  # the others leave their language to be detected
            post["lang"] = text.lang
        if text.rating is not None:
            post["rating"] = text.rating
        else:
            reach = (author["followers"] / 400 + 1) * (3 if loud else 1)
            likes = min(int(rng.paretovariate(0.9) * reach) - 1, 50_000)
            shares, replies = likes // rng.randrange(4, 15), rng.randrange(12 if loud else 4)
            post["engagement"] = {"likes": likes, "shares": shares, "replies": replies}
        return Message(at, _key(source, post_id), _encode(post), "stored")

    def _author(self, lang: str, person: int) -> dict[str, Any]:
        return _person(self._plan.seed, lang, person, _of(self._plan.names, lang))

    def _source(self, rng: Random, text: PoolText) -> str:
        if text.kind == "review":
            return _of(self._plan.reviews, text.brand)
        weights = _of(self._plan.sources, text.lang)
        return rng.choices(list(weights), list(weights.values()))[0]

    def _at(self, offset: float) -> datetime:
        return self._base + timedelta(milliseconds=math.floor(offset * 1000))

    def _rng(self, *part: str) -> Random:
        """Each part draws for itself, so that changing one leaves the others as they were."""
        return Random("/".join((str(self._plan.seed), *part)))


@lru_cache(maxsize=32768)
def _person(seed: int, lang: str, person: int, names: tuple[str, ...]) -> dict[str, Any]:
    rng = Random(f"{seed}/{lang}/{person}")
    return {
        "id": f"{lang}{person}",
        "name": f"{rng.choice(names)}{person % 100}",
        "followers": min(int(rng.lognormvariate(5.2, 1.5)), 300_000),
    }


def _waking(per_second: Sequence[float], first_hour: int, offset: float) -> float:
    return per_second[math.floor(first_hour + offset / 3600) % 24]


def _between(points: Sequence[tuple[float, float]], offset: float) -> float:
    """The height at `offset` of the line through `points`; 0 outside."""
    for (x0, y0), (x1, y1) in pairwise(points):
        if x0 <= offset < x1:
            return y0 + (y1 - y0) * (offset - x0) / (x1 - x0)
    return 0.0


def _of(by: Mapping[str, T], key: str) -> T:
    return by.get(key, by[""])


def _key(source: str, post_id: str) -> bytes:
    return f"{source}:{post_id}".encode()


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _encode(post: dict[str, Any]) -> bytes:
    return json.dumps(post, ensure_ascii=False, separators=(",", ":")).encode()
