"""Old posts by the hundred thousand go on the topic while live ones come: no live one queues.

A consumer in this process on the embedded broker and database, with a costless scorer; window
passes run beside it. The old posts go out by `produce` as `undertone produce --keep-lag-under`
calls it. A partition is first in, first out: without that, a live post waits for all old ones.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from stream import kafka, topics
from stream.database import Client, connect
from stream.produce import Line, parse, produce
from stream.settings import ClickHouse, Kafka
from stream.windows import Pass, run_pass
from tests.stream.consuming import (
    Service,
    committed,
    eventually,
    post,
    require_windows_and_few_parts,
)

RETENTION = timedelta(days=400)
DAYS = 397  # the oldest are up to 43 hours older than that
MOST_LAG = 2_000
LIVE_EVERY = 0.1  # seconds


def old_posts(number: int, now: datetime) -> Iterator[tuple[Line, datetime]]:
    """Of all days in turn: the order that opens most partitions in a batch."""
    for index in range(number):
        created = now - timedelta(days=index % DAYS, minutes=60 + index // DAYS)
        whole = {
            "post_id": f"old {index}",
            "source": "s",
            "text": f"Acme {index}",
            "created_at": created.isoformat(),
            "lang": "en",
        }
        yield parse(json.dumps(whole).encode(), timedelta(0)), created.replace(second=0)


@dataclass
class Beside:
    """What goes on while the old posts come: live posts at a steady rate, and window passes."""

    settings: Kafka
    clickhouse: ClickHouse
    live: list[datetime] = field(default_factory=list)
    passes: list[Pass] = field(default_factory=list)
    staleness: list[float] = field(default_factory=list)

    def __enter__(self) -> Beside:
        self._end = threading.Event()
        self._threads = [threading.Thread(target=run) for run in (self._send, self._recount)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        producer = kafka.producer(self.settings)
        while not self._end.wait(LIVE_EVERY):
            now = datetime.now(UTC)
            value = post(f"live {len(self.live)}", created_at=now.isoformat())
            producer.send(self.settings.topic, key=b"s:live %d" % len(self.live), value=value)
            self.live.append(now)
        producer.close(timeout=10)

    def _recount(self) -> None:
        client = connect(self.clickhouse)
        while not self._end.wait(1):
            self.passes.append(windows_of(client))
            newest = client.query(
                "SELECT max(ingested_at) FROM posts WHERE startsWith(post_id, 'live')"
            ).result_rows[0][0]
            # From the end of the pass back to the newest live post that it can have counted.
            self.staleness.append((datetime.now(UTC) - newest.replace(tzinfo=UTC)).total_seconds())
        client.close()


def windows_of(client: Client) -> Pass:
    return run_pass(
        client,
        now=datetime.now(UTC),
        margin=timedelta(seconds=40),
        retention=RETENTION,
        limit=timedelta(seconds=60),
    )


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def backfill(settings: Kafka, clickhouse: ClickHouse, number: int, within: float) -> list[float]:
    """Back-fill, and check that all is stored once and counted; the latencies of live posts."""
    now = datetime.now(UTC).replace(microsecond=0)
    expected: Counter[datetime] = Counter()
    lags: list[int] = []
    sender, group = kafka.producer(settings), kafka.consumer(settings)

    def lines() -> Iterator[Line]:
        for line, minute in old_posts(number, now):
            expected[minute] += 1
            yield line

    def has_room() -> bool:
        lags.append(topics.lag(group, settings.topic))
        return lags[-1] < MOST_LAG

    service = Service(settings, clickhouse)
    try:
        eventually(lambda: service.health.problems() == [])
        with Beside(settings, clickhouse) as beside:
            eventually(lambda: len(beside.live) > 5 and len(beside.staleness) > 0)
            sent = produce(
                lines(),
                lambda line: sender.send(settings.topic, key=line.key, value=line.value),
                speed=None,
                stop=threading.Event(),
                has_room=has_room,
            )
            sender.close(timeout=60)
        eventually(lambda: committed(settings) == number + len(beside.live), within)
    finally:
        service.close()
        group.close(autocommit=False)
    assert sent.messages == number
    assert max(lags) < MOST_LAG + 500  # what was on its way, and the live ones
    expected.update(at.replace(second=0, microsecond=0) for at in beside.live)
    client = connect(clickhouse)
    exact(client, expected)
    rows = client.query(
        "SELECT post_id, toFloat64(ingested_at) FROM posts FINAL WHERE startsWith(post_id, 'live')"
    ).result_rows
    client.close()
    stored = {int(post_id.split()[1]): at for post_id, at in rows}
    latencies = [stored[number] - at.timestamp() for number, at in enumerate(beside.live)]
    print(
        f"{number} old posts in {sent.seconds:.0f} s; {len(latencies)} live ones stored after "
        f"{percentile(latencies, 0.5):.2f} s (median), {percentile(latencies, 0.99):.2f} s (p99); "
        f"{len(beside.passes)} passes, windows {percentile(beside.staleness, 0.99):.1f} s old (p99)"
    )
    return latencies


def exact(client: Client, expected: Counter[datetime]) -> None:
    """Every post once, every window as counted by hand, few parts."""
    windows_of(client)
    require_windows_and_few_parts(client, expected)
    total = client.query("SELECT count(), uniqExact(post_id) FROM posts FINAL").result_rows
    assert total == [(expected.total(), expected.total())]


def test_old_posts_are_stored_and_counted_once_and_never_pile_up_before_live_ones(
    kafka_settings: Kafka, clickhouse_settings: ClickHouse
) -> None:
    """The full form divided by 200: 1,000 posts, and no mark on the latency."""
    backfill(kafka_settings, clickhouse_settings, 1_000, within=60)


@pytest.mark.faults
def test_old_posts_in_great_number_do_not_delay_a_live_one_by_more_than_five_seconds(
    kafka_settings: Kafka, clickhouse_settings: ClickHouse
) -> None:
    """While 200,000 posts of the whole retention come in, 99 % of live posts are stored within 5 s;
    in the end each is stored once, each window exact, and parts stay below 300 and 1,000. Not a
    million: the embedded broker writes all it holds to one file every second."""
    latencies = backfill(kafka_settings, clickhouse_settings, 200_000, within=600)
    assert percentile(latencies, 0.99) < 5
