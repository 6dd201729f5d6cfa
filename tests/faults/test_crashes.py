"""A consumer that is killed loses nothing and doubles nothing, wherever in a batch it was (T1).

Real processes: an embedded broker, embedded ClickHouse behind its HTTP front, `undertone consume`
with a pure scorer, killed from outside or by itself at a hook in the store. The embedded broker
waits for a dead member for ever, so the test takes it out of the group at once, and adds the
shipped session timeout to what was measured. Runs go side by side, each with its own topic, group
and tables. The oracle judges posts, dead letters and windows.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import pytest

from stream.database import connect
from stream.settings import Kafka
from tests.e2e.processes import wait_for
from tests.faults.cluster import Cluster, Role
from tests.faults.runs import apart, judged, load, messages_read, send

SHARES = (0.1, 0.5, 0.9)
HOOKS = {"before_insert": "W1", "mid_insert": "W2", "after_insert": "W3"}
RECOVERED_WITHIN = 60  # seconds from the restart until the lag is 0 …
SESSION = Kafka().session_timeout.total_seconds()  # … of which Kafka waits so long for the dead
_SIDE_BY_SIDE = 3


@dataclass(frozen=True)
class Crash:
    """Where a consumer is killed: once it began on this share of the messages, or at a hook of
    its n-th insert."""

    seed: int
    share: float = 1
    hook: str = ""
    insert: int = 0

    @property
    def settings(self) -> dict[str, str]:
        """What the member must know for it."""
        if not self.hook:
            return {}
        return {
            "UNDERTONE_TEST_KILL_AT": self.hook,
            "UNDERTONE_TEST_KILL_AFTER": str(self.insert),
        }


FULL = [Crash(seed, share) for share, seed in product(SHARES, range(1, 6))] + [
    Crash(10 * number + insert, hook=hook, insert=insert)
    for (number, hook), insert in product(enumerate(HOOKS, 1), range(1, 11))
]
SHORT = [Crash(1, 0.5), *(Crash(2, hook=hook, insert=2) for hook in HOOKS)]


class Run:
    """One load, one consumer, one crash."""

    def __init__(self, shared: Cluster, crash: Crash, messages: int, **settings: str) -> None:
        self.crash = crash
        self.cluster = apart(shared)
        self.sent = send(self.cluster, load(crash.seed, messages))
        self.settings = {
            "UNDERTONE_KAFKA__BATCH_POSTS": "32",
            # Where it is killed from outside, the end of the load must not overtake that.
            "UNDERTONE_TEST_DELAY": "0.05" if crash.hook else "0.3",
            **settings,
        }
        self.doomed = self.cluster.member(**self.settings, **crash.settings)
        self.restarted_at = 0.0
        self.recovered: float | None = None
        self.successor: Role | None = None

    def is_over(self) -> bool:
        """Kills the consumer where its time has come; whether it is dead."""
        due = self.crash.share * self.sent
        if not self.crash.hook and messages_read(self.doomed) >= due:
            self.doomed.kill()
        return not self.doomed.alive

    def restart(self) -> None:
        assert self.doomed.wait() == -signal.SIGKILL, self.crash
        assert self.cluster.group.evict(self.doomed.client) == 1
        assert self.cluster.group.lag() > 0, f"{self.crash}: it came too late to do harm"
        self.successor = self.cluster.member(**self.settings)
        self.restarted_at = time.monotonic()

    def has_recovered(self) -> bool:
        if self.recovered is None and self.cluster.group.lag() == 0:
            self.recovered = time.monotonic() - self.restarted_at
        return self.recovered is not None

    def end(self) -> None:
        """Judge, and leave nothing behind."""
        assert self.successor is not None
        found = judged(self.cluster)
        assert found.status == "PASS", f"{self.crash}: {found}\n{self.cluster.deployment.logs()}"
        self.successor.kill()
        with connect(self.cluster.clickhouse) as client:
            assert client.query("SELECT count() FROM posts FINAL").result_rows[0][0] > 0
            client.command(f"DROP DATABASE {self.cluster.clickhouse.database}")


def crash_and_recover(shared: Cluster, crashes: Sequence[Crash], messages: int) -> list[float]:
    """Seconds from each restart until the lag was 0; everything else is asserted."""
    logs = shared.deployment.logs
    runs = [Run(shared, crash, messages) for crash in crashes]
    wait_for(lambda: not [run for run in runs if not run.is_over()], 120, logs)
    for run in runs:
        run.restart()
    late = RECOVERED_WITHIN
    wait_for(lambda: not [run for run in runs if not run.has_recovered()], late, logs)
    for run in runs:
        run.end()
    return [run.recovered or 0.0 for run in runs]


@pytest.mark.timeout(300)
def test_a_consumer_killed_at_each_place_of_a_batch_loses_and_doubles_nothing(
    shared: Cluster,
) -> None:
    """Short form of the test below: 4 runs instead of 45 (one in the middle, one a hook), and a
    third of the messages."""
    crash_and_recover(shared, SHORT, messages=200)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_45_kills_lose_nothing_double_nothing_and_are_got_over_in_a_minute(
    shared: Cluster,
) -> None:
    """SIGKILL at 10, 50 and 90 % of a load x 5 seeds, and 10 times each before, within and after
    an insert: 0 lost, 0 doubled, windows equal, lag 0 <= 60 s after the restart."""
    assert len(FULL) == 45
    for at in range(0, len(FULL), _SIDE_BY_SIDE):
        took = crash_and_recover(shared, FULL[at : at + _SIDE_BY_SIDE], messages=600)
        assert max(took) + SESSION <= RECOVERED_WITHIN
