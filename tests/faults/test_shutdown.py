"""A consumer told to end in the middle of its work ends soon, cleanly, and leaves nothing (T22).

Real processes: an embedded broker, embedded ClickHouse behind its HTTP front, `undertone consume`
with a pure scorer. A duplicate in flight is a message that is stored but not committed when the
process has gone: it will be read again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping

import pytest

from stream.database import connect
from tests.e2e.processes import wait_for
from tests.faults.cluster import Cluster
from tests.faults.runs import apart, judged, load, messages_read, send

BATCH = 32
WITHIN = 25  # seconds
_A_TURN = 120  # messages that come for each start; more than are read before the next end
_HANGS = {"UNDERTONE_TEST_DELAY": "60"}  # a batch that will not end in time


def stored_beyond(cluster: Cluster, offsets: Mapping[int, tuple[int, int]]) -> int:
    """Messages whose post is stored though their offset is not committed."""
    committed = [offsets[partition][0] for partition in sorted(offsets)]
    with connect(cluster.clickhouse) as client:
        rows = client.query(
            "SELECT countDistinct(kafka_partition, kafka_offset) FROM posts "
            "WHERE kafka_offset >= {committed:Array(Int64)}[kafka_partition + 1]",
            parameters={"committed": committed},
        ).result_rows
    return int(rows[0][0])


def end_under_load(shared: Cluster, times: int, hanging: int = 0) -> None:
    """SIGTERM so often, at random moments; of those `hanging` in a batch that does not end."""
    cluster, draw = apart(shared), random.Random(times)
    logs = cluster.deployment.logs
    messages = load(times, times * _A_TURN, kinds=["produce"])
    settings = {"UNDERTONE_KAFKA__BATCH_POSTS": str(BATCH), "UNDERTONE_TEST_DELAY": "0.2"}
    for turn in range(times):
        send(cluster, messages[turn * _A_TURN : (turn + 1) * _A_TURN])
        consumer = cluster.member(**settings | (_HANGS if turn < hanging else {}))
        wait_for(lambda role=consumer: messages_read(role) > 0, 60, logs)
        time.sleep(draw.uniform(0, 0.5))
        assert cluster.group.lag() > 0, "nothing was left to do"
        began = time.monotonic()
        assert consumer.stop(2 * WITHIN) == 0, logs()
        assert time.monotonic() - began <= WITHIN
        assert not cluster.group.members()  # it has left
        assert stored_beyond(cluster, cluster.group.offsets()) <= BATCH
    last = cluster.member()
    # Ready: nothing may be left for it, and who has not begun yet ends by the signal itself.
    wait_for(lambda: last.ready and cluster.group.lag() == 0, 60, logs)
    found = judged(cluster)
    assert found.status == "PASS", f"{found}\n{logs()}"
    assert last.stop() == 0, logs()


@pytest.mark.timeout(300)
def test_a_consumer_told_to_end_under_load_ends_cleanly(shared: Cluster) -> None:
    """Short form of the test below: 2 times instead of 50, none of them in a batch that hangs."""
    end_under_load(shared, 2)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_50_times_told_to_end_under_load_it_ends_within_25_seconds(shared: Cluster) -> None:
    """SIGTERM under load, 50 times, 5 of them in a batch that hangs: exit 0 <= 25 s, duplicates
    in flight <= 1 batch, 0 lost."""
    end_under_load(shared, 50, hanging=5)
