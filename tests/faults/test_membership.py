"""Consumers that come and go all the time: every message is stored once, no partition waits (T3).

Real processes: an embedded broker, embedded ClickHouse behind its HTTP front, `undertone consume`
with a pure scorer. The embedded broker waits for a dead member for ever, so the test takes it out
of the group at once; on Kafka its partitions wait for `session_timeout` before the rest. It also
lets members that join at once wait for max_poll_interval (decision 007), so that is shorter here
than the time between two changes: as long, it would leave none between two rebalances.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

import pytest

from tests.e2e.processes import wait_for
from tests.faults.cluster import Cluster, Role
from tests.faults.group import Group
from tests.faults.runs import apart, judged, load, send

MEMBERS, PARTITIONS = 4, 12
_A_SECOND = 20  # messages
_KILLED = 4  # each fourth that goes is killed; the others are told to end


@dataclass
class IdleWatch:
    """How long a partition has waited with lag while its committed offset stood still."""

    group: Group
    longest: float = 0
    _since: dict[int, tuple[int, float]] = field(default_factory=dict)

    def look(self) -> int:
        """The lag."""
        now, offsets = time.monotonic(), self.group.offsets()
        for partition, (committed, end) in offsets.items():
            at, since = self._since.get(partition, (committed, now))
            if committed >= end or committed != at:
                since = now
            self._since[partition] = committed, since
            self.longest = max(self.longest, now - since)
        return sum(end - committed for committed, end in offsets.values())


class Crowd:
    """Members of which one goes and another comes at each change."""

    def __init__(self, cluster: Cluster, draw: random.Random, joined_within: float) -> None:
        self._cluster, self._draw = cluster, draw
        self._wait = f"{joined_within:g}s"
        self.here = [self._member() for _ in range(MEMBERS)]
        self.told: list[Role] = []
        self.killed: list[Role] = []

    def change(self) -> bool:
        """False where nobody has come far enough to be asked to go."""
        settled = [role for role in self.here if role.ready]
        if not settled:
            return False
        gone = self._draw.choice(settled)
        self.here.remove(gone)
        if (len(self.told) + len(self.killed)) % _KILLED == _KILLED // 2:
            gone.kill()
            self.killed.append(gone)
            self._cluster.group.evict(gone.client)
        else:
            gone.term()
            self.told.append(gone)
        self.here.append(self._member())
        return True

    def _member(self) -> Role:
        return self._cluster.member(UNDERTONE_KAFKA__MAX_POLL_INTERVAL=self._wait)


def come_and_go(shared: Cluster, changes: int, every: float, longest_idle: float) -> None:
    """Messages without a pause, and a change each `every` seconds; then what was promised is
    asserted."""
    cluster = apart(shared, partitions=PARTITIONS)
    logs = cluster.deployment.logs
    messages = load(3, int((changes + 1) * every * _A_SECOND))
    crowd = Crowd(cluster, random.Random(3), joined_within=0.6 * every)
    wait_for(lambda: len(cluster.group.members()) == MEMBERS, 120, logs)
    sent = lag = send(cluster, messages[:PARTITIONS])
    wait_for(lambda: cluster.group.lag() == 0, 60, logs)
    watch = IdleWatch(cluster.group)
    begin = changed = time.monotonic()
    while changes or sent < len(messages) or lag:
        now = time.monotonic()
        due = max(sent, min(int((now - begin) * _A_SECOND), len(messages)))
        sent += send(cluster, messages[sent:due])
        if changes and now - changed >= every and crowd.change():
            changes, changed = changes - 1, now
        lag = watch.look()
        assert watch.longest <= longest_idle, logs()
        time.sleep(0.5)
    assert crowd.killed and len(crowd.told) > len(crowd.killed)
    assert [role.wait() for role in crowd.told] == [0] * len(crowd.told), logs()
    found = judged(cluster)
    assert found.status == "PASS", f"{found}\n{logs()}"
    for role in crowd.here:
        role.kill()


@pytest.mark.timeout(300)
def test_while_consumers_come_and_go_nothing_is_lost_and_no_partition_waits(
    shared: Cluster,
) -> None:
    """Short form of the test below: a fortieth of its changes, 3, each 3 s; idle <= 15 s."""
    come_and_go(shared, 3, every=3, longest_idle=15)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_ten_minutes_of_coming_and_going_lose_nothing_and_no_partition_waits(
    shared: Cluster,
) -> None:
    """4 consumers, one of which goes and one comes every 5 s for 10 min, over 12 partitions:
    0 lost, 0 doubled, no partition idle > 30 s with lag."""
    come_and_go(shared, 120, every=5, longest_idle=30)
