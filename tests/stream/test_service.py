"""The parts of one process held together: what ends for good ends the service, with a reason."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from stream import metrics, schema, service
from stream.clock import Clock
from stream.database import Client
from stream.errors import RetryLater, StopService
from stream.health import Health
from stream.retry import Patience
from stream.running import Running
from stream.service import embedded_broker, prepare_database, reachable
from stream.settings import ClickHouse, Kafka, Settings


def test_a_broker_of_ours_that_was_killed_stops_the_service(tmp_path: Path) -> None:
    """It would not come back; started again, the service starts it again."""
    given = Settings().model_copy(update={"kafka": Kafka(path=tmp_path, port=0)})
    with embedded_broker(given) as (settings, check):
        assert reachable(given.kafka) == settings.kafka  # as another process finds it
        running = Running(settings, Clock.of_wall(), threading.Event(), check)
        check()
        os.killpg(json.loads((tmp_path / "broker.pid").read_text())["pid"], signal.SIGKILL)
        with pytest.raises(StopService, match="broker ended with exit code -9"):
            running.wait()
        assert reachable(given.kafka) is None


def test_the_first_failure_of_a_part_stops_all_and_is_raised() -> None:
    running = Running(Settings(), Clock.of_wall(), threading.Event())

    def fail() -> None:
        raise StopService("the DLQ cannot be written")

    running.start("consumer", fail)
    running.wait()
    running.end()
    with pytest.raises(StopService, match="DLQ"):
        running.raise_failure()


def test_a_database_that_goes_away_while_a_start_asks_for_its_schema_is_waited_for(
    clickhouse_settings: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a fake at the store's edge: the connection was made, and is lost at the first question."""
    answers = [RetryLater("ClickHouse: Connection reset by peer"), None]

    def apply(_client: Client, _target: schema.Target) -> None:
        if answer := answers.pop(0):
            raise answer

    monkeypatch.setattr(schema, "apply", apply)
    settings = Settings().model_copy(update={"clickhouse": clickhouse_settings})
    prepare_database(settings, Patience(threading.Event(), Health()))
    assert not answers


def test_the_address_given_is_the_broker_that_is_reached() -> None:
    given = Kafka(bootstrap_servers="kafka:9092")
    assert reachable(given) == given


def test_the_hit_rate_of_the_cache_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = SimpleNamespace(scored=0, cache_hits=0, why="", backend=SimpleNamespace(name="fake"))
    monkeypatch.setattr(service, "load_classifier", lambda *_, **__: loaded)
    service.load_scorer(Settings())
    loaded.scored, loaded.cache_hits = 3, 4  # asked at each look
    names = ("undertone_passages_scored_total", "undertone_passages_known_total")
    assert [metrics.REGISTRY.get_sample_value(name) for name in names] == [3, 4]
