"""What rules would have raised on history is what the watcher raised live, to the id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.alerting.alert_rows import transitions_of
from stream.alerting.backtest import RuleRun, backtest
from stream.alerting.coverage import Coverage
from stream.alerting.judge import AlertWatcher
from stream.alerting.raised import Outcome, only_in, raised_after
from stream.detector.folds import Fold, Minutes
from stream.rules import Rule, Rules
from tests.stream.speaking import World, post, quiet

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RULE = Rule(
    name="mood",
    topics=["", "*"],
    history="24h",
    warm_up="3h",
    resolve_after="5m",
    cool_down="5m",
)
STRICT = RULE.model_copy(update={"name": "strict", "minimum": RULE.minimum.model_copy(
    update={"authors": 60})})  # fmt: skip
END = NOON + 2 * HOUR


@pytest.fixture(scope="module")
def world(shared_world: World) -> World:
    """Two crises, the first one about batteries and growing."""
    usual = quiet(NOON - 5 * HOUR, END, topics=("battery",))
    first = [post(NOON + i * MINUTE / 2, topics=("battery",)) for i in range(20)]
    grown = [post(NOON + 10 * MINUTE + i * MINUTE / 8) for i in range(80)]
    second = [post(NOON + 90 * MINUTE + i * MINUTE / 3) for i in range(60)]
    shared_world.say([*usual, *first, *grown, *second], END)
    return shared_world


def test_it_raises_what_the_watcher_raised_live_and_writes_nothing(
    world: World,
) -> None:
    client = world.client
    watching = AlertWatcher(client, Rules(rules=[RULE]), world.settings)
    for minutes in (0, 7, 30, 60, 100, 120):
        closed = NOON + minutes * MINUTE
        watching.step(closed, Coverage(closed, timedelta(0), 0))
    live = {}
    for rows in transitions_of(client, "", 10).values():
        for row in rows:
            live[row.alert_id] = raised_after(live.get(row.alert_id), row)
    assert len(live) >= 3

    def written() -> list[tuple[str, int]]:
        return [
            (name, client.query(f"SELECT count() FROM {name}").result_rows[0][0])
            for name in ("alerts", "detector_states", "expectations", "window_scores", "deliveries")
        ]

    before = written()
    told: list[tuple[int, int]] = []
    [found] = backtest(
        client, [Rules(rules=[RULE])], NOON, END, 10, lambda *done: told.append(done)
    )
    assert {one.alert_id: one for one in found.raised} == live
    assert found.talk["Acme", "battery"].sum(1).tolist()[0] == 20 + 4
    assert written() == before
    assert told[0][0] == 0 and told[-1][0] == told[-1][1]


def test_two_sets_of_rules_side_by_side(world: World) -> None:
    sets = [Rules(rules=[RULE]), Rules(rules=[STRICT])]
    usual, strict = backtest(world.client, sets, NOON, END, 10)
    assert {one.rule for one in strict.raised} == {"strict"}
    assert only_in(strict, usual) == []
    missed = {(one.topic, one.opened_at >= NOON + 90 * MINUTE) for one in only_in(usual, strict)}
    assert ("battery", False) in missed and ("", False) not in missed
    [alone] = backtest(world.client, [Rules(rules=[STRICT])], NOON, END, 10)
    assert alone.raised == strict.raised


def test_what_stood_before_is_not_raised_anew(world: World) -> None:
    begin = NOON + 30 * MINUTE
    [whole] = backtest(world.client, [Rules(rules=[RULE])], NOON, END, 10)
    [part] = backtest(world.client, [Rules(rules=[RULE])], begin, END, 10)
    assert part.raised == tuple(one for one in whole.raised if one.opened_at > begin)


def test_where_nothing_is_stored_nothing_is_raised(world: World) -> None:
    """Neither before anything was said, nor long after."""
    for begin in (NOON - 400 * HOUR, NOON + 400 * HOUR):
        end = begin + HOUR
        [found] = backtest(world.client, [Rules(rules=[RULE])], begin, end, 10)
        assert found == Outcome(begin, end, (), {})


@settings(max_examples=5, deadline=None)
@given(
    granularity=st.sampled_from(["15m", "1h", "6h"]),
    begins=st.integers(0, 26 * 60),
    cuts=st.lists(st.integers(1, 9), max_size=3),
)
def test_how_history_is_cut_changes_nothing(granularity: str, begins: int, cuts: list[int]) -> None:
    """Pieces of six hours or all at once: the same incidents, and each minute is heard once."""
    rule = Rule(name="mood", granularity=granularity, warm_up="3h", history="30d")
    start = NOON.replace(hour=0)
    until = start + 60 * HOUR
    noise = np.random.default_rng(7).poisson(1, (2, 60 * 60))
    noise[0, 40 * 60 : 44 * 60] += 3
    counts = {("Acme", ""): np.stack([noise[0], noise.sum(0)])}
    whole = Minutes(start, until, counts)
    since = start + 30 * HOUR + begins * MINUTE
    found = []
    for at in ([], sorted({start + number * 6 * HOUR for number in cuts})):
        run = RuleRun(Fold(rule, start, start), since, until, lambda *_: 99)
        for begin, end in pairwise([start, *at, until]):
            run.take(whole.between(begin, end))
        assert run.fold.at == until
        talked = counts["Acme", ""][:, (since - start) // MINUTE :].sum(1)
        assert run.talk["Acme", ""].sum(1).tolist() == talked.tolist()
        found.append(list(run.raised.values()))
    assert found[0] == found[1]
    assert found[0] or granularity != "15m"
