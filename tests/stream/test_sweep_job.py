"""The sweep each night and by command: it reports, and repairs only where it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import partial

import pytest
import structlog

from stream import metrics
from stream.clock import Clock
from stream.database import Client
from stream.errors import RetryLater
from stream.health import Health
from stream.jobs import Jobs
from stream.rules import Rules
from stream.settings import ClickHouse, Settings, Windows
from stream.store import Store
from stream.watch import Watcher
from tests.stream.calling import Call
from tests.stream.consuming import eventually
from tests.stream.sweeping import alter, no_pause, stored, swept  # noqa: F401 - fixtures
from tests.stream.test_windows import NOON, row


@pytest.fixture
def watcher(clickhouse_settings: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watcher]:
    monkeypatch.setattr(Settings, "window_margin", timedelta(0))
    at_six = Clock(start=NOON + timedelta(hours=6))
    watcher = Watcher(Settings(clickhouse=clickhouse_settings), Rules(), at_six)
    yield watcher
    watcher.close()


def gauge() -> float | None:
    return metrics.REGISTRY.get_sample_value("undertone_sweep_differences")


@pytest.mark.usefixtures("swept")
def test_the_job_reports_what_differs_and_repairs_nothing(client: Client, watcher: Watcher) -> None:
    with structlog.testing.capture_logs() as logs:
        watcher.sweep(threading.Event())
    assert gauge() == 0 and logs[0]["event"] == "sweep.agreed"
    alter(client, mentions="99")
    before = stored(client)
    with structlog.testing.capture_logs() as logs:
        watcher.sweep(threading.Event())
    assert gauge() == 2
    assert logs[0]["event"] == "sweep.differed" and logs[0]["log_level"] == "warning"
    assert "Acme / all / s / en: mentions 99 stored, 2 due" in logs[0]["first"][0]
    assert stored(client) == before


def test_the_nightly_job_waits_for_its_time_and_is_well_until_then() -> None:
    health, ran = Health(), threading.Event()
    jobs = Jobs(health, lambda _: None)
    jobs.nightly("sweep", time(3, 17), ran.set)
    jobs.start()
    job = jobs._scheduler.get_job("sweep")
    assert (job.next_run_time.hour, job.next_run_time.minute) == (3, 17)
    assert job.next_run_time.tzinfo is UTC and job.next_run_time > datetime.now(UTC)
    assert job.misfire_grace_time is None and job.coalesce is True and job.max_instances == 1
    assert health.problems() == [] and not ran.is_set()
    jobs.stop()


def test_a_night_that_failed_is_made_up_for_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stream.jobs._RETRY_NIGHTLY", timedelta(milliseconds=50))
    health, failures, turns = Health(), list[BaseException](), list[int]()

    def run() -> None:
        turns.append(1)
        if len(turns) == 1:
            raise RetryLater("ClickHouse does not answer")

    jobs = Jobs(health, failures.append)
    jobs.nightly("night", time(3, 17), run)
    jobs.start()
    jobs._scheduler.modify_job("night", next_run_time=datetime.now(UTC))
    eventually(lambda: len(turns) == 2)
    eventually(lambda: health.problems() == [])
    assert jobs._scheduler.get_job("night").next_run_time.minute == 17
    assert failures == []
    jobs.stop()


def test_a_run_that_is_seldom_is_made_up_for_before_its_next_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stream.jobs._RETRY", timedelta(milliseconds=50))
    health, turns = Health(), list[datetime]()

    def run() -> None:
        turns.append(datetime.now(UTC))
        if len(turns) == 1:
            raise RetryLater("ClickHouse does not answer")

    jobs = Jobs(health, lambda _: None)
    jobs.every("hourly", timedelta(hours=1), run)
    jobs.start()
    eventually(lambda: len(turns) == 2)
    eventually(lambda: health.problems() == [])
    next_turn = jobs._scheduler.get_job("hourly").next_run_time
    assert next_turn > turns[1] + timedelta(minutes=59)
    jobs.stop()


@pytest.mark.parametrize("nightly", [False, True])
def test_a_run_that_fails_while_its_end_is_waited_for_hinders_no_end(nightly: bool) -> None:
    begun, fail = threading.Event(), threading.Event()

    def run() -> None:
        begun.set()
        fail.wait(30)
        raise RetryLater("ClickHouse does not answer")

    jobs = Jobs(Health(), lambda _: None)
    if nightly:
        jobs.nightly("job", time(3, 17), run)
    else:
        jobs.every("job", timedelta(hours=1), run)
    jobs.start()
    jobs._scheduler.modify_job("job", next_run_time=datetime.now(UTC))
    assert begun.wait(30)
    ending = threading.Thread(target=jobs.stop, daemon=True)
    ending.start()
    ending.join(0.2)  # it waits by now
    fail.set()
    ending.join(30)
    assert not ending.is_alive()


@pytest.mark.parametrize(
    ("given", "means"),
    [
        ("03:17", time(3, 17)),
        ("23:59", time(23, 59)),
        ("off", None),
        (False, None),
        (797, time(13, 17)),  # what YAML makes of an unquoted 13:17
    ],
)
def test_the_time_of_the_sweep_is_read_as_it_was_meant(given: object, means: time | None) -> None:
    assert Windows.model_validate({"sweep": given}).sweep == means


@pytest.mark.parametrize("given", ["24:00", "3", "nightly", True, -1, 1440, 3.5])
def test_a_wrong_time_of_the_sweep_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="looks like 03:17"):
        Windows.model_validate({"sweep": given})


# The command


@pytest.fixture
def call(on_database: Call, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run `undertone verify` on the test's database."""
    monkeypatch.setattr("stream.cli.verify_commands.stop_on_signals", threading.Event)
    monkeypatch.setattr(Settings, "window_margin", timedelta(0))
    return partial(on_database, "verify")


@pytest.mark.usefixtures("swept")
def test_the_command_finds_repairs_and_then_agrees(call: Call, client: Client) -> None:
    code, out, _ = call()
    assert code == 0 and "3 windows" in out and "none differ" in out
    alter(client, mentions="99")
    code, out, _ = call()
    assert code == 1 and "2026-11-24T12:00Z Acme / all / s / en: mentions 99 stored, 2 due" in out
    code, out, _ = call("--json", "--from", "2026-11-24T12:03Z", "--to", "2026-11-24T20:04+08:00")
    found = json.loads(out)
    assert code == 1 and found["differing"] == found["left"] == 1
    assert found["start"] == "2026-11-24T12:03:00Z" and found["until"] == "2026-11-24T12:04:00Z"
    assert found["differences"]["first"] == [
        {
            "window_start": "2026-11-24T12:03:00Z",
            "brand": "Acme",
            "topic": "",
            "source": "s",
            "lang": "en",
            "column": "mentions",
            "stored": 99,
            "expected": 1,
        }
    ]
    code, out, _ = call("--repair")
    assert code == 0 and "2 windows repaired, 0 findings left" in out
    assert call()[0] == 0


@pytest.mark.usefixtures("swept")
def test_the_command_says_what_is_pending(call: Call, store: Store) -> None:
    store.insert([row("9")])
    code, out, _ = call()
    assert code == 0 and "1 minutes not compared" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from", "yesterday"], "--from yesterday: give a time like"),
        (["--to", "2026-11-24T12:00:30Z"], "whole minute"),
        (["--from", "2026-11-24", "--to", "2026-11-24"], "is not after"),
        (["--to", "1999-01-01"], "frozen"),
    ],
)
def test_a_wrong_range_is_refused(call: Call, arguments: list[str], says: str) -> None:
    code, _, err = call(*arguments)
    assert code == 2 and says in err


def test_a_database_without_tables_is_told(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERTONE_CLICKHOUSE__DATABASE", "nowhere")
    code, _, err = call()
    assert code == 1 and "schema --apply" in err
