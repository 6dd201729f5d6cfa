"""The tables of alerts: what happened, who was told, what the detector knows. Each is one step."""

from __future__ import annotations

from stream.table_steps import Added, Step

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
    endpoint String,
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

DETECTOR_STATES = Step(
    name="009-detector-states",
    table="detector_states",
    columns="""
    rule LowCardinality(String),
    version LowCardinality(String),
    at DateTime('UTC'),
    brand LowCardinality(String),
    topic LowCardinality(String),
    first DateTime('UTC'),
    state String CODEC(ZSTD(1)),
    written_at DateTime64(6, 'UTC') DEFAULT now64(6)""",
    engine="ReplacingMergeTree(written_at)",
    clauses="""
PARTITION BY toDate(at)
ORDER BY (rule, version, at, brand, topic)
TTL at + INTERVAL 7 DAY""",
    shard_by="cityHash64(rule)",
)

ALERTS_OF_PEOPLE = Added(
    name="010-alerts-of-people",
    table="alerts",
    columns=(
        "kind LowCardinality(String) DEFAULT 'mood'",
        "reason LowCardinality(String)",
        "actor String",
        "comment String",
        "group_key String",
    ),
)

ALERTS_RECORDED = Added(
    name="011-alerts-recorded",
    table="alerts",
    columns=("recorded String CODEC(ZSTD(3))",),
)

SILENCES = Step(
    name="012-silences",
    table="silences",
    columns="""
    silence_id String,
    rule LowCardinality(String),
    brand LowCardinality(String),
    topic LowCardinality(String),
    starts_at DateTime64(3, 'UTC'),
    ends_at DateTime64(3, 'UTC'),
    actor String,
    comment String,
    written_at DateTime64(6, 'UTC') DEFAULT now64(6)""",
    engine="ReplacingMergeTree(written_at)",
    clauses="""
ORDER BY silence_id
TTL toDateTime(ends_at) + INTERVAL 400 DAY""",
    shard_by="cityHash64(silence_id)",
)

EXPECTATIONS = Step(
    name="013-expectations",
    table="expectations",
    columns="""
    rule LowCardinality(String),
    brand LowCardinality(String),
    topic LowCardinality(String),
    minute DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    expected_low Float32,
    expected_high Float32,
    anomaly_score Float32,
    written_at DateTime64(6, 'UTC') DEFAULT now64(6)""",
    engine="ReplacingMergeTree(written_at)",
    clauses="""
PARTITION BY toYYYYMM(minute)
ORDER BY (rule, brand, topic, minute)
TTL minute + INTERVAL {ttl_days} DAY""",
    shard_by="cityHash64(brand)",
)

# Rows of before were bands of 1.96 deviations to each side.
EXPECTED_MEANS = Added(
    name="015-expected-means",
    table="expectations",
    columns=(
        "expected Float32 DEFAULT (expected_low + expected_high) / 2",
        "expected_variance Float32 DEFAULT pow((expected_high - expected_low) / 3.92, 2)",
    ),
)

MODEL_REPORTS = Step(
    name="014-model-reports",
    table="model_reports",
    columns="""
    member String,
    trouble String,
    written_at DateTime64(6, 'UTC') DEFAULT now64(6)""",
    engine="ReplacingMergeTree(written_at)",
    clauses="""
ORDER BY member
TTL toDateTime(written_at) + INTERVAL 7 DAY""",
    shard_by="cityHash64(member)",
)
