"""Good posts a second with poison and without, by the real consumer and a costless scorer.

usage: python -m tests.faults.poison_throughput [--posts N] [--repeats R] [--deep] [--json] …

A broker and a database, both embedded, in a directory of their own. Each repeat fills two fresh
topics with the same number of good posts, one of them with poison in addition (`tests.stream.
poison`, every small kind in turn; `--deep` adds JSON of depth 100,000), and lets a consumer empty
each, without first and with first in turn. The clock runs from the first stored post to the last.
Exit code 1 where the ratio of the medians is below 0.9 (the mark of T15).
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import logging
import random
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

import structlog
from kafka import KafkaProducer

from stream import metrics, schema
from stream.database import connect
from stream.embedded.broker import DLQ_MAX_BYTES, EmbeddedBroker
from stream.settings import ClickHouse, Kafka
from tests.stream.consuming import Service, post
from tests.stream.poison import DEEP, SMALL

MARK = 0.9
PARTITIONS = 3
_names = itertools.count()


class Bench:
    """A broker and a directory for databases."""

    def __init__(self, broker: EmbeddedBroker, directory: Path, deep: bool) -> None:
        self._broker = broker
        self._directory = directory
        self._kinds = [*(SMALL | DEEP if deep else SMALL).values()]

    def rate(self, good: int, bad: int) -> float:
        """Good posts a second, of a topic that holds so many good and bad messages."""
        name = next(_names)
        kafka = Kafka(
            bootstrap_servers=self._broker.bootstrap_servers,
            topic=f"posts{name}",
            dlq_topic=f"dlq{name}",
            group_id=f"group{name}",
            partitions=PARTITIONS,
            max_poll_interval=timedelta(seconds=10),
        )
        self._fill(kafka, good, bad)
        clickhouse = ClickHouse(path=self._directory, database=f"bench{name}")
        with contextlib.closing(connect(clickhouse, "")) as client:
            schema.apply(client, schema.Target(clickhouse.database, retention_days=400))
            service = Service(kafka, clickhouse)
            try:
                return self._watch(good)
            finally:
                service.close()
                assert service.failure is None, service.failure
                found = client.query(f"SELECT count() FROM {clickhouse.database}.posts FINAL")
                assert found.result_rows == [(good,)]
                client.command(f"DROP DATABASE {clickhouse.database}")

    def _fill(self, kafka: Kafka, good: int, bad: int) -> None:
        for topic, room in ((kafka.topic, None), (kafka.dlq_topic, DLQ_MAX_BYTES)):
            limit = {"max_message_bytes": room} if room else {}
            self._broker.create_topic(topic, PARTITIONS, **limit)
        kinds = itertools.cycle(self._kinds)
        values = [make(number) for number, make in zip(range(bad), kinds, strict=False)]
        messages = [(b"s:bad", value) if value is not None else (b"-", None) for value in values]
        messages += [(f"s:{number}".encode(), post(number)) for number in range(good)]
        random.Random(good).shuffle(messages)
        producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, linger_ms=20)
        for number, (key, value) in enumerate(messages):
            producer.send(kafka.topic, key=key, value=value, partition=number % PARTITIONS)
        producer.flush()
        producer.close(timeout=10)

    def _watch(self, good: int) -> float:
        before = metrics.POSTS_STORED._value.get()

        def stored() -> int:
            return int(metrics.POSTS_STORED._value.get() - before)

        while not stored():
            time.sleep(0.002)
        began, first = time.perf_counter(), stored()
        while stored() < good:
            time.sleep(0.002)
        return (good - first) / (time.perf_counter() - began)


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    options.add_argument("--posts", type=int, default=20_000, help="good posts a topic")
    options.add_argument("--share", type=float, default=0.05, help="of all messages that are bad")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--deep", action="store_true", help="with JSON of depth 100,000")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    bad = round(given.posts * given.share / (1 - given.share))
    rates: dict[str, list[float]] = {"without": [], "with": []}
    with tempfile.TemporaryDirectory() as directory, EmbeddedBroker(Path(directory, "k")) as broker:
        bench = Bench(broker, Path(directory, "c"), given.deep)
        held = connect(ClickHouse(path=Path(directory, "c")), "")  # or each topic starts an engine
        bench.rate(given.posts // 10, bad // 10)  # warm
        for repeat in range(given.repeats):
            for name in ("without", "with") if repeat % 2 == 0 else ("with", "without"):
                rates[name].append(bench.rate(given.posts, bad if name == "with" else 0))
                print(
                    f"{repeat + 1}/{given.repeats} {name:7} poison: {rates[name][-1]:,.0f}",
                    file=sys.stderr,
                )
        held.close()
    ratio = median(rates["with"]) / median(rates["without"])
    if given.json:
        print(json.dumps({"rates": rates, "ratio": ratio, "share": given.share, "bad": bad}))
    else:
        for name, found in rates.items():
            print(
                f"{name:7} poison: {median(found):,.0f} good posts/s "
                f"({min(found):,.0f} to {max(found):,.0f})"
            )
        print(f"ratio of the medians {ratio:.3f}; the mark is {MARK}")
    return int(ratio < MARK)


if __name__ == "__main__":
    sys.exit(main())
