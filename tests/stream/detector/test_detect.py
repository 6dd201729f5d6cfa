"""The detector: finds a turn of mood, is silent where there is none, goes on where it stopped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.detector.detect import REASONS, Limits, Look, evidence_limit, step
from stream.detector.moment import Counts
from stream.detector.state import State
from stream.detector.usual import Floats
from stream.detector.usual_counts import usual_counts

START = datetime(2026, 11, 2, tzinfo=UTC)  # a Monday
STEP = timedelta(minutes=5)
DAY = 288
Series = tuple[Floats, Floats]


def limits(sensitivity: float = 0.25, **changed: int) -> Limits:
    return Limits(STEP, evidence_limit(STEP, np.array([sensitivity])), **changed)


def past(days: float = 4, mentions: float = 10, share: float = 0.2, seed: int = 1) -> Series:
    """Quiet steps: negatives and mentions."""
    rng = np.random.default_rng(seed)
    total = rng.poisson(mentions, int(days * DAY))
    return rng.binomial(total, share).astype(float), total.astype(float)


def looks(
    negative: Floats,
    mentions: Floats,
    state: State | None = None,
    first: int = 0,
    bare: bool = False,
    known: Sequence[bool] | None = None,
    limit: Limits | None = None,
) -> list[Look]:
    """What each step of one series says."""
    state = state or State.new(1)
    return [
        step(
            state,
            START + (first + at + 1) * (limit or limits()).step,
            Counts(
                np.array([k]),
                np.array([n]),
                np.array([bare]),
                np.array([known is None or known[at]]),
            ),
            limit or limits(),
        )
        for at, (k, n) in enumerate(zip(negative, mentions, strict=True))
    ]


def alarms(found: Sequence[Look]) -> list[int]:
    return [at for at, look in enumerate(found) if look.alarm[0]]


def reason(look: Look) -> str:
    return REASONS[int(look.reason[0])]


def test_a_jump_of_the_share_alarms_within_two_steps_and_says_since_when() -> None:
    negative, mentions = past()
    negative[-6:], mentions[-6:] = 25, 32
    found = looks(negative, mentions)
    first = alarms(found)[0]
    assert len(negative) - 6 <= first <= len(negative) - 5
    assert reason(found[first]) == "count_and_share"
    assert found[first].negative[0] >= 25 and found[first].steps[0] <= 3
    assert usual_counts(found[first].mean, found[first].variance)[1][0] < 25


def test_a_small_rise_alarms_once_it_has_lasted() -> None:
    """No single step of it would."""
    negative, mentions = past()
    negative[-24:], mentions[-24:] = 4, 10
    found = looks(negative, mentions)
    assert len(negative) - 24 + 3 < alarms(found)[0] < len(negative)
    assert found[alarms(found)[0]].steps[0] > 3


def test_more_mentions_at_the_same_share_are_buzz() -> None:
    negative, mentions = past()
    negative[-12:], mentions[-12:] = 16, 80
    found = looks(negative, mentions)
    assert alarms(found) == []
    assert reason(found[-1]) == "buzz"


def test_a_share_that_rises_because_others_fell_silent_does_not_alarm() -> None:
    negative, mentions = past(mentions=40)
    negative[-12:], mentions[-12:] = 2, 3
    assert alarms(looks(negative, mentions)) == []


def test_a_bare_count_is_judged_as_a_count() -> None:
    negative, _ = past()
    negative[-3:] = 30
    found = looks(negative, negative, bare=True)
    assert alarms(found) and alarms(found)[0] >= len(negative) - 3
    assert reason(found[-1]) == "count"


def test_a_share_that_is_always_high_is_judged_by_the_count() -> None:
    negative, mentions = past(share=0.8)
    negative[-3:], mentions[-3:] = 80, 100
    found = looks(negative, mentions)
    assert reason(found[-1]) == "count"


def test_nothing_alarms_before_the_warm_up_is_over() -> None:
    negative, mentions = past(days=0.45)
    negative[-6:], mentions[-6:] = 25, 32
    found = looks(negative, mentions)
    assert alarms(found) == [] and reason(found[-1]) == "warming_up"
    assert alarms(looks(negative, mentions, limit=limits(warm_up=timedelta(hours=6))))  # type: ignore[arg-type]


def test_a_brand_never_heard_of_alarms_once_silence_was_long_enough() -> None:
    """Steps without a mention are history too."""
    negative, mentions = np.zeros((2, 3 * DAY))
    negative[-3:] = mentions[-3:] = 10
    assert alarms(looks(negative, mentions))


def test_a_storm_alarms_in_its_first_minute_where_hardly_anybody_spoke_before() -> None:
    """A mention every 20 minutes; one minute does not tell what its quarter of an hour holds."""
    negative, mentions = np.zeros((2, 20 * 60 + 1))
    mentions[::20] = 1
    negative[::100] = 1
    negative[-1] = mentions[-1] = 30
    minute = timedelta(minutes=1)
    limit = Limits(minute, evidence_limit(minute, np.array([0.25])))
    assert alarms(looks(negative, mentions, limit=limit)) == [len(negative) - 1]


def test_too_few_mentions_never_alarm() -> None:
    negative, mentions = np.zeros((2, 3 * DAY))
    negative[-1] = mentions[-1] = 4
    found = looks(negative, mentions)
    assert alarms(found) == [] and found[-1].score[0] < 0.5


def test_an_earlier_spike_does_not_hide_the_next() -> None:
    negative, mentions = past()
    negative[600:612], mentions[600:612] = 60, 70
    negative[-3:], mentions[-3:] = 25, 32
    found = looks(negative, mentions)
    assert [at for at in alarms(found) if at >= len(negative) - 3]
    assert found[-4].share[0] < 0.23


def test_a_lasting_new_level_alarms_once_and_becomes_normal() -> None:
    quiet, mentions = past(days=8)
    rng = np.random.default_rng(2)
    quiet[4 * DAY :] = rng.binomial(mentions[4 * DAY :].astype(int), 0.5)
    found = looks(quiet, mentions)
    standing = [bool(look.stands[0]) for look in found]
    edges = [at for at in range(1, len(standing)) if standing[at] and not standing[at - 1]]
    assert len(edges) == 1 and 4 * DAY <= edges[0] < 4 * DAY + 12
    assert not standing[-1] and found[-1].share[0] > 0.4


def test_a_daily_rhythm_is_no_alarm_and_is_learnt() -> None:
    rng = np.random.default_rng(5)
    wave = np.sin(np.arange(10 * DAY) / DAY * 2 * np.pi)
    mentions = rng.poisson(20 * (1.2 + wave)).astype(float)
    negative = rng.binomial(mentions.astype(int), 0.15 + 0.06 * wave).astype(float)
    found = looks(negative, mentions)
    assert alarms(found) == []
    shares = np.array([look.share[0] for look in found[-DAY:]])
    assert np.abs(shares - (0.15 + 0.06 * wave[-DAY:])).mean() < 0.02


def test_an_unknown_step_says_so_and_teaches_nothing() -> None:
    negative, mentions = past()
    negative[-60:], mentions[-60:] = 0, 50
    known = [at < len(negative) - 60 for at in range(len(negative))]
    found = looks(negative, mentions, known=known)
    assert reason(found[-1]) == "unknown"
    assert found[-1].share[0] == pytest.approx(found[-61].share[0], abs=0.03)


def test_the_limit_is_a_number_of_false_alarms_a_week() -> None:
    """Ten times as many asked for, or steps of a fifth: the limit moves by what that is worth."""
    few, many = evidence_limit(STEP, np.array([0.1])), evidence_limit(STEP, np.array([1.0]))
    assert (few - many)[0] == pytest.approx(1.6 * np.log(10))
    minutes = evidence_limit(timedelta(minutes=1), np.array([0.1]))
    assert (minutes - few)[0] == pytest.approx(np.log(5))


def bits(look: Look) -> bytes:
    return b"".join(np.asarray(getattr(look, name)).tobytes() for name in Look.__slots__)


@settings(max_examples=12, deadline=None)
@given(cut=st.integers(0, 230), seed=st.integers(0, 5), mentions=st.sampled_from([0.1, 3, 300]))
def test_stop_and_resume_after_any_row_is_bit_equal(cut: int, seed: int, mentions: float) -> None:
    negative, total = past(0.8, mentions, seed=seed)  # longer than the warm-up
    state = State.new(1)
    looks(negative[:cut], total[:cut], state)
    saved = state.packed()
    expected, after = (
        looks(negative[cut:], total[cut:], going_on, first=cut)
        for going_on in (state, State.unpacked(saved))
    )
    assert [bits(one) for one in after] == [bits(one) for one in expected]


@settings(max_examples=6, deadline=None)
@given(size=st.integers(2, 40), place=st.integers(0, 1000), seed=st.integers(0, 5))
def test_a_series_among_many_ends_in_the_bits_of_the_series_alone(
    size: int, place: int, seed: int
) -> None:
    place %= size
    rng = np.random.default_rng(seed)
    total = rng.poisson(rng.choice([0.2, 5, 200], size), (200, size)).astype(float)
    negative = rng.binomial(total.astype(int), 0.2).astype(float)
    many = State.new(size)
    flags = np.zeros(size, np.bool_)
    for at in range(len(total)):
        step(
            many, START + (at + 1) * STEP, Counts(negative[at], total[at], flags, ~flags), limits()
        )
    alone = State.new(1)
    looks(negative[:, place], total[:, place], alone)
    assert many.packed()[place].tobytes() == alone.packed()[0].tobytes()


def test_a_state_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="a state of"):
        State.unpacked(np.zeros((1, 7)))
