"""What a look says is not known, and which of several reasons it gives."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from stream.alerting.conditions import (
    CONSUMER,
    MODEL,
    POSTS,
    Condition,
    Known,
    Partition,
    Trouble,
    Voice,
    conditions,
    length,
)
from stream.alerting.habit import Habit, Tail
from stream.rules import NoData

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECONDS = timedelta(seconds=1)
# Heard once a minute at any hour, and told after ten minutes where there is no other voice.
STEADY = Habit(np.full(168, 60.0), np.full(168, 90.0), Tail(10.0, 1e-9, 0.0, 1.0))


def heard(minutes_ago: float, source: str = "", brand: str = "") -> Voice:
    return Voice(source, brand, NOON - minutes_ago * MINUTE, STEADY)


def known(*voices: Voice, behind: timedelta = 5 * SECONDS, **changed: Any) -> Known:
    """All is well: two partitions read to their end, a moment ago."""
    told = [Partition(number, NOON - behind, 3 * SECONDS) for number in range(2)]
    return replace(Known(NOON, told, 0, None, (), voices), **changed)


def of(looked: Known, topic: str = CONSUMER, brand: str = "", **rule: Any) -> Condition:
    return {(one.topic, one.brand): one for one in conditions(looked, NoData(**rule))}[topic, brand]


def test_all_is_known() -> None:
    looked = known(heard(1), heard(1, "weibo"), heard(2, brand="Acme"))
    assert [one.stands for one in conditions(looked, NoData())] == [False] * 5


@pytest.mark.parametrize(
    ("behind", "stands"), [(2 * MINUTE, False), (4 * MINUTE, None), (6 * MINUTE, True)]
)
def test_a_lag_stands_above_its_limit_and_is_over_well_below_it(
    behind: timedelta, stands: bool | None
) -> None:
    found = of(known(behind=behind))
    assert (found.stands, found.reason, found.since) == (stands, "lag", NOON - behind)


def test_the_partition_that_is_last_tells_how_late_the_topic_is_read() -> None:
    told = [Partition(0, NOON, SECONDS), Partition(7, NOON - 20 * MINUTE, SECONDS)]
    found = of(known(partitions=told))
    assert found.stands and "20 min behind; partitions 7)" in found.says


def test_consumers_that_say_nothing_at_all_are_stopped_and_no_lag() -> None:
    told = [Partition(0, NOON - 6 * MINUTE, 6 * MINUTE)]
    found = of(known(partitions=told))
    assert (found.stands, found.reason) == (True, "consumer_stopped")
    assert of(known(partitions=[Partition(0, NOON - 2 * MINUTE, 2 * MINUTE)])).stands is None


@pytest.mark.parametrize(
    ("partitions", "reason"),
    [([], "nothing_read"), ([Partition(0, NOON, SECONDS)], "partitions_missing")],
)
def test_what_was_never_read_is_told_once_that_lasts(
    partitions: list[Partition], reason: str
) -> None:
    incomplete = known(partitions=partitions, missing=1, incomplete_since=NOON - 4 * MINUTE)
    assert (of(incomplete).stands, of(incomplete).reason) == (None, reason)
    assert of(replace(incomplete, incomplete_since=NOON - 6 * MINUTE)).stands is True


def test_a_model_fails_where_a_consumer_says_so() -> None:
    troubles = [Trouble("host-2", "RuntimeError: no memory", NOON - at * MINUTE) for at in (1, 3)]
    found = of(known(troubles=troubles), MODEL)
    assert (found.stands, found.since) == (True, NOON - 3 * MINUTE)
    assert "host-2 (and 1 more): RuntimeError: no memory" in found.says


def test_a_model_is_not_said_to_work_while_nothing_is_read() -> None:
    """Its consumer may be gone, with all that it had to say."""
    assert of(known(), MODEL).stands is False
    assert of(known(behind=10 * MINUTE), MODEL).stands is None


@pytest.mark.parametrize(("minutes", "stands"), [(3, False), (7, None), (11, True)])
def test_a_silence_stands_beyond_its_bar_and_is_over_well_below_it(
    minutes: float, stands: bool | None
) -> None:
    found = of(known(heard(minutes, "weibo"), behind=0 * MINUTE), "source:weibo")
    assert found.stands is stands
    assert found.expected == pytest.approx(1.5 * minutes)


def test_nobody_is_called_silent_before_the_least_silence() -> None:
    assert of(known(heard(40, "weibo")), "source:weibo", least_silence="1h").stands is None


def test_the_more_voices_are_watched_the_longer_each_may_be_silent() -> None:
    tail = Tail(0.0, 4.0, 0.0, 40.0)
    one = Voice("weibo", "", NOON - 17 * MINUTE, replace(STEADY, tail=tail))
    others = [heard(1, f"s{number}") for number in range(9)]
    assert of(known(one), "source:weibo").stands is True
    assert of(known(one, *others), "source:weibo").stands is None
    assert of(known(one, *others), "source:weibo", false_alarms=20).stands is True


def test_what_explains_the_others_is_told_alone() -> None:
    voices = (heard(30), heard(30, "weibo"), heard(30, brand="Acme"))

    def standing(looked: Known) -> list[str]:
        return [one.topic or one.brand for one in conditions(looked, NoData()) if one.stands]

    assert standing(known(*voices)) == [POSTS]
    assert standing(known(*voices[1:])) == ["source:weibo"]
    assert standing(known(*voices[2:])) == ["Acme"]
    assert standing(known(*voices, behind=10 * MINUTE)) == [CONSUMER]


def test_a_voice_explained_by_another_is_unknown_and_not_calm() -> None:
    assert of(known(heard(30), heard(1, brand="Acme")), "", "Acme").stands is None
    assert of(known(heard(1, "weibo"), behind=10 * MINUTE), "source:weibo").stands is None


def test_who_is_ignored_is_not_watched() -> None:
    looked = known(heard(30, "weibo"), heard(30, brand="Acme"))
    found = conditions(looked, NoData(ignore_sources=("weibo",), ignore_brands=("Acme",)))
    assert [one.topic for one in found] == [CONSUMER, MODEL]


def test_a_length_is_told_in_its_largest_unit() -> None:
    assert [length(m * MINUTE) for m in (43, 130, 4464)] == ["43 min", "2.2 h", "3.1 days"]
