"""The service in one process: the real pipeline, store and pass over a fake log and a fake clock.

Two members own the partitions of a log that is four lists with committed offsets; a crash is an
exception raised at a named hook, and what happens meanwhile is a call made there. Nothing waits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import cast

from stream import generations, schema
from stream.catalogue import Brand, Catalogue
from stream.clock import Clock
from stream.database import Client, connect
from stream.dead_letters import DeadLetters
from stream.decode import Record
from stream.errors import RetryLater
from stream.health import Health
from stream.match import Matcher
from stream.pipeline import Pipeline
from stream.retry import Patience
from stream.settings import ClickHouse
from stream.windows import run_pass
from tests.chaos import actions
from tests.chaos.actions import MEMBERS, PARTITIONS, Action
from tests.chaos.compare import Verdict, compare, verdict
from tests.chaos.hooks import (
    Crashed,
    Faults,
    HookedClient,
    HookedStore,
    Letters,
    NoWaiting,
    PureScorer,
    crash,
    lose_answer,
    units,
)
from tests.chaos.oracle import Message, expect
from tests.chaos.plan import BRANDS, RETENTION, START

MATCHER = Matcher(
    Catalogue(
        brands=tuple(
            Brand(name=name, aliases=tuple(names), topics={t: tuple(w) for t, w in topics.items()})
            for name, (names, topics) in BRANDS.items()
        )
    )
)
_BATCH = 500
# Inserts are acknowledged before a pass begins, so the server's clock needs next to no margin.
_MARGIN = timedelta(milliseconds=50)
_STATE = ("posts", "post_keys", "window_scores", "passes", "model_runs")


def prepare(settings: ClickHouse) -> Client:
    """A client on a database with the schema, whose TTL never bites: time here is not the
    server's."""
    with connect(settings, "") as client:
        schema.apply(client, schema.Target(settings.database, retention_days=20_000))
    return connect(settings)


class World:
    """Everything there is, from an empty start. `do` actions, `drain`, then ask for `verdict`."""

    def __init__(self, client: Client) -> None:
        for table in _STATE:
            client.command(f"TRUNCATE TABLE {table}")
        self.client = client
        self.now = START
        self.log: list[list[Record]] = [[] for _ in range(PARTITIONS)]
        self.committed = [0] * PARTITIONS
        self.positions = [0] * PARTITIONS
        self.owners = [number % MEMBERS for number in range(PARTITIONS)]
        self.letters = Letters()
        self.faults = Faults()
        self.counts: Counter[str] = Counter()  # what was done: batches, messages, passes, faults
        self._last_partition = 0
        self._rescore()

    def do(self, action: Action) -> None:  # noqa: PLR0912 - a branch for each kind of action
        """Let one action happen."""
        match action:
            case actions.Send():
                self._append(action)
            case actions.Consume(member, most):
                self.consume(member, most)
            case actions.Crash(member, most, hook):
                self._consume_hit(member, most, hook, crash)
            case actions.LoseAnswer(member, most, hook):
                self._consume_hit(member, most, hook, lose_answer)
            case actions.Overtake(member, most, hook):
                self._consume_hit(member, most, hook, lambda: self._take_over(1 - member, most))
            case actions.Race(member, most):
                self._race(member, most)
            case actions.Rebalance(owners):
                self._assign(owners)
            case actions.Replay():
                self._restart_from_zero()
            case actions.Rescore():
                self._rescore()
            case actions.Pass():
                self._pass(self.client)
            case actions.CrashPass(statement):
                self._pass_hit(statement, crash)
            case actions.OvertakePass(statement, member, most):
                self._pass_hit(statement, lambda: self._second_watcher(member, most))
            case actions.Advance(seconds):
                self.now += timedelta(seconds=seconds)
            case _:
                raise ValueError(f"{action} needs real processes")

    def drain(self) -> None:
        """Every partition is read to its end, and two passes are made."""
        self.positions = list(self.committed)
        while self.committed != [len(records) for records in self.log]:
            for member in range(MEMBERS):
                self.consume(member, _BATCH)
        for _ in range(2):
            self._pass(self.client)

    def verdict(self) -> Verdict:
        """What the oracle says of the tables and of the dead letters."""
        log = [
            Message(one.partition, one.offset, one.time, one.key, one.value)
            for records in self.log
            for one in records
        ]
        expected = expect(
            log,
            now=self.now,
            retention=RETENTION,
            brands=BRANDS,
            generation=self.generation,
            score=units,
        )
        found = compare(self.client, expected)
        odd = expected.refused ^ self.letters.places.keys()
        letters = [f"dead letters: {place} is there wrongly or missing" for place in sorted(odd)]
        return verdict([*found.differences, *letters]) if letters else found

    def _append(self, sent: actions.Send) -> None:
        # No two partitions hold records of one time: two versions of a post could be equal.
        self.now += timedelta(milliseconds=sent.partition != self._last_partition)
        self._last_partition = sent.partition
        records = self.log[sent.partition]
        value = None if sent.value is None else sent.value.encode()
        key = sent.key.encode()
        records.append(Record("posts", sent.partition, len(records), self.now, key, value))

    # The members of the group

    def consume(self, member: int, most: int) -> None:
        """Two batches of a member on its line: the second is analysed before the first is stored;
        each goes all the way, then its commit."""
        if read := self._poll(member, most):
            middle = len(read) // 2
            batches = [batch for batch in (read[:middle], read[middle:]) if batch]
            self.counts["batches"] += len(batches)
            self.counts["messages read"] += len(read)
            pipeline = self.pipelines[member]
            found = [pipeline.analyse(batch) for batch in batches]
            for batch, one in zip(batches, found, strict=True):
                pipeline.store(one)
                self.commit(member, batch)

    def commit(self, member: int, batch: Sequence[Record]) -> None:
        """Only of what it still owns: the broker refuses the rest. A lost commit is not repeated,
        the next one covers it."""
        try:
            self.faults.at("commit")
        except RetryLater:
            return
        for record in batch:
            if self.owners[record.partition] == member:
                self.committed[record.partition] = record.offset + 1

    def _poll(self, member: int, most: int) -> list[Record]:
        batch: list[Record] = []
        ahead = [len(self.log[n]) - self.positions[n] for n in range(PARTITIONS)]
        for number in sorted(range(PARTITIONS), key=ahead.__getitem__, reverse=True):
            if self.owners[number] == member:
                begin = self.positions[number]
                found = self.log[number][begin : begin + most - len(batch)]
                self.positions[number] += len(found)
                batch += found
        return batch

    def _consume_hit(self, member: int, most: int, hook: str, fault: Callable[[], None]) -> None:
        self.faults.arm(hook, self._counted(hook, fault))
        try:
            self.consume(member, most)
        except Crashed:
            self._start(member)
        self.faults.disarm()

    def _race(self, member: int, most: int) -> None:
        self.stores[member].blind = True
        self._consume_hit(member, most, "before_keys", lambda: self.consume(1 - member, most))
        self.stores[member].blind = False

    def _take_over(self, member: int, most: int) -> None:
        self._assign([member] * PARTITIONS)
        self.consume(member, most)

    def _assign(self, owners: Sequence[int]) -> None:
        """A partition that changes hands is read on from its commit."""
        for number, owner in enumerate(owners):
            if owner != self.owners[number]:
                self.owners[number] = owner
                self.positions[number] = self.committed[number]

    def _start(self, member: int) -> None:
        """A process begins with nothing in memory."""
        self.stores[member] = HookedStore(self.client, self.faults)
        self.pipelines[member] = Pipeline(
            matcher=MATCHER,
            scorer=PureScorer(self.generation),
            store=self.stores[member],
            dead_letters=DeadLetters(self.letters, "posts.dlq"),
            generation=self.generation,
            retention=RETENTION,
            clock=Clock(wall=lambda: self.now),
            patience=Patience(NoWaiting(), Health()),
        )
        for number, owner in enumerate(self.owners):
            if owner == member:
                self.positions[number] = self.committed[number]

    def _restart_from_zero(self) -> None:
        self.committed = [0] * PARTITIONS
        self.stores: dict[int, HookedStore] = {}
        self.pipelines: dict[int, Pipeline] = {}
        for member in range(MEMBERS):
            self._start(member)

    def _rescore(self) -> None:
        number = self.counts["generations"] = self.counts["generations"] + 1
        analysis = generations.Analysis(f"pure-{number}", "catalogue")
        self.generation = generations.activate(self.client, analysis)
        self._restart_from_zero()

    # The watcher

    def _pass(self, client: Client) -> None:
        limit = timedelta(seconds=60)
        done = run_pass(client, now=self.now, margin=_MARGIN, retention=RETENTION, limit=limit)
        self.counts["passes"] += 1
        self.counts["windows computed"] += done.windows
        self.counts["strays brought home"] += done.moved

    def _pass_hit(self, statement: int, fault: Callable[[], None]) -> None:
        hooked = HookedClient(self.client, statement, self._counted("pass", fault))
        with suppress(Crashed):  # the next pass begins anew
            self._pass(cast(Client, hooked))

    def _second_watcher(self, member: int, most: int) -> None:
        self.consume(member, most)
        self._pass(self.client)

    def _counted(self, hook: str, fault: Callable[[], None]) -> Callable[[], None]:
        """The fault, counted when it really happens."""

        def happen() -> None:
            self.counts[f"hit at {hook}"] += 1
            fault()

        return happen
