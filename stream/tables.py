"""The tables themselves (DESIGN §3): columns, engines, keys. Each is one named step.

A step never changes once released; what comes later is a step of its own.
"""

from __future__ import annotations

from stream.alert_tables import (
    ALERTS,
    ALERTS_OF_PEOPLE,
    ALERTS_RECORDED,
    DELIVERIES,
    DETECTOR_STATES,
    EXPECTATIONS,
    EXPECTED_MEANS,
    MODEL_REPORTS,
    SILENCES,
)
from stream.table_steps import Added, Step

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

STEPS: tuple[Step | Added, ...] = (
    POSTS,
    POST_KEYS,
    WINDOW_SCORES,
    PASSES,
    PROGRESS,
    MODEL_RUNS,
    ALERTS,
    DELIVERIES,
    DETECTOR_STATES,
    ALERTS_OF_PEOPLE,
    ALERTS_RECORDED,
    SILENCES,
    EXPECTATIONS,
    MODEL_REPORTS,
    EXPECTED_MEANS,
)
