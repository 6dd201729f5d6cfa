"""What rules would have raised on history is what the watcher raised live, to the id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stream.alerting.alert_rows import transitions_of
from stream.alerting.backtest import backtest
from stream.alerting.coverage import Coverage
from stream.alerting.judge import AlertWatcher
from stream.alerting.raised import Outcome, only_in, raised_after
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
