"""Real posts through broker, consumer, database and windows equal a plain recount of the file."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stream import kafka, schema
from stream.catalogue import load_catalogue
from stream.clock import Clock
from stream.consume import Consumer
from stream.database import Client, connect
from stream.dead_letters import DeadLetters
from stream.health import Health
from stream.match import Matcher
from stream.pipeline import Pipeline
from stream.produce import last_time, parse, produce, read_lines
from stream.retry import Patience
from stream.settings import ClickHouse, Kafka
from stream.store import Store
from stream.windows import run_pass
from tests.e2e.recount import posts_of, recount
from tests.stream.consuming import eventually
from tests.stream.fakes import PureScorer, weights

FILES = Path(__file__).parents[3] / "shared/data/stream"
SUBJECTS = Path(__file__).parent / "subjects.yaml"
POSTS = 2500
RETENTION = timedelta(days=20_000)


def consume(settings: Kafka, clickhouse: ClickHouse, stop: threading.Event) -> threading.Thread:
    def run() -> None:
        health = Health()
        patience = Patience(stop, health)
        producer = kafka.producer(settings)
        store = Store(connect(clickhouse), clickhouse, look_ups=connect(clickhouse))
        progress = Store(connect(clickhouse), clickhouse)
        pipeline = Pipeline(
            matcher=Matcher(load_catalogue(SUBJECTS)),
            scorer=PureScorer(),
            store=store,
            dead_letters=DeadLetters(producer, settings.dlq_topic),
            generation=1,
            retention=RETENTION,
            clock=Clock.of_wall(),
            patience=patience,
        )
        Consumer(settings, pipeline, progress, Clock.of_wall(), health, patience).run()
        store.close()
        progress.close()
        producer.close(timeout=5)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def send(file: Path, settings: Kafka, shift: timedelta = timedelta(0), limit: int = POSTS) -> None:
    client = kafka.producer(settings)
    lines = [parse(line, shift) for _, line in zip(range(limit), read_lines(file), strict=False)]
    produce(
        iter(lines),
        lambda line: client.send(settings.topic, key=line.key, value=line.value),
        speed=None,
        stop=threading.Event(),
    )
    client.flush(timeout=30)
    client.close(timeout=5)


def stored(client: Client) -> int:
    return int(client.query("SELECT count() FROM posts FINAL").result_rows[0][0])


@pytest.mark.parametrize("name", ["weibo_2020-03-05..09.jsonl.gz", "tweets_2016-09.jsonl.gz"])
def test_mentions_and_labels_per_brand_and_minute_equal_the_files(
    name: str, kafka_settings: Kafka, clickhouse_settings: ClickHouse
) -> None:
    file = FILES / name
    if not file.is_file():
        pytest.skip(f"needs ../shared/data/stream/{name}")
    client = connect(clickhouse_settings)
    schema.apply(client, schema.Target(clickhouse_settings.database, RETENTION.days))
    stop = threading.Event()
    send(file, kafka_settings)
    thread = consume(kafka_settings, clickhouse_settings, stop)
    try:
        posts = posts_of(file, POSTS)
        eventually(lambda: stored(client) == len(posts), within=90)
    finally:
        stop.set()
        thread.join(30)
    run_pass(
        client,
        now=datetime.now(UTC),
        margin=timedelta(seconds=40),
        retention=RETENTION,
        limit=timedelta(seconds=60),
    )
    brands = [brand.name for brand in load_catalogue(SUBJECTS).brands]
    rows = client.query(
        "SELECT brand, toDateTime64(window_start, 0, 'UTC'), sum(mentions), sum(negative), "
        "sum(neutral), sum(positive) FROM window_scores FINAL WHERE topic = '' GROUP BY 1, 2"
    ).result_rows
    client.close()
    assert {(brand, minute): mentions for brand, minute, mentions, *_ in rows} == dict(
        recount(posts, brands)
    )
    assert sum((Counter(_labels(row)) for row in rows), Counter()) == _expected_labels(
        posts, brands
    )


def _labels(row: tuple[Any, ...]) -> dict[tuple[str, str], int]:
    brand, _, _, *numbers = row
    return dict(zip(((brand, label) for label in LABELS), numbers, strict=True))


LABELS = ("negative", "neutral", "positive")


def _expected_labels(posts: list[dict[str, Any]], brands: list[str]) -> Counter[tuple[str, str]]:
    """Labels by the scorer's own arithmetic on the text and the words as they stand in it."""
    found: Counter[tuple[str, str]] = Counter()
    for post in posts:
        for brand in brands:
            if not recount([post], [brand]):
                continue
            text = post["text"]
            at = text.lower().find(brand.lower())
            numbers = weights(text, text[at : at + len(brand)])
            found[brand, LABELS[numbers.index(max(numbers))]] += 1
    return found


def test_a_file_shifted_to_now_ends_now_and_keeps_its_distances(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_text(
        '{"source": "s", "post_id": "1", "text": "a", "created_at": "2016-09-01T00:00:00+00:00"}\n'
        '{"source": "s", "post_id": "2", "text": "b", "created_at": "2016-09-01T00:00:30+00:00"}\n'
        "no post\n",
        encoding="utf-8",
    )
    now = datetime.now(UTC)
    shift = now - last_time(file)
    lines = [parse(line, shift) for line in read_lines(file)]
    assert [line.at for line in lines] == [now - timedelta(seconds=30), now, None]
    assert lines[0].key == b"s:1" and lines[2].key is None
    assert lines[2].value == b"no post"
