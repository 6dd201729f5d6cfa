"""The service in real processes, and what a plan's actions do to them.

One producer sends; one to four consumers and a watcher work on the embedded broker and on embedded
ClickHouse behind its HTTP front, with a TCP proxy between. Most hits last: what ends one is `due`
later, while other actions go on.

The embedded broker saves about once a second, and killed it loses what it acknowledged since. So
that this is not taken for a loss of the service, it is killed only when all is saved.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from stream import kafka
from tests.chaos import actions
from tests.chaos.actions import MEMBERS, PARTITIONS, Action, moved
from tests.chaos.compare import Verdict, verdict
from tests.chaos.due import Due
from tests.chaos.members import Members, doomed
from tests.chaos.plan import START
from tests.e2e.processes import wait_for
from tests.faults.cluster import Cluster, pause, resume
from tests.faults.member import PLACES
from tests.faults.proxy import Proxy

_KILLS_AT = {f"kill_{place}": place for place in PLACES}
_OF_A_MEMBER = ("kill", *_KILLS_AT, "pause", "evict", "term", "join", "leave")
_LOST_ANSWERS = 0.3  # of all requests to the database, while they are lost
_SLOW_SECONDS = "0.5"  # a batch, while the scorer is slow


class ProcessWorld:
    """Everything there is, in a directory of its own. A context manager; main thread only.

    `do` actions, `drain`, then ask for `verdict`. `bug` is planted in every consumer and watcher.
    """

    def __init__(self, directory: Path, bug: str = "") -> None:
        self._slow = directory / "slow"
        self._saved = directory / "kafka/kafka.json"
        self.cluster = Cluster(
            directory,
            PARTITIONS,
            UNDERTONE_KAFKA__BATCH_POSTS="64",
            UNDERTONE_TEST_DELAY=_SLOW_SECONDS,
            UNDERTONE_TEST_SLOW_FILE=str(self._slow),
            UNDERTONE_TEST_BUG=bug,
        )
        self.counts: Counter[str] = Counter()  # what really happened
        self._due = Due()
        self._members = Members(self.cluster, self._due, self.counts)
        self._last_partition = 0
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(self.cluster)
            database = self.cluster.database
            self._proxy = opening.enter_context(Proxy((database.host, database.port)))
            port = str(self._proxy.port)
            self.cluster.deployment.environment["UNDERTONE_CLICKHOUSE__PORT"] = port
            self._producer = kafka.producer(self.cluster.kafka, patience=timedelta(seconds=120))
            opening.callback(self._producer.close, timeout=1)
            self._time = datetime.now(UTC)
            self._shift = self._time - START
            for _ in range(MEMBERS):
                self._members.join()
            self._watcher = self.cluster.watcher()
            self._open = opening.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def do(self, action: Action) -> None:
        """Let one action happen, after what is due."""
        self._look_after()
        match action:
            case actions.Send():
                self._send(action)
            case actions.Advance(seconds):
                time.sleep(seconds)
            case actions.Hit(kind, member, seconds) if kind in _OF_A_MEMBER:
                self._hit_member(kind, member, seconds)
            case actions.Hit(kind, _, seconds):
                self._hit(kind, seconds)
            case _:
                raise ValueError(f"{action} is of the other level")

    def drain(self) -> None:
        """All faults end, all is read, every consumer ends in order, and two passes follow.

        AssertionError where that does not come about.
        """
        self._settle()
        self._producer.flush(60)
        for role in [one for one in self._members if doomed(one)]:
            self._members.restart(role)
        while len(self._members) < MEMBERS:
            self._members.join()
        self.cluster.drain(within=120, meanwhile=self._members.evict_dead)
        self._members.end_all()
        self.cluster.drain(within=60)
        self._members.end(self._watcher)
        self.counts["answers lost"] = self._proxy.counts["answers lost"]
        logs = [file.read_text() for file in self.cluster.deployment.directory.glob("*.log")]
        self.counts["assignments"] = sum(text.count("partitions.assigned") for text in logs)
        self.counts["retries"] = sum(text.count("call.failed") for text in logs)

    def verdict(self) -> Verdict:
        """What the oracle says of tables and dead letters, and which process ended wrongly."""
        found = self.cluster.verdict(self._members.generation)
        troubles = self._members.troubles
        return verdict([*troubles, *found.differences]) if troubles else found

    def troubles(self) -> list[str]:
        """Which process ended wrongly until now."""
        return self._members.troubles

    def _send(self, sent: actions.Send) -> None:
        # As at the other level: no two partitions hold records of one time.
        ahead = timedelta(milliseconds=sent.partition != self._last_partition)
        self._time = max(datetime.now(UTC), self._time + ahead)
        self._last_partition = sent.partition
        value = moved(sent.value, self._shift)
        self._producer.send(
            self.cluster.kafka.topic,
            key=sent.key.encode(),
            value=None if value is None else value.encode(),
            partition=sent.partition,
            timestamp_ms=int(self._time.timestamp() * 1000),
        )
        self.counts["messages"] += 1

    def _hit_member(self, kind: str, number: int, seconds: float) -> None:
        members = self._members
        role = members.some(number)
        match kind:
            case "kill":
                members.kill(role, evicted_after=seconds)
            case "pause":
                members.freeze(role, seconds)
            case "evict":  # paused for longer than the session timeout
                members.freeze(role, seconds + 1)
                self._due.later(1, lambda client=role.client: members.evict(client))
            case "term":
                members.restart(role)
            case "join":
                members.join(role)
            case "leave":
                members.leave(role)
            case _:
                members.restart(role, _KILLS_AT[kind])

    def _hit(self, kind: str, seconds: float) -> None:
        broker, database = self.cluster.broker, self.cluster.database
        match kind:
            case "broker_kill":
                self._settle()
                self._await_save()
                broker.kill()
                self._due.later(seconds, broker.start)
            case "broker_stop":
                self._settle()
                broker.stop()
                self._due.later(seconds, broker.start)
            case "database_pause":
                pause(database)
                self._due.later(seconds, lambda pid=database.pid: self._resume_database(pid))
            case "database_kill":
                database.kill()
                database.start()
            case "slow":
                self._slow.touch()
                self._due.later(seconds, lambda: self._slow.unlink(missing_ok=True))
            case "lose_answers":
                self._proxy.drop_answers(_LOST_ANSWERS, seed=int(seconds * 100))
                self._due.later(seconds, self._proxy.heal)
            case "watcher_kill":
                self._watcher.kill()
                self._watcher.start()
            case "replay":
                self._read_again(self._members.generation)
            case "rescore":
                self._read_again(self._members.generation + 1)
            case _:
                raise ValueError(kind)

    def _resume_database(self, pid: int) -> None:
        if self.cluster.database.pid == pid:
            resume(self.cluster.database)

    def _await_save(self) -> None:
        """Until all that the broker acknowledged is in its file: our messages, and the letters of
        the consumers. Their commits may be lost, that only repeats."""
        self._producer.flush(60)
        letters = -1
        while letters != (letters := len(self.cluster.dead_letters())):
            for _ in range(2):  # the first save may have begun before
                saved = self._saved.stat().st_mtime_ns
                self.cluster.group.mark()  # it saves only where something has changed
                wait_for(lambda at=saved: self._saved.stat().st_mtime_ns != at, within=30)

    def _read_again(self, generation: int) -> None:
        """All consumers end, the offsets go to 0, and they start again."""
        self._settle()
        self._members.end_all()
        self._members.evict_dead()
        self.cluster.group.rewind()
        if generation != self._members.generation:
            self.cluster.activate(generation)
            self._members.generation = generation
        self._members.restart_all()

    def _look_after(self) -> None:
        self._due.do()
        self._members.revive()
        if not self._watcher.alive:
            self._members.complain(self._watcher, self._watcher.wait())
            self._watcher.start()

    def _settle(self) -> None:
        """End every fault that goes on."""
        self._due.do_all()
        self._look_after()
        self._due.do_all()
