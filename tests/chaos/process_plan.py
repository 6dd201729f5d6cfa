"""A seeded plan for real processes: messages in bursts, as the other level makes them, and hits."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import timedelta

from tests.chaos.actions import Action, Advance, Hit
from tests.chaos.plan import LEAST, Planner, shuffled

# Of five hundred actions; each of these is a burst of messages.
_BURSTS = {
    "produce": 110,
    "edit": 80,
    "duplicate": 35,
    "delete": 20,
    "late": 20,
    "out_of_order": 35,
    "redate": 20,
    "elsewhere": 15,
    "expired": 8,
    "future": 8,
    "bad": 8,
}
HITS = {
    "kill": 12,
    "kill_before_insert": 6,
    "kill_mid_insert": 6,
    "kill_after_insert": 6,
    "pause": 10,
    "evict": 8,
    "term": 10,
    "join": 10,
    "leave": 8,
    "broker_kill": 5,
    "broker_stop": 5,
    "database_pause": 8,
    "database_kill": 6,
    "slow": 8,
    "lose_answers": 10,
    "watcher_kill": 8,
    "replay": 5,
    "rescore": 5,
}
_ALONE = ("bad", "future")  # a burst of them would be a bad stream, which stops the service


def process_plan(
    seed: int, number: int, least: int = LEAST, weights: Mapping[str, float] = _BURSTS | HITS
) -> list[Action]:
    """The actions of a seed: the same for ever. A burst counts as one, and pauses do not count."""
    draw = random.Random(seed)
    planner = Planner(draw)
    planned: list[Action] = []
    for kind in shuffled(draw, number, weights, least):
        if kind in HITS:
            planned.append(Hit(kind, draw.randrange(12), round(draw.uniform(0.2, 2.5), 2)))
        else:
            step: Callable[[], Action] = getattr(planner, kind)
            size = 1 if kind in _ALONE else draw.choice([1, 2, 5, 10, 20])
            planned += [step() for _ in range(size)]
        pause = round(draw.uniform(0.02, 0.3), 2)
        planner.now += timedelta(seconds=pause)
        planned.append(Advance(pause))
    return planned
