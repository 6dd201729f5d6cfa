"""The tables: made once, in named steps, embedded and on a cluster alike."""

from __future__ import annotations

import re

import pytest

from stream import schema, tables
from stream.database import connect
from stream.errors import StopService
from stream.settings import ClickHouse
from stream.table_steps import Added, Step

DESIGNED = {
    "posts": "source post_id created_at kind text lang author_id rating url mentions.brand "
    "mentions.topics mentions.negative mentions.neutral mentions.positive mentions.score version "
    "is_deleted ingested_at",
    "window_scores": "window_start brand topic source lang mentions negative neutral positive "
    "score_sum reach computed_at",
    "alerts": "alert_id rule brand topic state severity opened_at changed_at observed expected "
    "evidence",
}


def test_applying_twice_changes_nothing(clickhouse_settings: ClickHouse) -> None:
    client = connect(clickhouse_settings)
    target = schema.Target(clickhouse_settings.database, retention_days=400)
    assert schema.pending(client, target) == []
    assert schema.apply(client, target) == []
    client.close()


def test_the_columns_others_script_against_are_there(clickhouse_settings: ClickHouse) -> None:
    client = connect(clickhouse_settings)
    for table, columns in DESIGNED.items():
        found = {row[0] for row in client.query(f"DESCRIBE TABLE {table}").result_rows}
        assert set(columns.split()) <= found
    client.close()


def test_a_changed_retention_moves_the_ttl(clickhouse_settings: ClickHouse) -> None:
    """Else a longer retention would be promised and the posts deleted all the same."""
    client = connect(clickhouse_settings)
    longer = schema.Target(clickhouse_settings.database, retention_days=5000)
    assert len(schema.apply(client, longer)) == 3  # posts, their keys, what was expected of them
    assert schema.pending(client, longer) == []
    table = client.query(
        "SELECT create_table_query FROM system.tables "
        "WHERE name = 'posts' AND database = {d:String}",
        parameters={"d": clickhouse_settings.database},
    ).result_rows[0][0]
    assert "toIntervalDay(5007)" in table
    client.close()


def test_on_a_cluster_every_table_is_replicated_and_spread() -> None:
    target = schema.Target("undertone", 400, cluster="main")
    for step in tables.STEPS:
        if not isinstance(step, Step):
            continue
        local, spread = schema.statements(step, target)
        assert f"{step.table}_local ON CLUSTER 'main'" in local
        assert re.search(r"ENGINE = Replicated\w*MergeTree", local)
        assert spread.endswith(f"{step.table}_local, {step.shard_by})")
    for step in (tables.POSTS, tables.POST_KEYS):
        assert step.shard_by == "cityHash64(source, post_id)"  # FINAL never merges across shards
    assert "ON CLUSTER 'main'" in schema.preamble(target)[0]


def test_a_column_added_later_is_added_to_the_local_and_to_the_spread_table() -> None:
    step = Added("999-more", "alerts", ("kind String", "actor String"))
    local, spread = schema.statements(step, schema.Target("undertone", 400, cluster="main"))
    assert local.startswith("ALTER TABLE undertone.alerts_local ON CLUSTER 'main'")
    assert spread.startswith("ALTER TABLE undertone.alerts ON CLUSTER 'main'")
    for sql in (local, spread):
        assert "ADD COLUMN IF NOT EXISTS kind String,\n" in sql
        assert sql.endswith("ADD COLUMN IF NOT EXISTS actor String")


def test_step_names_are_ordered_and_unique() -> None:
    names = [step.name for step in tables.STEPS]
    assert names == sorted(set(names))


def test_what_the_server_refuses_is_told_in_one_line(clickhouse_settings: ClickHouse) -> None:
    client = connect(clickhouse_settings)
    target = schema.Target("elsewhere", retention_days=400, cluster="nowhere")
    with pytest.raises(StopService, match="nowhere") as refused:
        schema.apply(client, target)
    client.close()
    assert "\n" not in str(refused.value)
