"""From posts, progress and reports to the rows that tell that nothing is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models import Passage
from stream.alerting.incidents import Transition
from stream.alerting.no_data_watch import NoDataWatcher
from stream.clock import Clock
from stream.model_reports import ModelReports, WatchedScorer
from stream.rows import COLUMNS, Row
from stream.rules import NoData, Rules
from stream.watch import Watcher
from tests.stream.consuming import eventually
from tests.stream.fakes import PureScorer
from tests.stream.speaking import World, post

MINUTE = timedelta(minutes=1)
NOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=6)
RULE = NoData(lag="5m", resolve_after="5m", receivers=())


def arrived(at: datetime, **said: Any) -> Row:
    """A post that came at once."""
    row = list(post(at, "neutral", **said))
    assert row[COLUMNS.index("kafka_time")] == at
    return tuple(row)


def talk(begin: datetime, end: datetime, every: timedelta, **said: Any) -> list[Row]:
    return [arrived(begin + i * every, **said) for i in range(int((end - begin) / every))]


@dataclass
class Watched:
    """Ten days of talk on two sources about two brands until noon, and a watcher of it."""

    world: World
    watcher: NoDataWatcher
    now: datetime = NOON

    def look(self, read_to: datetime | None = None) -> list[Transition]:
        """What is told now; everything was read up to `read_to`, or until now."""
        self.world.read_to(*([read_to or self.now] * 2))
        return self.watcher.look(self.now)

    def until(self, minutes: float, every: float = 5, **read: Any) -> list[str]:
        """What is told in looks so many minutes apart, until so long after noon."""
        told = []
        while self.now < NOON + minutes * MINUTE:
            self.now += every * MINUTE
            told += [f"{r.transition} {r.topic or r.brand}" for r in self.look(**read)]
        return told

    def again(self) -> None:
        """A new watcher, that knows nothing."""
        self.watcher = NoDataWatcher(self.world.client, RULE, self.world.settings)


@cache
def past() -> list[Row]:
    begin = NOON - timedelta(days=10)
    return [
        *talk(begin, NOON, 7 * MINUTE, source="weibo", brand="Acme"),
        *talk(begin, NOON, 11 * MINUTE, source="reddit", brand="Bolt"),
    ]


@pytest.fixture
def watched(emptied_world: World) -> Watched:
    emptied_world._store.insert(past())
    return Watched(emptied_world, NoDataWatcher(emptied_world.client, RULE, emptied_world.settings))


def test_a_source_that_stops_is_told_once_and_ends_when_it_is_back(watched: Watched) -> None:
    others = talk(NOON, NOON + 400 * MINUTE, 11 * MINUTE, source="reddit", brand="Bolt")
    watched.world._store.insert(others)
    assert watched.until(20) == []
    assert watched.until(300, every=20) == ["opened source:weibo"]
    row, evidence = watched.world.client.query(
        "SELECT (kind, reason, rule, state, severity), evidence FROM alerts FINAL"
    ).result_rows[0]
    assert row == ("no_data", "silent", "no data", "open", "warning")
    assert json.loads(evidence)["summary"].startswith("nothing from weibo since")
    watched.again()  # a restart tells nothing again
    assert watched.look() == []
    watched.world._store.insert(
        talk(NOON + 295 * MINUTE, NOON + 330 * MINUTE, 5 * MINUTE, source="weibo", brand="Acme")
    )
    assert watched.until(330) == ["resolved source:weibo"]


def test_while_the_topic_is_not_read_who_is_silent_is_unknown(watched: Watched) -> None:
    assert watched.until(300, every=20, read_to=NOON) == ["opened consumer"]
    assert watched.until(330) == ["opened posts", "resolved consumer"]


def test_a_topic_that_nobody_ever_read_is_told(watched: Watched) -> None:
    told = []
    for minutes in range(8):
        told += watched.watcher.look(NOON + minutes * MINUTE)
    assert [(one.transition, one.reason) for one in told] == [("opened", "nothing_read")]


def test_a_watcher_whose_term_is_over_writes_nothing(watched: Watched) -> None:
    ended = NoDataWatcher(watched.world.client, RULE, watched.world.settings, acts=lambda: False)
    watched.watcher = ended
    assert watched.until(30, read_to=NOON) == []
    rows = watched.world.client.query("SELECT count() FROM alerts").result_rows
    assert rows == [(0,)]


def test_of_a_brand_taken_out_of_the_catalogue_nobody_expects_anything(watched: Watched) -> None:
    world = watched.world
    watched.watcher = NoDataWatcher(world.client, RULE, world.settings, brands={"Acme"})
    others = talk(NOON, NOON + 100 * MINUTE, 7 * MINUTE, source="weibo", brand="Acme")
    reddit = talk(NOON, NOON + 100 * MINUTE, 11 * MINUTE, source="reddit", brand="Acme")
    world._store.insert([*others, *reddit])
    assert watched.until(100, every=20) == []
    watched.again()
    assert watched.until(120, every=20) == ["opened Bolt"]


def test_what_is_watched_no_more_ends(watched: Watched) -> None:
    assert watched.until(10, read_to=NOON) == ["opened consumer"]
    watched.watcher.use(NoData(watch=False))
    assert watched.until(15, read_to=NOON) == ["resolved consumer"]


class Failing(PureScorer):
    """A model that has no memory left, until it has."""

    fails = True

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        if self.fails:
            raise RuntimeError("no memory\nleft")
        return super().score(passages)


def test_a_model_that_fails_is_told_and_ends_when_it_works_again(
    watched: Watched,
) -> None:
    model = Failing()
    scorer = WatchedScorer(model, ModelReports(watched.world.settings.clickhouse, "host-2"))
    for _ in range(2):
        with pytest.raises(RuntimeError):
            scorer.score([Passage("Acme", "Acme", 0)])
    (opened,) = watched.look()
    assert (opened.topic, opened.reason) == ("model", "model_failed")
    (evidence,) = watched.world.client.query("SELECT evidence FROM alerts").result_rows[0]
    assert "host-2: RuntimeError: no memory\\nleft" in json.loads(evidence)["summary"]
    model.fails = False
    scorer.score([Passage("Acme", "Acme", 0)])
    watched.world._store.insert(talk(NOON, NOON + 20 * MINUTE, 5 * MINUTE, source="weibo"))
    assert watched.until(15) == ["resolved model"]


def test_a_model_that_hangs_is_told_of_while_it_does(
    watched: Watched,
) -> None:
    def trouble() -> list[str]:
        rows = watched.world.client.query("SELECT trouble FROM model_reports FINAL").result_rows
        return [text for (text,) in rows]

    reports = ModelReports(watched.world.settings.clickhouse)
    with reports.within(0.01):
        eventually(lambda: trouble() == ["no answer of the model for more than 0 s"])
    reports.watched(lambda: None)
    assert trouble() == [""]


def test_the_watcher_looks_as_a_job_of_its_own(watched: Watched) -> None:
    watched.world.read_to(NOON - 10 * MINUTE, NOON)
    told: list[Any] = []
    watcher = Watcher(watched.world.settings, Rules(), Clock(wall=lambda: NOON), told.append)
    for _ in range(2):
        watcher.look_for_silence()
    watcher.close()
    assert [one.row.topic for one in told] == ["consumer"]
