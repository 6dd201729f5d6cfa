"""T8: the network to the database and to the broker loses connections, is slow, or is half open.

Consumer and watcher run in threads of this process, so that their stacks can be read. A TCP proxy
stands before the HTTP front over embedded ClickHouse, another before the embedded broker. What is
half open here is accepted and never answered, and connections held so stay dead after healing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from stream import kafka
from stream.clock import Clock
from stream.embedded.broker import EmbeddedBroker
from stream.embedded.children import free_port
from stream.running import Running
from stream.service import start_consumer, start_watcher
from stream.settings import Alerts, Brands, ClickHouse, Kafka, Settings, Windows
from tests.chaos.hooks import PureScorer
from tests.e2e.processes import wait_for
from tests.faults.calls import Calls
from tests.faults.cluster import Cluster
from tests.faults.group import Group
from tests.faults.proxy import Proxy, before_broker
from tests.faults.traffic import Traffic
from tests.stream.consuming import committed

pytestmark = pytest.mark.timeout(300)

Held = Sequence[Sequence[int]]  # what is half open, one after the other
_DATABASE, _BROKER = 0, 1
_RED = 30  # seconds until readiness says so
_KAFKA_BUDGET = 15  # seconds of one call: the longest are 10 s, to find a broker and to commit
_BEYOND = 15  # seconds of a call to the database beyond its longest statement: 10 s to connect, 5 s


@dataclass(frozen=True)
class Limits:
    """Of the statements: those of the settings. And of a request to Kafka, after which its
    connection is given up: None for the client's own."""

    insert: timedelta = ClickHouse().insert_timeout
    query: timedelta = ClickHouse().query_timeout
    window: timedelta = Windows().time_limit
    request: timedelta | None = None


_SHORT = Limits(*[timedelta(seconds=2)] * 3, request=timedelta(seconds=5))


class Network:
    """The service in this process, and what lies between it and its parts."""

    def __init__(self, cluster: Cluster, database: Proxy, broker: Proxy, limits: Limits) -> None:
        self.cluster = cluster
        self.proxies = [database, broker]
        settings = Settings(
            kafka=cluster.kafka.model_copy(
                update={
                    "bootstrap_servers": f"127.0.0.1:{broker.port}",
                    "batch_age": timedelta(milliseconds=100),
                }
            ),
            clickhouse=ClickHouse(
                interface="http",
                port=database.port,
                insert_timeout=limits.insert,
                query_timeout=limits.query,
            ),
            windows=Windows(time_limit=limits.window),
            brands=Brands(file=cluster.deployment.directory / "config/brands.yaml"),
            alerts=Alerts(file=cluster.deployment.directory / "config/alerts.yaml"),
        )
        self.service = Running(settings, Clock.of_wall(), threading.Event())

    def start(self) -> None:
        start_consumer(self.service, PureScorer(1))
        start_watcher(self.service)

    @property
    def problems(self) -> list[str]:
        return self.service.health.problems()

    def heal(self) -> None:
        for proxy in self.proxies:
            proxy.heal()

    def works(self, sent: int, within: float) -> None:
        """Readiness is green, and so many messages are stored and committed."""
        wait_for(lambda: not self.problems, within, lambda: self.problems)
        wait_for(lambda: committed(self.cluster.kafka) >= sent, within, lambda: self.problems)


@contextmanager
def network(directory: Path, limits: Limits) -> Iterator[Network]:
    cluster = Cluster(directory)
    port = free_port("127.0.0.2")
    cluster.broker = EmbeddedBroker(directory / "kafka", port, "127.0.0.2")
    cluster.kafka = Kafka(bootstrap_servers=f"127.0.0.2:{port}", partitions=4)
    cluster.group = Group(cluster.kafka)
    with ExitStack() as stack:
        stack.enter_context(cluster)
        database = stack.enter_context(Proxy(("127.0.0.1", cluster.clickhouse.port)))
        broker = stack.enter_context(before_broker(cluster.broker))
        made = Network(cluster, database, broker, limits)
        if limits.request:
            stack.enter_context(requests_within(limits.request))
        stack.callback(made.service.end)
        made.start()
        made.works(0, 60)
        yield made


@contextmanager
def requests_within(limit: timedelta) -> Iterator[None]:
    known = kafka.connection
    ms = int(limit.total_seconds() * 1000)
    with patch.object(
        kafka, "connection", lambda settings: {**known(settings), "request_timeout_ms": ms}
    ):
        yield


def bad_network(directory: Path, scale: float, limits: Limits, held: Held) -> None:
    """Every fault for its full time divided by `scale`; after each the service works again."""
    longest = max(limits.insert, limits.query, limits.window).total_seconds()
    with network(directory, limits) as between, Calls() as calls:
        with Traffic(between.cluster.kafka, a_second=20) as traffic:
            lose_and_delay(between, traffic, scale)
            for proxies in held:
                hold(between, traffic, 300 / scale, proxies)
        between.cluster.drain()
        assert str(between.cluster.verdict()) == "PASS"
        assert all(thread.is_alive() for thread in between.service.threads)
        assert not between.service.failures
        # That long they were indeed waited for.
        assert longest < calls.longest["clickhouse"] <= longest + _BEYOND
        assert 1 < calls.longest["kafka"] <= _KAFKA_BUDGET


def lose_and_delay(between: Network, traffic: Traffic, scale: float) -> None:
    for seed, proxy in enumerate(between.proxies):
        proxy.lose(0.5, seed)
    time.sleep(120 / scale)
    wait_for(lambda: all(proxy.counts["cut"] for proxy in between.proxies), 30)
    between.heal()
    between.works(traffic.sent, 60)
    for proxy in between.proxies:
        proxy.delay(2.5 / scale)  # in each direction: 5 s a round trip
    time.sleep(120 / scale)
    between.heal()
    between.works(traffic.sent, 60)


def hold(between: Network, traffic: Traffic, seconds: float, proxies: Sequence[int]) -> None:
    for number in proxies:
        between.proxies[number].half_open()
    began = time.monotonic()
    wait_for(lambda: between.problems, _RED)
    time.sleep(max(0, began + seconds - time.monotonic()))
    assert between.problems
    between.heal()
    between.works(traffic.sent, 120)


def test_a_service_on_a_bad_network_hangs_nowhere_and_works_when_it_is_healed(
    tmp_path: Path,
) -> None:
    """Short form of the test below: its times divided by 40, both half open at once, limits of 2 s
    for every statement instead of those of the settings (20, 30 and 60 s)."""
    bad_network(tmp_path, 40, _SHORT, [(_DATABASE, _BROKER)])


@pytest.mark.faults
@pytest.mark.timeout(3000)
def test_minutes_on_a_bad_network_hang_no_thread(tmp_path: Path) -> None:
    """Half of the connections cut for 2 min, round trips of 5 s for 2 min, and for 5 min each half
    open to the database, to the broker, to both: no call outlives its budget, readiness is red
    within 30 s, and the service works again after each."""
    bad_network(tmp_path, 1, Limits(), [(_DATABASE,), (_BROKER,), (_DATABASE, _BROKER)])
