"""Runs side by side on one broker and one database: a topic, a group and tables for each."""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx
from kafka import KafkaProducer

from stream import kafka, schema
from stream.database import connect
from stream.windows import run_pass
from tests.chaos.actions import CLOCKS, Send, moved
from tests.chaos.compare import Verdict
from tests.chaos.plan import RETENTION, START, plan
from tests.e2e.processes import samples
from tests.faults.cluster import Cluster, Role
from tests.faults.group import Group

# Of a plan, what means the same whenever it is read, all of a post under its own key.
KINDS = ("produce", "edit", "duplicate", "delete", "out_of_order", "redate", "bad")
_OLDEST, _LATEST = START - timedelta(days=30), START + timedelta(days=365)

_numbers = count(1)


def apart(cluster: Cluster, **kafka_settings: int) -> Cluster:
    """A cluster of the same broker and database, but with a topic, a group and tables of its own.

    `kafka_settings`: `partitions`. Its processes end with those of the first.
    """
    name = f"run_{next(_numbers)}"
    other = copy.copy(cluster)
    own = {"topic": name, "dlq_topic": f"{name}.dlq", "group_id": name, **kafka_settings}
    other.kafka = cluster.kafka.model_copy(update=own)
    other.clickhouse = cluster.clickhouse.model_copy(update={"database": name})
    other.group = Group(other.kafka)
    other.deployment = copy.copy(cluster.deployment)
    other.deployment.environment = {
        **cluster.deployment.environment,
        **{f"UNDERTONE_KAFKA__{field.upper()}": str(value) for field, value in own.items()},
        "UNDERTONE_CLICKHOUSE__DATABASE": name,
    }
    kafka.create_topics(other.kafka)
    with connect(other.clickhouse, "") as client:
        schema.apply(client, schema.Target(name, RETENTION.days))
    other.activate(1)
    return other


def judged(cluster: Cluster) -> Verdict:
    """The oracle's verdict after two window passes, made here instead of by a watcher."""
    with connect(cluster.clickhouse) as client:
        for _ in range(2):
            run_pass(
                client,
                now=datetime.now(UTC),
                margin=timedelta(minutes=10),
                retention=RETENTION,
                limit=timedelta(minutes=1),
            )
    return cluster.verdict()


def load(seed: int, number: int, kinds: Collection[str] = KINDS) -> list[Send]:
    """This many messages of a chaos plan, moved in time so that the last was written just now."""
    found: list[Send] = []
    size = 2 * number
    while len(found) < number:
        size *= 2
        found = [
            one
            for one in plan(seed, size)
            if isinstance(one, Send)
            and one.kind in kinds
            and all(_OLDEST <= time <= _LATEST for time in _clocks(one))
        ]
    last = max(time for one in found[:number] for time in _clocks(one))
    by = datetime.now(UTC) - timedelta(seconds=1) - last
    return [replace(one, value=moved(one.value, by)) for one in found[:number]]


def send(cluster: Cluster, messages: Iterable[Send]) -> int:
    """Put all into the topic, each post into the partition of its key; their number."""
    producer = KafkaProducer(bootstrap_servers=cluster.kafka.bootstrap_servers)
    try:
        sent = [
            producer.send(
                cluster.kafka.topic,
                None if one.value is None else one.value.encode(),
                one.key.encode(),
            )
            for one in messages
        ]
        for future in sent:
            future.get(30)
    finally:
        producer.close(timeout=10)
    return len(sent)


def messages_read(role: Role) -> float:
    """How many messages a consumer has begun to work on; 0 where it does not answer."""
    with suppress(httpx.HTTPError):
        return sum(samples(role.port, "undertone_messages_total"))
    return 0


def _clocks(one: Send) -> list[datetime]:
    if one.kind == "bad" or one.value is None:
        return [START]
    value = json.loads(one.value)
    return [datetime.fromisoformat(value[name]) for name in CLOCKS if name in value] or [START]
