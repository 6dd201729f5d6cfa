"""A whole installation of real processes in one directory, each of which can be hit.

The broker and the database are the embedded ones, children of this process (main thread only); the
database is served over HTTP. Consumers and the watcher are `tests.faults.member`: the command line
with a pure scorer. What they must have made in the end is judged by chaos's oracle, over HTTP.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx

from stream import generations, kafka, schema, topics
from stream.catalogue import load_catalogue
from stream.database import connect
from stream.decode import Record
from stream.embedded.broker import EmbeddedBroker
from stream.embedded.children import free_port
from stream.embedded.clickhouse import EmbeddedClickHouse
from stream.errors import RetryLater
from stream.settings import ClickHouse, Kafka
from tests.chaos.compare import Verdict, compare, verdict
from tests.chaos.hooks import PureScorer, units
from tests.chaos.oracle import Message, expect
from tests.chaos.plan import BRANDS, RETENTION
from tests.e2e.processes import Deployment, wait_for
from tests.faults.group import Group

Embedded = EmbeddedBroker | EmbeddedClickHouse


class Role:
    """A command of `undertone`, run in a process of its own as often as it is started."""

    def __init__(self, deployment: Deployment, *arguments: str, **settings: str) -> None:
        self._deployment = deployment
        self.arguments = arguments
        self.settings = settings  # environment variables; changes hold from the next start
        self.port = int(settings["UNDERTONE_WEB__PROBE_PORT"])
        self.process: subprocess.Popen[bytes] | None = None
        self.client = ""  # its name in the consumer group, another one at each start

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def log(self) -> Path:
        """What it has written since its last start."""
        return self._deployment.directory / f"{self.client}.log"

    @property
    def ready(self) -> bool:
        """Whether it says that every part of it works."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    def start(self) -> None:
        """Returns at once; `ready` comes to hold."""
        assert not self.alive
        self.client = f"{self.arguments[0]}-{len(self._deployment.running)}"
        self.process = self._deployment.start(
            *self.arguments,
            module="tests.faults.member",
            UNDERTONE_TEST_CLIENT=self.client,
            **self.settings,
        )

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait for its end. A consumer stays in its group: see `Group.evict`."""
        self.signal(signal.SIGKILL)
        self.wait()

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def term(self) -> None:
        """SIGTERM; `wait` for the exit code."""
        self.signal(signal.SIGTERM)

    def wait(self, within: float = 25) -> int:
        assert self.process is not None
        return self.process.wait(within)

    def stop(self, within: float = 25) -> int:
        """SIGTERM, and wait; the exit code."""
        self.term()
        return self.wait(within)

    def restart(self) -> None:
        """A clean end and a new beginning."""
        assert self.stop() == 0
        self.start()


class Cluster:
    """A broker, a database with the schema, and what is started on them. A context manager.

    `settings` are environment variables of every role; `kafka` and `clickhouse` are how this
    process reaches both. To put a proxy between, give the roles its port:
    `cluster.member(UNDERTONE_CLICKHOUSE__PORT=str(proxy.port))`. The embedded broker never leaves
    out a dead member: `cluster.group.evict(role.client)`.
    """

    def __init__(self, directory: Path, partitions: int = 4, **settings: str) -> None:
        port = free_port()
        self.broker = EmbeddedBroker(directory / "kafka", port)
        self.database = EmbeddedClickHouse(directory / "clickhouse", free_port())
        self.kafka = Kafka(
            bootstrap_servers=f"127.0.0.1:{port}", partitions=partitions, most_fetched=1 << 30
        )
        self.clickhouse = ClickHouse(interface="http", port=self.database.port)
        self.deployment = Deployment(
            directory / "work",
            brands=json.dumps({"brands": _brands()}),  # JSON is YAML
            UNDERTONE_KAFKA__BOOTSTRAP_SERVERS=self.kafka.bootstrap_servers,
            UNDERTONE_KAFKA__MOST_FETCHED=str(1 << 30),  # as for any embedded broker
            UNDERTONE_KAFKA__PARTITIONS=str(partitions),
            UNDERTONE_KAFKA__BATCH_AGE="100ms",
            UNDERTONE_KAFKA__SESSION_TIMEOUT="6s",
            UNDERTONE_KAFKA__MAX_POLL_INTERVAL="10s",  # see decision 007
            UNDERTONE_CLICKHOUSE__INTERFACE="http",
            UNDERTONE_CLICKHOUSE__PORT=str(self.clickhouse.port),
            **settings,
        )
        self.group = Group(self.kafka)
        self.roles: list[Role] = []

    def __enter__(self) -> Self:
        try:
            self.broker.start()
            self.database.start()
            kafka.create_topics(self.kafka)
            with connect(self.clickhouse, "") as client:
                schema.apply(client, schema.Target(self.clickhouse.database, RETENTION.days))
            self.activate(1)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        self.deployment.close()
        for part in (self.broker, self.database):
            part.kill()  # what it holds goes with the directory

    # The processes

    def member(self, **settings: str) -> Role:
        """One more consumer, started."""
        return self._start("consume", **settings)

    def watcher(self, **settings: str) -> Role:
        """A watcher with its board, started. Its windows and webhooks are as ever."""
        return self._start("watch", **settings)

    def _start(self, command: str, **settings: str) -> Role:
        port = str(free_port())
        ports = {"UNDERTONE_WEB__PORT": port, "UNDERTONE_WEB__PROBE_PORT": port}
        role = Role(self.deployment, command, **ports, **settings)
        role.start()
        self.roles.append(role)
        return role

    def activate(self, generation: int) -> None:
        """Make this opinion the current one. Consumers of an older one are refused at their start:
        give the new ones UNDERTONE_TEST_GENERATION."""
        catalogue = load_catalogue(self.deployment.directory / "config/brands.yaml")
        analysis = generations.Analysis(PureScorer(generation).model_hash, catalogue.hash)
        with connect(self.clickhouse) as client:
            assert generations.activate(client, analysis) == generation

    # The log and what became of it

    def log_of(self, topic: str) -> list[Message]:
        """A whole topic."""
        return [
            Message(one.partition, one.offset, one.time, one.key, one.value)
            for one in self._records(topic)
        ]

    def dead_letters(self) -> list[tuple[int, int]]:
        """Partition and offset of what lies in the dead-letter topic, as often as it lies there."""
        named = [dict(one.headers) for one in self._records(self.kafka.dlq_topic)]
        return [(int(one["partition"]), int(one["offset"])) for one in named]

    def _records(self, topic: str) -> list[Record]:
        client = kafka.reader(self.kafka)
        try:
            return list(topics.read(client, topic, topics.spans(client, topic)))
        finally:
            client.close(autocommit=False)

    def drain(self, within: float = 60, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Wait until all is read and committed, and two whole passes came after that.

        Every role that is to work must run; AssertionError with the logs where it does not end.
        """

        def read() -> bool:
            meanwhile()
            return self.group.lag() == 0

        wait_for(lambda: _holds(read), within, self.deployment.logs)
        with connect(self.clickhouse) as client:
            now = client.query("SELECT now64(6, 'UTC')").result_rows[0][0]
            asked = "SELECT count() FROM passes WHERE started_at > {now:DateTime64(6, 'UTC')}"

            def passes() -> Any:
                return client.query(asked, parameters={"now": now}).result_rows[0][0]

            wait_for(lambda: _holds(lambda: passes() >= 2), within, self.deployment.logs)

    def verdict(self, generation: int = 1) -> Verdict:
        """What the oracle says of tables and dead letters, by the log as it stands now."""
        try:
            expected = expect(
                self.log_of(self.kafka.topic),
                now=datetime.now(UTC),
                retention=RETENTION,
                brands=BRANDS,
                generation=generation,
                score=units,
            )
            letters = set(self.dead_letters())
            with connect(self.clickhouse) as client:
                found = compare(client, expected)
        except RetryLater as error:
            return Verdict("UNVERIFIED", (str(error),))
        odd = [
            f"dead letters: {place} is there wrongly or missing"
            for place in sorted(expected.refused ^ letters)
        ]
        return verdict([*found.differences, *odd]) if odd else found


def pause(part: Embedded) -> None:
    """SIGSTOP to the broker or the database, to the whole of it."""
    assert part.pid is not None
    os.killpg(part.pid, signal.SIGSTOP)


def resume(part: Embedded) -> None:
    """SIGCONT."""
    assert part.pid is not None
    os.killpg(part.pid, signal.SIGCONT)


def _holds(condition: Any) -> bool:
    try:
        return bool(condition())
    except Exception:
        return False


def _brands() -> list[dict[str, Any]]:
    return [
        {"name": name, "aliases": names, "topics": topics}
        for name, (names, topics) in BRANDS.items()
    ]
