"""A rule's fold: what is settled, and that a restart goes on from the very same numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.detector.folds import Fold, Judged, Minutes, SeriesKey, budgets, judge_from, settled
from stream.rules import Rule

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ACME, BATTERY = ("Acme", ""), ("Acme", "battery")
RULE = Rule(name="mood", topics=["", "*"], warm_up="1h")


def minutes(hours: int, seed: int = 1, since: datetime = NOON) -> Minutes:
    rng = np.random.default_rng(seed)
    total = rng.poisson(3, (2, hours * 60))
    negative = rng.binomial(total, 0.2)
    counts = {key: np.stack([negative[i], total[i]]) for i, key in enumerate((ACME, BATTERY))}
    return Minutes(since, since + hours * HOUR, counts)


def bits(judged: Judged) -> list[bytes]:
    return [look.score.tobytes() + look.negative.tobytes() for look in judged.looks]


@settings(max_examples=6, deadline=None)
@given(hours=st.lists(st.integers(1, 2), min_size=1, max_size=3), seed=st.integers(0, 9))
def test_settling_in_parts_saving_and_loading_changes_no_bit(hours: list[int], seed: int) -> None:
    whole = minutes(sum(hours) + 1, seed)
    at_once = Fold(RULE, NOON, NOON)
    until = NOON + sum(hours) * HOUR
    expected = at_once.settle(whole.between(NOON, until)).judge(whole.between(until, whole.until))
    fold = Fold(RULE, NOON, NOON)
    for each in hours:
        fold = fold.settle(whole.between(fold.at, fold.at + each * HOUR))
        fold = Fold(RULE, fold.at, fold.first, fold.keys, fold.saved())
    assert bits(fold.judge(whole.between(until, whole.until))) == bits(expected)


def test_judging_settles_nothing() -> None:
    fold = Fold(RULE, NOON, NOON)
    once, again = (bits(fold.judge(minutes(2))) for _ in range(2))
    assert once == again and fold.keys == []


def test_late_mentions_change_the_verdicts_from_their_minute_on() -> None:
    fold = Fold(RULE, NOON, NOON)
    before = minutes(2)
    later = Minutes(before.since, before.until, {k: v.copy() for k, v in before.counts.items()})
    later.counts[ACME][:, 70] += 9
    first, second = (bits(fold.judge(one)) for one in (before, later))
    assert first[:70] == second[:70] and first[70] != second[70]


def test_series_named_by_the_rule_are_judged_before_they_are_heard_of() -> None:
    rule = Rule(name="r", brands=["Bolt"], topics=["", "price"])
    assert Fold(rule, NOON, NOON).judge(minutes(1)).keys == [("Bolt", ""), ("Bolt", "price")]


def test_steps_of_a_rule_are_sums_of_minutes() -> None:
    rule = Rule(name="r", granularity="15m")
    counts = {ACME: np.ones((2, 65), dtype=np.int64)}
    judged = Fold(rule, NOON, NOON).judge(Minutes(NOON, NOON + 65 * MINUTE, counts))
    assert judged.times == [NOON + (i + 1) * 15 * MINUTE for i in range(4)]
    verdict = judged.verdict(3, 0)
    assert (verdict.at, verdict.observed) == (NOON + HOUR, 60)
    assert verdict.since == NOON


def test_rows_become_minutes_and_what_is_not_listed_is_a_zero() -> None:
    rows = [("Acme", "", [1, 3], [3, 0], [5, 1]), ("Acme", "battery", [0], [1], [1])]
    found = Minutes.of(rows, NOON, NOON + 4 * MINUTE)
    assert found.counts[ACME].tolist() == [[0, 3, 0, 0], [0, 5, 0, 1]]
    assert found.counts[BATTERY].tolist() == [[1, 0, 0, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize(
    ("granularity", "closed", "expected"),
    [("1m", 14.9, 12), ("15m", 14.0, 12), ("6h", 26.5, 24), ("6h", 25.5, 18)],
)
def test_what_is_final_ends_at_a_full_hour_or_step(
    granularity: str, closed: float, expected: float
) -> None:
    midnight = NOON - 12 * HOUR
    rule = Rule(name="r", granularity=granularity, history="28d")
    found = settled(midnight + closed * HOUR, 2 * HOUR, rule)
    assert found == midnight + expected * HOUR


def test_half_of_the_budget_is_the_brands_and_its_topics_share_the_rest() -> None:
    keys: list[SeriesKey] = [ACME, BATTERY, ("Acme", "price"), ("Bolt", ""), ("Cord", "price")]
    found = budgets(Rule(name="r", sensitivity=0.4), keys)
    assert found.tolist() == [0.2, 0.1, 0.1, 0.4, 0.4]


def test_one_series_alone_is_judged_again_from_what_the_judgement_holds() -> None:
    """Its state, its budget and its minutes are enough for the very same verdicts."""
    whole = minutes(4)
    after = Fold(RULE, NOON, NOON).settle(whole.between(NOON, NOON + 2 * HOUR))
    among = after.judge(whole.between(after.at, whole.until))
    number = among.keys.index(BATTERY)
    own = Minutes(after.at, whole.until, {BATTERY: among.minutes.counts[BATTERY]})
    began, budget = among.began[[number]], among.alarms_a_week[[number]]
    _, alone = judge_from(RULE, [BATTERY], began, own, budget)
    last = len(alone.times) - 1
    assert alone.verdict(last, 0) == among.verdict(last, number)
