"""The watcher's jobs: none is dropped for being late, none runs beside itself, each is heard of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from stream import metrics
from stream.clock import Clock
from stream.database import Client
from stream.errors import RetryLater
from stream.health import Health
from stream.jobs import Jobs
from stream.metrics import REGISTRY
from stream.rules import Rules
from stream.rules_file import RulesFile
from stream.settings import ClickHouse, Settings
from stream.watch import Watcher
from tests.stream.consuming import eventually
from tests.stream.speaking import World, quiet

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SOON = timedelta(milliseconds=50)


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def failures() -> list[BaseException]:
    return []


@pytest.fixture
def run(health: Health, failures: list[BaseException]) -> Iterator[Callable[..., Jobs]]:
    """Start one job of this name."""
    begun: list[Jobs] = []

    def start(name: str, work: Callable[[], None]) -> Jobs:
        jobs = Jobs(health, failures.append)
        jobs.every(name, SOON, work)
        jobs.start()
        begun.append(jobs)
        return jobs

    yield start
    for jobs in begun:
        jobs.stop()


def last_success(job: str) -> float:
    return metrics.REGISTRY.get_sample_value("undertone_job_last_success", {"job": job}) or 0.0


def test_a_late_run_is_made_up_for_once_and_never_dropped(run: Callable[..., Jobs]) -> None:
    """APScheduler's own defaults drop a run that is a second late."""
    job = run("late", lambda: None)._scheduler.get_job("late")
    assert job.misfire_grace_time is None
    assert job.coalesce is True and job.max_instances == 1
    assert job.trigger.timezone is UTC


def test_a_slow_job_never_runs_beside_itself(run: Callable[..., Jobs]) -> None:
    inside, most, turns = [0], [0], [0]

    def work() -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.15)  # three intervals
        inside[0] -= 1
        turns[0] += 1

    run("slow", work)
    eventually(lambda: turns[0] >= 3)
    assert most == [1]


def test_a_job_that_must_wait_is_a_problem_until_it_succeeds(
    run: Callable[..., Jobs], health: Health
) -> None:
    back = threading.Event()

    def work() -> None:
        if not back.is_set():
            raise RetryLater("ClickHouse does not answer")

    run("waits", work)
    eventually(lambda: health.problems() == ["waits: ClickHouse does not answer"])
    assert last_success("waits") == 0
    began = time.time()
    back.set()
    eventually(lambda: health.problems() == [])
    eventually(lambda: last_success("waits") >= began - 1)


def test_a_job_that_fails_for_good_is_told_to_the_service(
    run: Callable[..., Jobs], failures: list[BaseException]
) -> None:
    def work() -> None:
        raise ValueError("a mistake of ours")

    run("broken", work)
    eventually(lambda: bool(failures))
    assert str(failures[0]) == "a mistake of ours"


def test_the_client_of_the_windows_waits_longer_than_a_pass_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else it gives up on a long pass that the server then ends in vain, again and again."""
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "stream.database.clickhouse_connect.get_client", lambda **options: asked.append(options)
    )
    settings = Settings().model_copy(
        update={"clickhouse": Settings().clickhouse.model_copy(update={"interface": "http"})}
    )
    Watcher(settings, Rules(), Clock.of_wall())
    assert asked[0]["send_receive_timeout"] > settings.windows.time_limit.total_seconds()


def test_edited_rules_hold_without_a_restart_and_wrong_ones_never(
    client: Client, clickhouse_settings: ClickHouse, tmp_path: Path
) -> None:
    path = tmp_path / "alerts.yaml"
    path.write_text("rules: [{name: a}]")
    world = World(client, clickhouse_settings)
    world.say(quiet(NOON - timedelta(hours=20), NOON), NOON)
    world.read_to(NOON + timedelta(hours=1))
    clock = Clock.of_wall()
    clock.wall = lambda: NOON
    watcher = Watcher(world.settings, RulesFile(path), clock)
    judging = "SELECT DISTINCT rule FROM detector_states WHERE at > {since:DateTime}"

    def judged_by(moment: datetime) -> set[str]:
        clock.wall = lambda: moment
        watcher.recompute_and_judge()
        since = {"since": moment - timedelta(hours=4)}
        return {row[0] for row in client.query(judging, parameters=since).result_rows}

    try:
        assert judged_by(NOON) == {"a"}
        path.write_text("rules: [{name: a}, {name: another}]")
        assert judged_by(NOON + timedelta(minutes=1)) == {"a", "another"}
        path.write_text("rules: [{name: a}, {name: another, granularity: 7m}]")
        with capture_logs() as logs:
            assert judged_by(NOON + timedelta(minutes=2)) == {"a", "another"}
            assert judged_by(NOON + timedelta(minutes=3)) == {"a", "another"}
        (refused,) = (log for log in logs if log["event"] == "rules.refused")  # told once
        assert "alerts.yaml:1: rules[1].granularity" in refused["reason"]
        assert REGISTRY.get_sample_value("undertone_rules_refused") == 1
        path.write_text("rules: [{name: a}]")
        judged_by(NOON + timedelta(minutes=4))
        assert REGISTRY.get_sample_value("undertone_rules_refused") == 0
    finally:
        watcher.close()
