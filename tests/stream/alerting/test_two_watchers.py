"""Two watchers whose clocks are five minutes apart tell each thing once (T13).

Here both run in this process on one database, and the test says who leads; how that comes about is
`test_leadership`'s, and with paused processes `tests/faults/test_two_watchers.py`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest

from stream.clock import Clock
from stream.rules import Rule, Rules
from stream.sweep import Sweep, span_inside
from stream.watch import Watcher
from tests.stream.hooks import Hook, hook
from tests.stream.speaking import World, post, quiet

NOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=6)
MINUTE = timedelta(minutes=1)
APART = timedelta(minutes=5)


class Led:
    """A leadership that the test gives and takes."""

    def __init__(self) -> None:
        self.terms = 0
        self.leads = False

    def begin(self) -> None:
        self.terms += 1
        self.leads = True

    def term(self) -> int | None:
        return self.terms if self.leads else None

    def run(self) -> None:
        pass

    def resign(self) -> None:
        self.leads = False


class Pair:
    """Two watchers, the second with a clock five minutes slow, and a day that goes on."""

    def __init__(self, world: World, receiver: Hook) -> None:
        self.world, self.receiver = world, receiver
        self.now = NOON
        self.led = [Led(), Led()]
        rule = Rule(name="mood", history="24h", warm_up="6h", receivers=("marketing",))
        rules = Rules(rules=(rule,), receivers=(receiver.receiver(),))
        self.watchers = [
            Watcher(world.settings, rules, self._clock(late), leadership=led)
            for late, led in zip((timedelta(0), APART), self.led, strict=True)
        ]
        world.say(quiet(NOON - timedelta(hours=8), NOON), NOON)
        self._usual = quiet(NOON, NOON + timedelta(hours=4))

    def _clock(self, late: timedelta) -> Clock:
        return Clock(wall=lambda: self.now - late)

    def hear(self, minutes: int, complaints: int) -> None:
        """Posts of the next minutes are stored and read to their end."""
        begin, self.now = self.now, self.now + minutes * MINUTE
        angry = [post(begin + i * MINUTE / 3) for i in range(complaints)]
        usual = [row for row in self._usual if begin <= row[2] < self.now]
        self.world._store.insert([*angry, *usual])
        self.world.read_to(self.now)

    def turn(self, *numbers: int) -> None:
        """These watchers run their jobs; the others are paused."""
        for number in numbers:
            self.watchers[number].recompute_and_judge()
            self.watchers[number].deliver()

    def transitions(self) -> Counter[str]:
        rows = self.world.client.query("SELECT transition FROM alerts FINAL").result_rows
        return Counter(name for (name,) in rows)

    def sent(self) -> Counter[str]:
        """How often each webhook-id was received."""
        return Counter(headers["webhook-id"] for headers, _ in self.receiver.messages)

    def windows_agree(self) -> bool:
        settings = self.world.settings
        span = span_inside(self.now + APART, settings.retention.posts)
        with_posts = Sweep(
            self.world.client,
            span,
            margin=timedelta(seconds=0),
            limit=settings.windows.time_limit,
            stop=Event(),
        )
        return with_posts.run().left == 0


@pytest.fixture
def pair(emptied_world: World) -> Iterator[Pair]:
    with hook() as receiver:
        pair = Pair(emptied_world, receiver)
        yield pair
        for watcher in pair.watchers:
            watcher.close()


def crisis_with(pair: Pair, act: Callable[[int], None]) -> None:
    """Twenty minutes of complaints and two hours of calm, in steps of which each is acted on."""
    for number, minutes in enumerate((10, 10, 50, 50)):
        pair.hear(minutes, complaints=30 if number < 2 else 0)
        act(number)


def test_a_leader_that_was_paused_repeats_nothing_of_what_another_did(pair: Pair) -> None:
    first, second = pair.led
    first.begin()

    def act(number: int) -> None:
        if number == 1:  # the first is paused in the middle of the storm, and its session ends
            first.resign()
            second.begin()
        if number == 3:  # it is back, and leads again
            second.resign()
            first.begin()
        pair.turn(*((1,) if number in (1, 2) else (0, 1)))

    crisis_with(pair, act)
    told = pair.transitions()
    assert (told["opened"], told["resolved"]) == (1, 1), told
    assert sum(pair.sent().values()) == sum(told.values())
    assert max(pair.sent().values()) == 1
    assert pair.windows_agree()


def test_two_that_both_lead_end_in_the_same_incident(pair: Pair) -> None:
    """As may be for a moment, and for as long as the brokers cannot be reached."""
    for led in pair.led:
        led.begin()
    crisis_with(pair, lambda _: pair.turn(0, 1))
    told = pair.transitions()
    assert (told["opened"], told["resolved"]) == (1, 1), told
    assert len(pair.sent()) == sum(told.values())  # one webhook-id a state
    assert max(pair.sent().values()) <= 2
    assert pair.windows_agree()


def test_a_follower_recomputes_windows_and_writes_no_alerts(pair: Pair) -> None:
    crisis_with(pair, lambda _: pair.turn(1))
    assert pair.windows_agree()
    assert not pair.transitions() and not pair.sent()


def test_a_watcher_paused_between_judging_and_writing_writes_nothing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wakes in its own statement, after its session has ended."""
    pair.led[0].begin()
    pair.hear(20, complaints=60)
    alerts = pair.watchers[0]._alerts
    judge = alerts._with_evidence

    def slept(*given: Any) -> Any:
        pair.led[0].resign()
        return judge(*given)

    monkeypatch.setattr(alerts, "_with_evidence", slept)
    pair.turn(0)
    assert not pair.transitions()
    monkeypatch.undo()
    pair.led[0].begin()
    pair.turn(0)
    assert pair.transitions()["opened"] == 1
