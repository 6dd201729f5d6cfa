"""A consumer that can go no further says so, and commits nothing past where it stands (T16, T17).

Real processes with the shipped settings: an embedded broker, embedded ClickHouse behind its HTTP
front, `undertone consume` with a pure scorer.
"""

from __future__ import annotations

import time

import httpx
import pytest

from tests.chaos.actions import Send
from tests.e2e.processes import wait_for
from tests.faults.cluster import Cluster, Role
from tests.faults.runs import apart, load, send

pytestmark = pytest.mark.timeout(300)


def said(role: Role, cluster: Cluster) -> list[str]:
    """What a process that has ended said in the end: the lines that are no log records."""
    (log,) = [
        file for file in cluster.deployment.directory.glob("*.log") if file.stem == role.client
    ]
    return [line for line in log.read_text().splitlines() if not line.startswith("{")]


def is_ready_no_more(role: Role) -> bool:
    """Readiness is 503, or nobody answers any more."""
    try:
        return httpx.get(f"http://127.0.0.1:{role.port}/readyz", timeout=2).status_code == 503
    except httpx.HTTPError:
        return not role.alive


@pytest.mark.faults
def test_without_a_dlq_topic_nothing_past_a_bad_message_is_committed(shared: Cluster) -> None:
    """The DLQ topic is not there: 0 offsets committed past the bad message; not ready and stopped
    <= 30 s; one line that says why. Marks of T16; short forms in tests/stream/test_dead_letters.py.

    The embedded broker makes every topic that is asked for, so the answer about this one is changed
    at the edge of the producer's client.
    """
    cluster = apart(shared, partitions=1)
    consumer = cluster.member(UNDERTONE_TEST_NO_TOPIC=cluster.kafka.dlq_topic)
    wait_for(lambda: consumer.ready, 60, cluster.deployment.logs)
    good = send(cluster, load(1, 50, kinds=["produce"]))
    wait_for(lambda: cluster.group.lag() == 0, 60, cluster.deployment.logs)
    send(cluster, [Send("bad", 0, "no key", "{"), *load(1, 20, kinds=["produce"])])
    began = time.monotonic()
    wait_for(lambda: is_ready_no_more(consumer), 30, cluster.deployment.logs)
    assert consumer.wait(60) == 1
    assert time.monotonic() - began <= 30
    (line,) = said(consumer, cluster)
    assert f"DLQ topic {cluster.kafka.dlq_topic} cannot be written" in line
    assert cluster.group.offsets()[0][0] == good


def test_a_topic_of_bad_messages_stops_the_consumer_and_stays_where_it_is(shared: Cluster) -> None:
    """100 % bad input: it stops by itself with exit code 1 and one line that says why, <= 1,000
    messages diverted, none of the others committed. Marks of T17."""
    cluster = apart(shared)
    bad = [Send("bad", 0, f"key {number}", "{") for number in range(2000)]
    send(cluster, bad)
    consumer = cluster.member()
    assert consumer.wait(60) == 1, cluster.deployment.logs()
    (line,) = said(consumer, cluster)
    assert "100% of the last" in line and "break the contract" in line
    committed = sum(committed for committed, _ in cluster.group.offsets().values())
    assert committed <= len(set(cluster.dead_letters())) <= 1000
