"""Minutes in memory: absent is zero, late is noticed, before the first is unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stream.baseline import LONGEST
from stream.rules import Rule
from stream.tallies import Tallies, minutes_needed

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
RULE = Rule(name="r", granularity="5m", history="2h", warm_up="1h")
ACME = ("Acme", "")


def before(minutes: int) -> datetime:
    return NOON - timedelta(minutes=minutes)


def test_minutes_are_summed_to_steps_that_end_at_the_minute_judged() -> None:
    tallies = Tallies(240)
    rows = [("Acme", "", before(m), 1, 2) for m in range(1, 61)]
    assert tallies.replace(rows, before(240), NOON) == {}
    series = tallies.series(ACME, NOON, RULE, [])
    assert len(series.negative) == minutes_needed(RULE) // 5 == 24 + LONGEST
    assert series.negative.tolist() == [0] * 24 + [5] * 12
    assert series.mentions.tolist() == [0] * 24 + [10] * 12
    assert tallies.series(ACME, before(2), RULE, []).negative[-13:].tolist() == [0, 3, *[5] * 11]
    assert tallies.series(("Nobody", ""), NOON, RULE, []).mentions.sum() == 0


def test_the_span_moves_and_forgets() -> None:
    tallies = Tallies(240)
    tallies.replace(
        [("Acme", "", before(1), 1, 1), ("Old", "", before(240), 1, 1)], before(240), NOON
    )
    later = NOON + timedelta(minutes=5)
    assert tallies.replace([("Acme", "", NOON, 4, 4)], NOON, later) == {}
    assert tallies.keys() == [ACME]
    assert tallies.series(ACME, later, RULE, []).negative[-2:].tolist() == [1, 4]
    tallies.replace([], NOON + timedelta(days=1), NOON + timedelta(days=2))
    assert tallies.series(ACME, NOON + timedelta(days=2), RULE, []).negative.sum() == 0


def test_changes_to_minutes_known_before_are_told() -> None:
    tallies = Tallies(240)
    tallies.replace(
        [("Acme", "", before(9), 1, 1), ("Acme", "", before(5), 1, 1)], before(240), NOON
    )
    later = NOON + timedelta(minutes=1)
    rows = [("Acme", "", before(9), 3, 3), ("Acme", "", NOON, 1, 1), ("New", "", before(3), 1, 1)]
    changed = tallies.replace(rows, before(60), later)
    assert changed == {ACME: {before(9), before(5)}, ("New", ""): {before(3)}}
    assert tallies.replace(rows, before(60), later) == {}


def test_steps_before_the_first_row_and_masked_ones_are_not_learnt_from() -> None:
    tallies = Tallies(240)
    tallies.replace([("Acme", "", before(62), 0, 1)], before(240), NOON)
    known = tallies.series(ACME, NOON, RULE, []).known
    assert known.tolist() == [False] * 24 + [True] * 12
    masked = tallies.series(ACME, NOON, RULE, [(before(31), before(19))]).known
    assert masked.tolist() == [False] * 24 + [True] * 5 + [False] * 4 + [True] * 3
    forever = tallies.series(ACME, NOON, RULE, [(before(9999), NOON + timedelta(days=9))]).known
    assert not forever.any()
