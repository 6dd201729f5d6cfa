"""The installation that fault tests hit: it works when nobody hits it, and its judge can fail."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaProducer

from stream.database import connect
from tests.chaos.actions import Send
from tests.chaos.plan import plan
from tests.e2e.processes import wait_for
from tests.faults.cluster import Cluster

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as running:
        yield running


def send(cluster: Cluster, number: int) -> None:
    producer = KafkaProducer(bootstrap_servers=cluster.kafka.bootstrap_servers)
    for one in plan(1, number):
        if isinstance(one, Send):
            value = None if one.value is None else one.value.encode()
            key = one.key.encode()
            producer.send(cluster.kafka.topic, value, key, partition=one.partition)
    producer.flush(30)
    producer.close()


def test_what_members_and_the_watcher_make_is_what_the_oracle_expects(cluster: Cluster) -> None:
    """With one member that kills itself in the middle of an insert. A lost row fails."""
    dying = cluster.member(UNDERTONE_TEST_KILL_AT="mid_insert")
    watcher = cluster.watcher()
    wait_for(lambda: dying.ready and watcher.ready, 60, cluster.deployment.logs)
    send(cluster, 300)
    assert dying.wait() == -signal.SIGKILL, cluster.deployment.logs()
    assert cluster.group.evict(dying.client) == 1
    member = cluster.member()
    cluster.drain()
    found = cluster.verdict()
    assert found.status == "PASS", str(found)
    assert member.stop() == 0 and watcher.stop() == 0, cluster.deployment.logs()
    with connect(cluster.clickhouse) as client:
        client.command("DELETE FROM posts WHERE post_id = (SELECT max(post_id) FROM posts FINAL)")
    assert cluster.verdict().status == "FAIL"
    cluster.database.kill()
    assert cluster.verdict().status == "UNVERIFIED"
