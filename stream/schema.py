"""The tables as ordered, named DDL steps (DESIGN §3).

The same SQL runs embedded, on one server, and by ON CLUSTER on many: on a cluster every table is
a replicated local table behind a Distributed one of the plain name, sharded by
`cityHash64(source, post_id)` where FINAL must not have to merge across shards.
Applied steps are recorded in `schema_steps`, each in one row; a step never changes once released.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stream.database import Client

TTL_SLACK_DAYS = 7  # rows outlive the retention, so that no window recomputed loses its posts


@dataclass(frozen=True)
class Target:
    """Where the tables are made."""

    database: str
    retention_days: int
    cluster: str | None = None


@dataclass(frozen=True)
class Step:
    """One named statement; `table` and `shard_by` tell how it is spread over a cluster."""

    name: str
    table: str
    columns: str
    engine: str
    clauses: str
    shard_by: str = "rand()"


POSTS = Step(
    name="001-posts",
    table="posts",
    columns="""
    source LowCardinality(String),
    post_id String,
    created_at DateTime64(3, 'UTC'),
    updated_at Nullable(DateTime64(3, 'UTC')),
    kind LowCardinality(String),
    text String CODEC(ZSTD(3)),
    lang LowCardinality(String),
    author_id String,
    author_name String,
    followers UInt64,
    likes UInt64,
    shares UInt64,
    replies UInt64,
    rating Nullable(Float32),
    url String,
    text_hash UInt64,
    `mentions.brand` Array(LowCardinality(String)),
    `mentions.topics` Array(Array(LowCardinality(String))),
    `mentions.negative` Array(UInt16),
    `mentions.neutral` Array(UInt16),
    `mentions.positive` Array(UInt16),
    `mentions.score` Array(Int16),
    `mentions.spans` Array(Array(UInt32)),
    `mentions.estimated` Array(UInt8),
    generation UInt16,
    kafka_partition UInt32,
    kafka_offset UInt64,
    kafka_time DateTime64(3, 'UTC'),
    version UInt128,
    is_deleted UInt8,
    is_moved UInt8 DEFAULT 0,
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3),
    INDEX by_ingestion ingested_at TYPE minmax GRANULARITY 1""",
    engine="ReplacingMergeTree(version, is_deleted)",
    clauses="""
PARTITION BY toYYYYMM(created_at)
ORDER BY (toStartOfMinute(created_at), source, post_id)
TTL toDateTime(created_at) + INTERVAL {ttl_days} DAY""",
    shard_by="cityHash64(source, post_id)",
)

POST_KEYS = Step(
    name="002-post-keys",
    table="post_keys",
    # `created_at` is only the way in: the server's clock beside it decides who was first.
    columns="""
    source LowCardinality(String),
    post_id String,
    created_at DateTime64(3, 'UTC') EPHEMERAL,
    first SimpleAggregateFunction(min, Tuple(DateTime64(6, 'UTC'), DateTime64(3, 'UTC')))
        DEFAULT (now64(6), created_at)""",
    engine="AggregatingMergeTree",
    clauses="""
ORDER BY (source, post_id)
TTL toDateTime(tupleElement(first, 2)) + INTERVAL {ttl_days} DAY
SETTINGS index_granularity = 256""",
    shard_by="cityHash64(source, post_id)",
)

WINDOW_SCORES = Step(
    name="003-window-scores",
    table="window_scores",
    columns="""
    window_start DateTime('UTC'),
    brand LowCardinality(String),
    topic LowCardinality(String),
    source LowCardinality(String),
    lang LowCardinality(String),
    mentions Int64,
    negative Int64,
    neutral Int64,
    positive Int64,
    score_sum Int64,
    reach Int64,
    authors AggregateFunction(uniqExact, String),
    texts AggregateFunction(uniqExact, UInt64),
    negative_authors AggregateFunction(uniqExact, String),
    computed_at DateTime64(6, 'UTC')""",
    engine="ReplacingMergeTree(computed_at)",
    clauses="""
PARTITION BY toYYYYMM(window_start)
ORDER BY (brand, topic, window_start, source, lang)""",
    shard_by="cityHash64(brand)",
)

PASSES = Step(
    name="004-passes",
    table="passes",
    columns="""
    started_at DateTime64(6, 'UTC'),
    looked_back_to DateTime64(6, 'UTC'),
    moved UInt32,
    windows UInt32,
    seconds Float64""",
    engine="MergeTree",
    clauses="""
ORDER BY started_at
TTL toDateTime(started_at) + INTERVAL 30 DAY""",
)

PROGRESS = Step(
    name="005-progress",
    table="progress",
    columns="""
    topic LowCardinality(String),
    kafka_partition UInt32,
    partitions UInt32,
    read_to DateTime64(3, 'UTC'),
    next_offset UInt64,
    written_at DateTime64(6, 'UTC') DEFAULT now64(6)""",
    engine="ReplacingMergeTree(written_at)",
    clauses="""
ORDER BY (topic, kafka_partition)""",
    shard_by="kafka_partition",
)

MODEL_RUNS = Step(
    name="006-model-runs",
    table="model_runs",
    columns="""
    generation UInt16,
    model_hash String,
    catalogue_hash String,
    matcher_version UInt16,
    activated_at DateTime64(3, 'UTC') DEFAULT now64(3)""",
    engine="ReplacingMergeTree(activated_at)",
    clauses="""
ORDER BY generation""",
    shard_by="generation",
)

ALERTS = Step(
    name="007-alerts",
    table="alerts",
    columns="""
    alert_id String,
    step UInt32,
    transition LowCardinality(String),
    rule LowCardinality(String),
    brand LowCardinality(String),
    topic LowCardinality(String),
    state LowCardinality(String),
    severity LowCardinality(String),
    opened_at DateTime64(3, 'UTC'),
    changed_at DateTime64(3, 'UTC'),
    observed Float64,
    expected Float64,
    receivers Array(String),
    evidence String CODEC(ZSTD(3)),
    written_at DateTime64(6, 'UTC') DEFAULT now64(6)""",
    engine="ReplacingMergeTree(written_at)",
    clauses="""
ORDER BY (alert_id, step, transition)""",
    shard_by="cityHash64(alert_id)",
)

DELIVERIES = Step(
    name="008-deliveries",
    table="deliveries",
    columns="""
    alert_id String,
    step UInt32,
    transition LowCardinality(String),
    receiver LowCardinality(String),
    webhook_id String,
    attempt UInt16,
    outcome LowCardinality(String),
    status_code UInt16,
    reason String,
    seconds Float64,
    next_attempt_at DateTime64(3, 'UTC'),
    attempted_at DateTime64(3, 'UTC')""",
    engine="MergeTree",
    clauses="""
ORDER BY (alert_id, step, transition, receiver, attempt)
TTL toDateTime(attempted_at) + INTERVAL 400 DAY""",
    shard_by="cityHash64(alert_id)",
)

STEPS = (
    POSTS,
    POST_KEYS,
    WINDOW_SCORES,
    PASSES,
    PROGRESS,
    MODEL_RUNS,
    ALERTS,
    DELIVERIES,
)


def statements(step: Step, target: Target) -> list[str]:
    """The SQL of one step: one CREATE TABLE, or on a cluster the local and the Distributed one."""
    clauses = step.clauses.replace("{ttl_days}", str(target.retention_days + TTL_SLACK_DAYS))
    name = f"{target.database}.{step.table}"
    if target.cluster is None:
        return [
            f"CREATE TABLE IF NOT EXISTS {name} ({step.columns}\n)\nENGINE = {step.engine}{clauses}"
        ]
    on_cluster = f"ON CLUSTER '{target.cluster}'"
    local = (
        f"CREATE TABLE IF NOT EXISTS {name}_local {on_cluster} ({step.columns}\n)\n"
        f"ENGINE = {_replicated(step.engine)}{clauses}"
    )
    spread = (
        f"CREATE TABLE IF NOT EXISTS {name} {on_cluster} AS {name}_local\n"
        f"ENGINE = Distributed('{target.cluster}', {target.database}, {step.table}_local, "
        f"{step.shard_by})"
    )
    return [local, spread]


def preamble(target: Target) -> list[str]:
    """What must exist before the first step: the database and the record of applied steps."""
    on_cluster = f" ON CLUSTER '{target.cluster}'" if target.cluster else ""
    engine = _replicated("MergeTree") if target.cluster else "MergeTree"
    return [
        f"CREATE DATABASE IF NOT EXISTS {target.database}{on_cluster}",
        f"CREATE TABLE IF NOT EXISTS {target.database}.schema_steps{on_cluster} (\n"
        "    name String,\n    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)\n)\n"
        f"ENGINE = {engine}\nORDER BY name",
    ]


def pending(client: Client, target: Target) -> list[tuple[str, list[str]]]:
    """What is not applied yet, as (name, statements), in order; every step on an empty server."""
    exists = client.query(
        "SELECT count() FROM system.tables WHERE database = {db:String} AND name = 'schema_steps'",
        parameters={"db": target.database},
    )
    if not exists.result_rows[0][0]:
        return [(step.name, statements(step, target)) for step in STEPS]
    rows = client.query(f"SELECT name FROM {target.database}.schema_steps").result_rows
    applied = {str(name) for (name,) in rows}
    return [
        (step.name, statements(step, target)) for step in STEPS if step.name not in applied
    ] + _longer_or_shorter(client, target)


def apply(client: Client, target: Target) -> list[str]:
    """Apply what is pending, in order; returns the names. Running it twice changes nothing."""
    steps = pending(client, target)
    for sql in preamble(target) if steps else ():
        client.command(sql)
    for name, sqls in steps:
        for sql in sqls:
            client.command(sql)
        if any(step.name == name for step in STEPS):
            client.insert("schema_steps", [[name]], column_names=["name"], database=target.database)
    return [name for name, _ in steps]


def _longer_or_shorter(client: Client, target: Target) -> list[tuple[str, list[str]]]:
    """A changed retention: a TTL shorter than it would delete posts that are still wanted."""
    wanted = target.retention_days + TTL_SLACK_DAYS
    changes = []
    for step in (POSTS, POST_KEYS):
        table = f"{step.table}_local" if target.cluster else step.table
        rows = client.query(
            "SELECT create_table_query FROM system.tables "
            "WHERE database = {db:String} AND name = {table:String}",
            parameters={"db": target.database, "table": table},
        ).result_rows
        now = re.search(r"TTL (.*?) \+ toIntervalDay\((\d+)\)", str(rows[0][0])) if rows else None
        if now and int(now[2]) != wanted:
            on_cluster = f" ON CLUSTER '{target.cluster}'" if target.cluster else ""
            changes.append(
                (
                    f"retention of {step.table}: {now[2]} to {wanted} days",
                    [
                        f"ALTER TABLE {target.database}.{table}{on_cluster} MODIFY TTL {now[1]} "
                        f"+ INTERVAL {wanted} DAY"
                    ],
                )
            )
    return changes


def _replicated(engine: str) -> str:
    return engine if engine.startswith("Replicated") else f"Replicated{engine}"
