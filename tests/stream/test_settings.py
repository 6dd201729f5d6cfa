"""Settings: environment over file over defaults, and mistakes named with their place."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from stream.errors import UsageError
from stream.settings import Settings, load_settings, parse_duration

SHIPPED = Path(__file__).parents[2] / "config/undertone.yaml"


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "u.yaml"
    file.write_text("kafka: {topic: from_file, group_id: from_file}", encoding="utf-8")
    monkeypatch.setenv("UNDERTONE_KAFKA__TOPIC", "from_environment")
    settings = load_settings(file)
    assert settings.kafka.topic == "from_environment"
    assert settings.kafka.group_id == "from_file"


def test_the_shipped_file_holds_every_default() -> None:
    assert load_settings(SHIPPED) == load_settings(None)
    written = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    for part in Settings.model_fields:
        assert part in written


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kafka: {topik: x}", "kafka.topik"),
        ("kafka: {batch_age: soon}", "500ms"),
        ("kafka: {batch_posts: 0}", "kafka.batch_posts"),
        ("retention: {posts: 30000d}", "retention.posts"),
        ("clickhouse: {database: 'a; DROP'}", "clickhouse.database"),
        ("- a", "not a YAML mapping"),
        ("{", "not a YAML mapping"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_field_and_the_file(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "u.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_settings(file)
    assert says in str(caught.value) and "u.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_names_the_fix(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"copy config/undertone\.yaml"):
        load_settings(tmp_path / "none.yaml")


def test_settings_are_frozen_and_hide_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERTONE_CLICKHOUSE__PASSWORD", "canary-1")
    monkeypatch.setenv("UNDERTONE_KAFKA__SASL_PASSWORD", "canary-2")
    settings = load_settings()
    assert "canary" not in repr(settings) and "canary" not in settings.model_dump_json()
    with pytest.raises(ValueError, match="frozen"):
        settings.kafka.topic = "other"  # type: ignore[misc]


def test_durations_are_written_as_people_do() -> None:
    assert parse_duration("500ms") == timedelta(milliseconds=500)
    assert parse_duration("400d") == timedelta(days=400)
    assert parse_duration(2) == timedelta(seconds=2)


def test_windows_look_back_twice_the_longest_insert() -> None:
    settings = load_settings(None, clickhouse={"insert_timeout": "7s"})
    assert settings.window_margin == timedelta(seconds=14)
