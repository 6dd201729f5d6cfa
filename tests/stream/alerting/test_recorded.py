"""What a verdict was made from is enough to make it again, through JSON, to the same bits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.alerting.counted_posts import Fingerprints
from stream.alerting.recorded import Grounds, Recorded, judge_again, read_recorded, record
from stream.detector.folds import Fold, Minutes, SeriesKey
from stream.errors import StopService
from stream.rules import Rule

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
RULE = Rule(name="mood", topics=["", "*"], warm_up="1h", history="2d", receivers=["desk"])
KEYS: list[SeriesKey] = [("Acme", ""), ("Acme", "battery"), ("Bolt", "")]
NOBODY = Fingerprints.of([], 0)


def minutes(since: datetime, until: datetime, seed: int) -> Minutes:
    rng = np.random.default_rng(seed)
    shape = (len(KEYS), (until - since) // MINUTE)
    mentions = rng.poisson(rng.uniform(0, 5, (len(KEYS), 1)), shape)
    negative = rng.binomial(mentions, rng.uniform(0.1, 0.9, (len(KEYS), 1)))
    return Minutes(
        since, until, {key: np.stack([negative[i], mentions[i]]) for i, key in enumerate(KEYS)}
    )


def recorded(seed: int = 1, series: int = 0, step: int = -1, rule: Rule = RULE) -> Recorded:
    fold = Fold(rule, NOON, NOON).settle(minutes(NOON, NOON + 2 * HOUR, seed))
    judged = fold.judge(minutes(fold.at, fold.at + 2 * HOUR, seed + 1))
    verdict = judged.verdict(range(len(judged.times))[step], series)
    return record(rule, Grounds(judged, series, None), verdict, NOBODY)


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 99),
    series=st.integers(0, 2),
    step=st.integers(-8, -1),
    granularity=st.sampled_from(["1m", "15m"]),
)
def test_the_verdict_comes_out_again(seed: int, series: int, step: int, granularity: str) -> None:
    rule = Rule(**RULE.model_dump() | {"granularity": granularity})
    before = recorded(seed, series, step, rule)
    text = before.model_dump_json()
    after = read_recorded(text)
    assert judge_again(after, after.minutes()) == before.verdict == after.verdict
    assert after.model_dump_json() == text


def test_another_count_another_verdict() -> None:
    before = recorded()
    more = before.model_copy(update={"negative": before.mentions})
    assert judge_again(more, more.minutes()) != before.verdict


def test_who_is_told_is_no_ground_and_the_rest_of_the_rule_is_read_back() -> None:
    assert recorded().rule_then() == RULE.model_copy(update={"receivers": ()})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"state": ""}, "a state of 0 numbers"),
        ({"rule": {"name": "mood", "colour": "red"}}, "recorded rule cannot be read.*colour"),
        ({"negative": (), "mentions": ()}, "not in list|cannot be judged"),
    ],
)
def test_what_this_version_cannot_judge_is_said_in_one_line(
    changed: dict[str, object], says: str
) -> None:
    other = recorded().model_copy(update=changed)
    with pytest.raises(StopService, match=says) as raised:
        judge_again(other, other.minutes())
    assert "\n" not in str(raised.value)


def test_what_nobody_wrote_is_refused() -> None:
    with pytest.raises(StopService, match="cannot be read by this version: version"):
        read_recorded(recorded().model_dump_json().replace('"version":1', '"version":2'))


def test_a_thousand_posts_take_sixty_kilobytes() -> None:
    """What an incident may cost: the series itself is below 10 kB."""
    one = recorded()
    assert len(one.model_dump_json()) < 10_000
    keys = tuple(f"{n:016x}" for n in range(1000))
    versions = tuple(f"{(1 << 124) + n:x}" for n in range(1000))
    many = Fingerprints(keys=keys, versions=versions, negative="1" * 1000, total=1000)
    assert len(one.model_copy(update={"posts": many}).model_dump_json()) < 70_000
    assert many.reach is None  # every post is there


def test_a_sample_reaches_as_far_as_its_last_key() -> None:
    some = Fingerprints(keys=("01", "0a"), versions=("1", "2"), negative="10", total=3)
    assert some.reach == 10
    assert some.by_key() == {1: (1, True), 10: (2, False)}
