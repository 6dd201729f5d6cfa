"""T7: answers of the database are lost, so that what was done is done again.

With real processes: a TCP proxy stands before the HTTP front over embedded ClickHouse.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.processes import wait_for
from tests.faults.cluster import Cluster
from tests.faults.proxy import Proxy
from tests.faults.traffic import Traffic

pytestmark = pytest.mark.timeout(300)

_LATE = 4.0  # seconds in each direction: longer than the client waits (2 s and 5 s beyond)


def answers_lost(directory: Path, posts: int, least: int, late_for: float) -> None:
    """The answers to 20 % of the inserts are lost while posts flow. Then for a while every answer
    comes after the client has given up, and what it gave up is inserted all the same."""
    limits = {
        "UNDERTONE_CLICKHOUSE__INSERT_TIMEOUT": "2s",
        "UNDERTONE_CLICKHOUSE__QUERY_TIMEOUT": "2s",
        "UNDERTONE_KAFKA__BATCH_POSTS": "16",
    }
    with (
        Cluster(directory, **limits) as cluster,
        Proxy(("127.0.0.1", cluster.clickhouse.port)) as proxy,
    ):
        logs = cluster.deployment.logs
        behind = {"UNDERTONE_CLICKHOUSE__PORT": str(proxy.port)}
        roles = [cluster.member(**behind), cluster.watcher(**behind)]
        wait_for(lambda: all(role.ready for role in roles), 60, logs)
        traffic = Traffic(cluster.kafka)
        proxy.drop_answers(0.2, seed=7, to=b"INSERT")
        traffic.send(posts)
        wait_for(lambda: cluster.group.lag() == 0, posts, logs)
        wait_for(lambda: proxy.counts["answers lost"] >= least, 60, logs)
        proxy.delay(_LATE)
        traffic.send(50)
        time.sleep(late_for)
        proxy.heal()
        cluster.drain()
        assert str(cluster.verdict()) == "PASS"
        assert [role.stop() for role in roles] == [0, 0], logs()


def test_inserts_whose_answers_are_lost_count_once(tmp_path: Path) -> None:
    """Short form of the test below: 150 posts instead of 6,000, at least 5 answers lost instead
    of 200, late answers for 8 s instead of 60."""
    answers_lost(tmp_path, posts=150, least=5, late_for=8)


@pytest.mark.faults
@pytest.mark.timeout(3000)
def test_thousands_of_inserts_of_which_a_fifth_loses_its_answer_count_once(tmp_path: Path) -> None:
    """Answers to 20 % of the inserts are lost, and for a minute all come too late: no duplicate
    under FINAL, and the windows are the oracle's."""
    answers_lost(tmp_path, posts=6000, least=200, late_for=60)
