"""The detector: finds a turn of mood, and stays silent where there is none."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.baseline import LONGEST, beta_binomial_tail, negative_binomial_tail
from stream.detect import Series, Verdict, judge
from stream.rules import Rule

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
RULE = Rule(name="mood")
DAY = 288  # steps of five minutes
Ints = npt.NDArray[np.int64]


def past(
    days: float = 3, mentions: float = 10, share: float = 0.2, seed: int = 1
) -> tuple[Ints, Ints]:
    """Quiet steps and the twelve that are judged with the last: negatives and mentions."""
    rng = np.random.default_rng(seed)
    total = rng.poisson(mentions, int(days * DAY) + LONGEST).astype(np.int64)
    return rng.binomial(total, share).astype(np.int64), total


def verdict(negative: Ints, mentions: Ints, rule: Rule = RULE, end: datetime = NOON) -> Verdict:
    known = np.ones(len(negative), dtype=bool)
    return judge(Series(end, rule.granularity, negative, mentions, known), rule)


def test_a_jump_of_the_negative_share_alarms_within_its_step() -> None:
    negative, mentions = past()
    negative[-1], mentions[-1] = 25, 32
    found = verdict(negative, mentions)
    assert (found.alarm, found.reason, found.observed) == (True, "count_and_share", 25)
    assert found.expected_low < 2 < found.expected_high < 25
    assert (found.since, found.at) == (NOON - timedelta(minutes=5), NOON)


def test_a_small_rise_alarms_once_it_has_lasted() -> None:
    """No single step of it would."""
    negative, mentions = past()
    mentions[-LONGEST:] = 10
    negative[-LONGEST:] = 2
    negative[-1] = 5
    assert not verdict(negative, mentions).alarm
    negative[-LONGEST:] = 5
    found = verdict(negative, mentions)
    assert found.alarm
    assert found.at - found.since > timedelta(minutes=5)


def test_more_mentions_at_the_same_share_are_buzz() -> None:
    negative, mentions = past()
    negative[-6:], mentions[-6:] = 16, 80
    found = verdict(negative, mentions)
    assert (found.alarm, found.reason) == (False, "buzz")


def test_a_share_that_rises_because_others_fell_silent_does_not_alarm() -> None:
    negative, mentions = past(mentions=40)
    negative[-LONGEST:], mentions[-LONGEST:] = 2, 3
    assert not verdict(negative, mentions).alarm


def test_a_bare_count_is_judged_as_a_count() -> None:
    negative, _ = past()
    assert verdict(negative, negative).reason == "calm"
    negative[-1] = 30
    assert verdict(negative, negative).reason == "count"


def test_nothing_alarms_before_the_warm_up_is_over() -> None:
    negative, mentions = past(days=0.49)
    negative[-1], mentions[-1] = 25, 32
    assert verdict(negative, mentions).reason == "warming_up"
    assert verdict(negative[-30:], mentions[-30:]).reason == "warming_up"
    assert verdict(negative, mentions, Rule(name="r", warm_up="6h")).alarm


def test_a_brand_never_heard_of_alarms_once_silence_was_long_enough() -> None:
    """Minutes without a mention are history too."""
    negative, mentions = np.zeros((2, 3 * DAY), dtype=np.int64)
    negative[-3:] = mentions[-3:] = 10
    assert verdict(negative, mentions).alarm


def test_too_few_mentions_never_alarm() -> None:
    negative, mentions = np.zeros((2, 3 * DAY), dtype=np.int64)
    assert verdict(negative, mentions).reason == "too_few"
    negative[-1] = mentions[-1] = 4
    assert (verdict(negative, mentions).reason, verdict(negative, mentions).score) == ("too_few", 0)
    assert verdict(negative[:0], mentions[:0]).reason == "too_few"


def test_an_earlier_spike_does_not_hide_the_next() -> None:
    negative, mentions = past()
    negative[-1], mentions[-1] = 25, 32
    negative[200:212], mentions[200:212] = 60, 70
    assert verdict(negative, mentions).alarm


def test_steps_marked_unknown_are_not_learnt_from() -> None:
    negative, mentions = past()
    negative[-60:], mentions[-60:] = 25, 32
    known = np.ones(len(negative), dtype=bool)
    learnt = judge(Series(NOON, RULE.granularity, negative, mentions, known), RULE)
    known[-60:] = False
    masked = judge(Series(NOON, RULE.granularity, negative, mentions, known), RULE)
    assert masked.expected_share < 0.25 < learnt.expected_share
    assert masked.alarm and masked.score > learnt.score


def test_a_daily_rhythm_is_no_alarm() -> None:
    rng = np.random.default_rng(5)
    hours = np.arange(4 * DAY) / 12
    mentions = rng.poisson(20 * (1.2 + np.sin(hours * math.tau / 24))).astype(np.int64)
    share = 0.15 + 0.05 * np.sin(hours * math.tau / 24)
    negative = rng.binomial(mentions, share).astype(np.int64)
    for end in range(3 * DAY, 4 * DAY, 7):
        window = slice(end - 3 * DAY, end)
        assert not verdict(negative[window], mentions[window]).alarm


@settings(max_examples=60, deadline=None)
@given(
    data=st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 60)), min_size=LONGEST, max_size=LONGEST
    ),
    seed=st.integers(0, 3),
    mentions=st.sampled_from([0.05, 1, 10, 300]),
    more=st.integers(1, 20),
)
def test_more_negatives_never_lower_the_score(
    data: list[tuple[int, int]], seed: int, mentions: float, more: int
) -> None:
    """Neither as mentions that came on top, nor in place of kinder ones."""
    negative, total = past(mentions=mentions, seed=seed)
    negative[-LONGEST:] = [x for x, _ in data]
    total[-LONGEST:] = [x + others for x, others in data]
    before = verdict(negative, total)
    negative[-1] += more
    total[-1] = max(total[-1], negative[-1])
    instead = verdict(negative, total)
    total[-1] = data[-1][0] + data[-1][1] + more
    on_top = verdict(negative, total)
    assert instead.score >= before.score - 1e-9
    assert on_top.score >= before.score - 1e-9
    assert before.alarm <= on_top.alarm


@given(shift=st.integers(-10_000, 10_000), negative=st.integers(0, 40), others=st.integers(0, 80))
@settings(max_examples=30, deadline=None)
def test_the_verdict_depends_on_counts_alone(shift: int, negative: int, others: int) -> None:
    counts, total = past()
    counts[-1], total[-1] = negative, negative + others
    here, there = (verdict(counts, total, end=NOON + timedelta(minutes=by)) for by in (0, shift))
    fields: list[Any] = [name for name in Verdict.__slots__ if name not in {"at", "since"}]
    assert [getattr(here, name) for name in fields] == [getattr(there, name) for name in fields]
    assert 0 <= here.score < 1
    assert here.alarm == (here.score >= 0.5)


@pytest.mark.parametrize(("x", "n", "share", "noise"), [(3, 9, 0.2, 0.05), (40, 60, 0.3, 0.01)])
def test_the_beta_binomial_tail_is_the_sum_of_its_terms(
    x: int, n: int, share: float, noise: float
) -> None:
    size = 1 / noise - 1
    a, b = share * size, (1 - share) * size

    def beta(p: float, q: float) -> float:
        return math.exp(math.lgamma(p) + math.lgamma(q) - math.lgamma(p + q))

    exact = sum(math.comb(n, k) * beta(k + a, n - k + b) / beta(a, b) for k in range(x, n + 1))
    assert beta_binomial_tail(x, n, share, noise) == pytest.approx(exact, rel=1e-9)


def test_the_negative_binomial_tail_nears_poisson_without_noise() -> None:
    exact = 1 - sum(math.exp(-4) * 4**k / math.factorial(k) for k in range(9))
    assert negative_binomial_tail(9, 4, 1e-6) == pytest.approx(exact, rel=1e-3)
    assert negative_binomial_tail(4, 4, 0.1) == 1
