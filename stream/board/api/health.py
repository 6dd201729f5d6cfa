"""`health`: how fresh all this is, and what is in trouble.

What other processes know (the lag, dead letters) is None where this one does not consume.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from typing_extensions import TypedDict

from stream import generations, metrics
from stream.board import queries
from stream.board.api.asks import Asks
from stream.board.api.endpoints import Asked, Endpoint
from stream.board.present import iso
from stream.database import Client

_PARTITIONS = """
SELECT kafka_partition, read_to, next_offset FROM progress FINAL
WHERE topic = {topic:String} AND kafka_partition < partitions
ORDER BY kafka_partition
SETTINGS max_execution_time = 10"""

_LAST_PASS = """
SELECT started_at, seconds, windows FROM passes ORDER BY started_at DESC LIMIT 1
SETTINGS max_execution_time = 10"""

_NEWEST = """
SELECT count(), max(window_start) FROM window_scores WHERE mentions > 0
SETTINGS max_execution_time = 10"""

# The last attempt of each notice of a week.
_DELIVERIES = """
SELECT countIf(last IN ('retry', 'retry_asked')), countIf(last IN ('gave_up', 'disabled'))
FROM (
    SELECT argMax(outcome, (attempt, attempted_at, outcome = 'retry_asked')) AS last
    FROM deliveries WHERE attempted_at > now64(3) - INTERVAL 7 DAY
    GROUP BY alert_id, step, transition, receiver)
SETTINGS max_execution_time = 10"""


class PartitionRow(TypedDict):
    """How far one partition was read, by the time of its records."""

    partition: int
    read_to: str
    next_offset: int


class DeadLetterCounts(TypedDict):
    """Messages of this process since it started that went to the DLQ."""

    count: int
    by_reason: dict[str, int]


class ModelFacts(TypedDict):
    """The analysis that is active."""

    name: str
    generation: int
    model_hash: str
    catalogue_hash: str
    matcher_version: int


class PassFacts(TypedDict):
    """The last pass that recomputed windows."""

    at: str
    seconds: float
    windows: int


class DeliveryCounts(TypedDict):
    """Notices of a week that wait for another attempt, and that never arrived."""

    open: int
    failed: int


class HealthAnswer(TypedDict):
    """`now` is the service's time and `behind_seconds` how far reading is behind it. `jobs` are the
    last successes of this process's jobs. `sweep_differences` are None before a first sweep."""

    now: str
    known_to: str | None
    read_to: str | None
    behind_seconds: float | None
    lag: int | None
    partitions: list[PartitionRow]
    newest_mention: str | None
    posts: int
    posts_per_second: float
    dead_letters: DeadLetterCounts | None
    model: ModelFacts | None
    last_pass: PassFacts | None
    jobs: dict[str, str]
    leader: bool
    deliveries: DeliveryCounts
    no_data: int
    sweep_differences: int | None
    rules_refused: str | None
    problems: list[str]


def health(asked: Asked, _: Asks) -> HealthAnswer:
    client, context = asked.client, asked.context
    stored = queries.stored(client, context.topic)
    jobs = {
        labels["job"]: iso(datetime.fromtimestamp(value, UTC))
        for labels, value in _samples(metrics.JOB_LAST_SUCCESS, "undertone_job_last_success")
    }
    lags = [value for _, value in _samples(metrics.LAG, "undertone_lag")]
    mentions, newest = client.query(_NEWEST).result_rows[0]
    open_, failed = client.query(_DELIVERIES).result_rows[0]
    differences = int(_value("undertone_sweep_differences"))
    behind = (asked.now - stored.data_to).total_seconds() if stored.data_to else None
    return {
        "now": iso(asked.now),
        "known_to": iso(asked.known_to) if asked.known_to else None,
        "read_to": iso(stored.data_to) if stored.data_to else None,
        "behind_seconds": max(0.0, behind) if behind is not None else None,
        "lag": int(sum(lags)) if lags else None,
        "partitions": _partitions(client, context.topic),
        "newest_mention": iso(newest) if mentions else None,
        "posts": stored.posts,
        "posts_per_second": stored.posts_per_second,
        "dead_letters": None if context.dead_letters() is None else _dead_letters(),
        "model": _model(client, context.model_name),
        "last_pass": _last_pass(client),
        "jobs": jobs,
        "leader": _value("undertone_leader") == 1,
        "deliveries": {"open": open_, "failed": failed},
        "no_data": int(_value("undertone_no_data_open")),
        "sweep_differences": differences if "sweep" in jobs else None,
        "rules_refused": context.rules_in_force().refused or None,
        "problems": [*context.healthy(), *context.ready()],
    }


def _partitions(client: Client, topic: str) -> list[PartitionRow]:
    rows = client.query(_PARTITIONS, parameters={"topic": topic}).result_rows
    return [
        {"partition": partition, "read_to": iso(read_to), "next_offset": offset}
        for partition, read_to, offset in rows
    ]


def _dead_letters() -> DeadLetterCounts:
    found = _samples(metrics.DEAD_LETTERS, "undertone_dead_letters_total")
    by_reason = {labels["reason"]: int(value) for labels, value in found if value}
    return {"count": sum(by_reason.values()), "by_reason": by_reason}


def _model(client: Client, name: str) -> ModelFacts | None:
    current = generations.active(client)
    if current is None:
        return None
    generation, analysis = current
    return {
        "name": name,
        "generation": generation,
        "model_hash": analysis.model_hash,
        "catalogue_hash": analysis.catalogue_hash,
        "matcher_version": analysis.matcher_version,
    }


def _last_pass(client: Client) -> PassFacts | None:
    rows = client.query(_LAST_PASS).result_rows
    if not rows:
        return None
    at, seconds, windows = rows[0]
    return {"at": iso(at), "seconds": round(seconds, 3), "windows": windows}


def _value(name: str) -> float:
    return metrics.REGISTRY.get_sample_value(name) or 0.0


def _samples(metric: Any, name: str) -> list[tuple[dict[str, str], float]]:
    return [
        (sample.labels, sample.value)
        for family in metric.collect()
        for sample in family.samples
        if sample.name == name
    ]


def partitions(asked: Asked, _: Asks) -> list[PartitionRow]:
    return _partitions(asked.client, asked.context.topic)


HEALTH = (
    Endpoint(
        "GET",
        "health",
        "How fresh everything is, and what is in trouble",
        Asks,
        HealthAnswer,
        health,
        of_range=True,
    ),
    Endpoint(
        "GET",
        "health/partitions",
        "How far each partition of the topic was read",
        Asks,
        list[PartitionRow],
        partitions,
    ),
)
