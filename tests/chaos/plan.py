"""A seeded random plan: a shuffled list with every kind of action at least five times."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from tests.chaos import actions
from tests.chaos.actions import HOOKS, MEMBERS, PARTITIONS, Action, Send

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
RETENTION = timedelta(days=400)
DAY = 86_400
LEAST = 5  # of every kind, where the plan is long enough

BRANDS: dict[str, tuple[list[str], dict[str, list[str]]]] = {
    "Acme": (["Acme", "Acme Phone"], {"battery": ["battery", "电池"], "price": ["price", "cost"]}),
    "Bolt": (["Bolt"], {"battery": ["battery"]}),
    "爱可美": (["爱可美"], {}),
}
_WORDS = (
    *("Acme", "ACME", "acme phone", "Bolt", "bolt", "爱可美", "Acmeist", "thunderbolt"),
    *("battery", "电池", "price", "Cost", "is", "bad", "good", "", "", "so-so", "😀"),
)
_BAD = (
    "{",
    "[1]",
    '{"post_id": "1", "source": "x"}',
    '{"post_id": "1", "source": "X Y", "deleted": true}',
    '{"post_id": "1", "source": "x", "text": "Acme", "created_at": "2026-11-24"}',
    '{"post_id": "1", "source": "x", "text": 7, "lang": "en", "created_at": "2026-11-24T00:00Z"}',
    None,
)
# Of a thousand actions. Messages first.
_WEIGHTS = {
    "produce": 300,
    "edit": 190,
    "duplicate": 90,
    "delete": 40,
    "late": 50,
    "out_of_order": 80,
    "redate": 50,
    "elsewhere": 30,
    "expired": 10,
    "future": 8,
    "bad": 12,
    "consume": 25,
    "crash": 12,
    "lose_answer": 6,
    "overtake": 8,
    "race": 6,
    "rebalance": 15,
    "pass": 10,
    "crash_pass": 3,
    "overtake_pass": 3,
    "advance": 50,
    "replay": 0.4,
    "rescore": 0.4,
}
# To read everything again from 0 heals what was lost before: the second half has none of it.
_HEALING = ("replay", "rescore")


@dataclass
class _Post:
    """A post as its author sees it."""

    number: int
    partition: int
    created_at: datetime
    updated_at: datetime
    last: Send | None = None


class Planner:
    """Makes actions that fit together: what is edited was there before, and so on."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.now = START
        self.posts: list[_Post] = []

    # Messages

    def produce(self) -> Send:
        return self._new("produce", self.now - self._seconds(0, 90))

    def late(self) -> Send:
        """By an hour, by days, or so late that it is nearly expired."""
        least, most = self.draw.choice([(600, 3600), (3600, 2 * DAY), (380 * DAY, 400 * DAY)])
        return self._new("late", self.now - self._seconds(least, most))

    def edit(self) -> Send:
        return self._edit("edit", self._post(), self.now - self._seconds(0, 30))

    def out_of_order(self) -> Send:
        """An edit older than what was sent of the post before, or one of the same time."""
        post = self._post()
        before = (post.updated_at - post.created_at) * self.draw.choice([0, 0.5, 1])
        return self._edit("out_of_order", post, post.created_at + before)

    def redate(self) -> Send:
        """An edit that claims another time of creation, perhaps within the same minute."""
        post = self._datable()
        return self._edit("redate", post, self.now, created_at=self._other_date(post))

    def elsewhere(self) -> Send:
        """A message under a foreign key, so in a partition that another member may read."""
        post = self._datable()
        sent = self._edit("elsewhere", post, self.now, created_at=self._other_date(post))
        return replace(sent, key="elsewhere", partition=(post.partition + 1) % PARTITIONS)

    def duplicate(self) -> Send:
        last = self._post().last
        return replace(last, kind="duplicate") if last else self.produce()

    def delete(self) -> Send:
        """By a null value or by a field; now and then of a post that was never seen."""
        post = self._post()
        number = post.number if self.draw.random() < 0.9 else 10**6 + self.draw.randrange(100)
        source, post_id = _key(number)
        value = {"source": source, "post_id": post_id, "deleted": True}
        whole = None if self.draw.random() < 0.5 else json.dumps(value)
        partition = post.partition if number == post.number else number % PARTITIONS
        return Send("delete", partition, f"{source}:{post_id}", whole)

    def expired(self) -> Send:
        """Too old from its first day; in half the cases only by what the message claims."""
        created_at = START - RETENTION - self._seconds(1, 30 * DAY)
        if self.draw.random() < 0.5:
            return self._edit("expired", self._post(), self.now, created_at=created_at)
        return self._new("expired", created_at)

    def future(self) -> Send:
        """A clock ahead of the record's: by up to ten minutes it is believed."""
        ahead = self.draw.choice([540, 660, 70 * 365 * DAY])
        return self._edit("future", self._post(), self.now + timedelta(seconds=ahead))

    def bad(self) -> Send:
        return Send("bad", self.draw.randrange(PARTITIONS), "no key", self.draw.choice(_BAD))

    # What happens to the service

    def consume(self) -> Action:
        return actions.Consume(self._member(), self._most())

    def crash(self) -> Action:
        return actions.Crash(self._member(), self._most(), self.draw.choice(HOOKS))

    def lose_answer(self) -> Action:
        hook = self.draw.choice(["after_keys", "after_insert", "commit"])
        return actions.LoseAnswer(self._member(), self._most(), hook)

    def overtake(self) -> Action:
        return actions.Overtake(self._member(), self._most(), self.draw.choice(HOOKS))

    def race(self) -> list[Action]:
        """A new post arrives in two partitions under two dates, and two members meet it."""
        first = self.produce()
        post = self.posts[-1]
        date = post.created_at + self.draw.choice([-1, 1]) * self._seconds(0.1, 100)
        second = self._edit("elsewhere", post, self.now, created_at=min(date, self.now))
        second = replace(second, key="elsewhere", partition=(post.partition + 1) % PARTITIONS)
        apart = actions.Rebalance(tuple(place % MEMBERS for place in range(PARTITIONS)))
        return [apart, first, second, actions.Race(self._member(), 500)]

    def rebalance(self) -> Action:
        owners = tuple(self._member() for _ in range(PARTITIONS))
        return actions.Rebalance(owners)

    def replay(self) -> Action:
        return actions.Replay()

    def rescore(self) -> Action:
        return actions.Rescore()

    def crash_pass(self) -> Action:
        return actions.CrashPass(self.draw.randrange(2, 8))

    def overtake_pass(self) -> Action:
        return actions.OvertakePass(self.draw.randrange(2, 8), self._member(), self._most())

    def advance(self) -> Action:
        seconds = round(self.draw.expovariate(1 / 60)) + 1
        if self.draw.random() < 0.02:
            seconds = DAY * self.draw.randrange(1, 3)
        self.now += timedelta(seconds=seconds)
        return actions.Advance(seconds)

    # Pieces

    def _member(self) -> int:
        return self.draw.randrange(MEMBERS)

    def _most(self) -> int:
        return self.draw.choice([1, 10, 100, 500, 500])

    def _seconds(self, least: float, most: float) -> timedelta:
        return timedelta(microseconds=self.draw.randrange(int(least * 10**6), int(most * 10**6)))

    def _post(self) -> _Post:
        """A post to speak of: mostly a recent one."""
        if not self.posts:
            self.produce()
        recent = self.posts[-30:] if self.draw.random() < 0.7 else self.posts
        return self.draw.choice(recent)

    def _datable(self) -> _Post:
        """A post that does not expire meanwhile: which message counts would depend on the hour."""
        for _ in range(100):
            post = self._post()
            if not START - RETENTION <= post.created_at < START - timedelta(days=90):
                return post
        self.produce()
        return self.posts[-1]

    def _other_date(self, post: _Post) -> datetime:
        near = post.created_at + self.draw.choice([-1, 1]) * self._seconds(0, 200)
        return min(near, self.now) if near > START - RETENTION else self.now

    def _new(self, kind: str, created_at: datetime) -> Send:
        number = len(self.posts)
        post = _Post(number, self.draw.randrange(PARTITIONS), created_at, created_at)
        self.posts.append(post)
        return self._message(kind, post, created_at, None)

    def _edit(
        self, kind: str, post: _Post, updated_at: datetime, created_at: datetime | None = None
    ) -> Send:
        created_at = created_at or post.created_at
        updated_at = max(updated_at, created_at)
        post.updated_at = max(post.updated_at, min(updated_at, self.now))
        return self._message(kind, post, created_at, updated_at)

    def _message(
        self, kind: str, post: _Post, created_at: datetime, updated_at: datetime | None
    ) -> Send:
        source, post_id = _key(post.number)
        draw = self.draw
        value: dict[str, Any] = {"source": source, "post_id": post_id}
        value["text"] = " ".join(draw.choices(_WORDS, k=draw.randrange(5)))
        value["lang"] = draw.choice(["en", "en-GB", "zh-Hant"])
        value["created_at"] = created_at.isoformat()
        if updated_at:
            zone = draw.choice([UTC, timezone(timedelta(hours=8))])
            value["updated_at"] = updated_at.astimezone(zone).isoformat()
        if draw.random() < 0.7:
            value["author"] = {"id": f"a{draw.randrange(9)}", "followers": draw.randrange(1000)}
        text = json.dumps(value, ensure_ascii=False)
        post.last = Send(kind, post.partition, f"{source}:{post_id}", text)
        return post.last


def shuffled(
    draw: random.Random, number: int, weights: Mapping[str, float], least: int = LEAST
) -> list[str]:
    """About so many kinds by their weights, of each at least so many."""
    whole = sum(weights.values())
    kinds = [
        kind
        for kind, weight in weights.items()
        for _ in range(max(least, round(number * weight / whole)))
    ]
    healing = [kind for kind in kinds if kind in _HEALING]
    kinds = [kind for kind in kinds if kind not in _HEALING]
    draw.shuffle(kinds)
    for kind in healing:
        kinds.insert(draw.randrange(len(kinds) // 2), kind)
    return kinds


def plan(seed: int, number: int) -> list[Action]:
    """The actions of a seed: the same for ever."""
    draw = random.Random(seed)
    kinds = shuffled(draw, number, _WEIGHTS)
    planner = Planner(draw)
    planned: list[Action] = []
    for kind in kinds:
        if kind == "pass":
            planned.append(actions.Pass())
            continue
        step: Callable[[], Action | list[Action]] = getattr(planner, kind)
        found = step()
        planned += found if isinstance(found, list) else [found]
    return planned


def _key(number: int) -> tuple[str, str]:
    return ("weibo", "x")[number % 2], str(number)
