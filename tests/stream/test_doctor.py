"""What the doctor names beside what does not answer: keys, bad messages, an older generation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stream import generations
from stream.database import Client
from stream.doctor import check_all
from stream.embedded.path_lock import PathLock
from stream.settings import Alerts, ClickHouse, Kafka, Settings, load_settings
from tests.models.conftest import build
from tests.stream.consuming import post

ROOT = Path(__file__).parents[2]
Look = Callable[..., list[tuple[str, str]]]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def look(tiny: Path, kafka_settings: Kafka, clickhouse_settings: ClickHouse) -> Look:
    """What it says under one name, with its state."""
    usual: Settings = load_settings(
        None,
        brands={"file": ROOT / "config/brands.yaml"},
        alerts={"file": ROOT / "config/alerts.yaml"},
        model={"path": tiny},
    ).model_copy(update={"kafka": kafka_settings, "clickhouse": clickhouse_settings})

    def findings(name: str, **changed: object) -> list[tuple[str, str]]:
        found = check_all(lambda: usual.model_copy(update=changed))
        return [(one.state, one.says) for one in found if one.name == name]

    return findings


def test_other_keys_and_bad_messages_are_counted_and_named(
    look: Look, send: Callable[..., None]
) -> None:
    send(post(1), key=b"s:1")
    assert look("kafka")[-1] == ("ok", "the newest 1 messages keep the contract")
    send(post(2), post(3), key=b"other\x1b[2J")
    send(b"{")
    keys, bad = look("kafka")[-2:]
    assert keys[0] == bad[0] == "warn"
    assert keys[1].startswith("2 of the newest 4 messages have another key than source:post_id")
    assert "other\\x1b[2J instead of s:2" in keys[1]
    assert bad[1].startswith("1 of the newest 4 messages break the contract")
    assert "not_json" in bad[1]


def test_a_dlq_without_headroom_is_told(look: Look, kafka_settings: Kafka) -> None:
    assert {state for state, _ in look("kafka")} == {"ok"}
    swapped = {"topic": kafka_settings.dlq_topic, "dlq_topic": kafka_settings.topic}
    found = look("kafka", kafka=kafka_settings.model_copy(update=swapped))
    assert [says for state, says in found if state == "warn" and "max.message.bytes" in says]


def test_a_topic_that_would_make_several_leaders_is_told(look: Look, kafka_settings: Kafka) -> None:
    """Here the posts' own topic, of three partitions."""
    found = look("kafka", alerts=Alerts(leader_topic=kafka_settings.topic))
    assert [says for state, says in found if state == "fail"] == [
        f"topic {kafka_settings.topic}: 3 partitions would make 3 leaders: make it anew with one"
    ]


def test_a_configuration_that_is_not_the_active_one_is_told(look: Look, client: Client) -> None:
    """Before a consumer refuses to start with it."""
    assert look("clickhouse")[-1] == ("ok", "tables are up to date, generation none yet")
    generations.activate(client, generations.Analysis("another model", "another catalogue"))
    state, says = look("clickhouse")[-1]
    assert state == "fail" and "undertone activate" in says
    assert says.startswith("the model and brands.yaml changed since generation 1")


def test_a_database_that_a_running_service_holds_is_no_fault(look: Look, tmp_path: Path) -> None:
    with PathLock(tmp_path / "held"):
        [(state, says)] = look("clickhouse", clickhouse=ClickHouse(path=tmp_path / "held"))
    assert state == "warn" and "in use by process" in says
