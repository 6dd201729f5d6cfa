"""T6: the database is away for long while posts keep coming.

With real processes: the HTTP front over embedded ClickHouse gets SIGKILL and is started again on
its data, or SIGSTOP and SIGCONT: then it takes connections and never answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from stream.embedded.clickhouse import EmbeddedClickHouse
from tests.e2e.processes import wait_for
from tests.faults.cluster import Cluster, Role, pause, resume
from tests.faults.traffic import Traffic
from tests.stream.consuming import committed

pytestmark = pytest.mark.timeout(300)

_RED = 30  # seconds until readiness says so
Step = Callable[[EmbeddedClickHouse], None]
_WAYS: dict[str, tuple[Step, Step]] = {
    "killed": (EmbeddedClickHouse.kill, EmbeddedClickHouse.start),
    "stopped": (pause, resume),
}
_LAST_ACKNOWLEDGED = 1  # seconds: what was stored just before may still be committed


def away_under_load(
    directory: Path, ways: Sequence[str], seconds: float, drained_within: float
) -> None:
    """The database is away for so long in each of these ways; posts come all the time."""
    # Short limits, so that a call to a stopped server ends within its budget several times.
    limits = {
        "UNDERTONE_CLICKHOUSE__INSERT_TIMEOUT": "2s",
        "UNDERTONE_CLICKHOUSE__QUERY_TIMEOUT": "2s",
    }
    with Cluster(directory, **limits) as cluster:
        logs = cluster.deployment.logs
        member, watcher = cluster.member(), cluster.watcher()
        processes = [member.process, watcher.process]
        wait_for(lambda: member.ready and watcher.ready, 60, logs)
        with Traffic(cluster.kafka, a_second=50) as traffic:
            wait_for(lambda: committed(cluster.kafka) > 100, 60, logs)
            for way in ways:
                usual = resident(member)
                go_away, come_back = _WAYS[way]
                go_away(cluster.database)
                began = time.monotonic()
                time.sleep(_LAST_ACKNOWLEDGED)
                read = committed(cluster.kafka)
                wait_for(lambda: not member.ready and not watcher.ready, _RED, logs)
                most = usual
                while time.monotonic() < began + seconds:
                    time.sleep(0.5)
                    most = max(most, resident(member))
                assert committed(cluster.kafka) == read
                assert most <= 1.2 * usual
                come_back(cluster.database)
                sent = traffic.sent
                wait_for(lambda sent=sent: committed(cluster.kafka) >= sent, drained_within, logs)
                wait_for(lambda: member.ready and watcher.ready, 30, logs)
        cluster.drain()
        assert str(cluster.verdict()) == "PASS"
        assert [member.process, watcher.process] == processes
        assert [member.stop(), watcher.stop()] == [0, 0], logs()


def resident(role: Role) -> int:
    """Kilobytes of memory that a process holds."""
    assert role.process is not None
    status = Path(f"/proc/{role.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def test_posts_that_come_while_the_database_is_away_wait_in_kafka(tmp_path: Path) -> None:
    """Short form of the test below: away for 4 s (ten minutes / 150), a minute to catch up, and
    both ways in one run."""
    away_under_load(tmp_path, ["killed", "stopped"], seconds=4, drained_within=60)


@pytest.mark.faults
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("way", _WAYS)
def test_ten_minutes_without_the_database_lose_nothing_and_take_no_memory(
    tmp_path: Path, way: str
) -> None:
    """Away for 600 s under load: no offset moves, memory grows by at most 20 %, readiness is red
    within 30 s, all is read within 1,200 s of its return, and all counts are the oracle's."""
    away_under_load(tmp_path, [way], seconds=600, drained_within=1200)
