"""How long a post and an alert take while the machine does half of what it can."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from pydantic import SecretStr

from models import Passage
from stream import kafka, metrics
from stream.alerting.judge import Written
from stream.bench.figures import Bar, Figure, Part
from stream.bench.plan import Bench
from stream.bench.posts import Corpus, message
from stream.bench.whole import STAGES, Whole, consuming, drain, fill, whole
from stream.database import connect
from stream.errors import StopService, UsageError
from stream.receiver import Receiver
from stream.receivers import Receiver as ReceiverRule
from stream.rules import Rule, Rules
from stream.running import Running
from stream.score import Scorer
from stream.service import load_scorer, start_watcher
from stream.settings import Settings

POSTS = 2000
"""Of the run that finds the full speed."""

LOAD = 0.5
SPIKE = 30
"""Negative posts of one brand in one minute; else none is negative."""

_MINUTE = timedelta(minutes=1)
_PAST = 60  # minutes of calm before the first spike, one post a brand in each
_SPIKE_AFTER = 0.6  # of its minute
_PATIENCE = timedelta(seconds=90)
_MARK = "spike"
_ENDLESS = 1 << 40
_SECRET = "whsec_" + "A" * 32


class Moody:
    """Takes the model's time, and says what is wanted: negative of a spike's posts, else neutral.

    So it is known before which minutes must raise an alert.
    """

    _NEGATIVE = np.array([0.9, 0.08, 0.02], np.float32)
    _NEUTRAL = np.array([0.1, 0.8, 0.1], np.float32)

    def __init__(self, model: Scorer) -> None:
        self._model = model
        self.model_hash = f"moody {model.model_hash}"

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        self._model.score(passages)
        of_a_spike = np.array([_MARK in passage.text for passage in passages])
        return np.where(of_a_spike[:, None], self._NEGATIVE, self._NEUTRAL)


def measure(bench: Bench) -> Part:
    """One run of as many minutes as there are repeats, each with a spike of another brand.

    Post produced → row stored, by the record's time and the row's; end of the minute that proves
    it → transition written → webhook received, by this machine's clock.
    """
    corpus, scorer = bench.corpus, Moody(load_scorer(bench.settings))
    brands = [brand.name for brand in corpus.catalogue.brands if corpus.of(brand.name).posts]
    if len(brands) < 2:
        raise UsageError(
            "bench latency: the posts name one brand alone; give --posts that name two"
        )
    spiking = brands[: min(bench.repeats, len(brands) // 2)]
    # Of the others: a spike of a brand that is named all the time would be a small share of it.
    others = corpus.of(*brands[len(spiking) :])
    ends: dict[str, datetime] = {}
    judged: dict[str, datetime] = {}

    def note(written: Written) -> None:
        judged.setdefault(written.row.brand, datetime.now(UTC))

    with whole(bench.settings, bench.directory) as bed, Receiver(_SECRET) as receiver:
        load = LOAD * _full_speed(bench, bed, scorer)
        settings = bed.fresh()
        with consuming(settings, scorer) as running:
            fill(settings, _calm(corpus, brands, datetime.now(UTC)))
            with _load(others, settings, load, running):
                minute = datetime.now(UTC).replace(second=0, microsecond=0) + _MINUTE
                _sleep_until(minute)
                start_watcher(running, _rules(receiver.url), note)
                began, before = datetime.now(UTC), _buckets()
                for brand in spiking:
                    _sleep_until(minute + _SPIKE_AFTER * _MINUTE)
                    _spike(corpus.of(brand), settings)
                    minute = ends[brand] = minute + _MINUTE
                    _sleep_until(minute)
                    bench.tick("latency")
                heard = _heard(receiver, spiking, running)
                spent = _difference(_buckets(), before)
            stored = _stored_after(settings, began)
    p50, p99 = (float(np.quantile(stored, share)) for share in (0.5, 0.99))
    told = [(heard[brand] - ends[brand]).total_seconds() for brand in spiking]
    seconds = [(judged[brand] - ends[brand]).total_seconds() for brand in spiking]
    slowest = float(np.quantile(told, 0.99))
    stages = (
        Figure(f"{stage} of a batch, p{share * 100:.0f}", "s", (quantile(spent[stage], share),))
        for stage in STAGES
        for share in (0.5, 0.99)
    )
    return Part(
        "latency",
        (
            Figure("produced → stored, p50", "s", (p50,)),
            Figure("produced → stored, p99", "s", (p99,)),
            *stages,
            Figure("end of minute → judged", "s", tuple(seconds)),
            Figure("end of minute → webhook", "s", tuple(told)),
        ),
        (
            Bar("produced → stored, p99", p99, 5, at_most=True, unit="s"),
            Bar("end of minute → webhook, p99", slowest, 30, at_most=True, unit="s"),
        ),
        (
            f"posts: {corpus.name}, one mention each; {load:.0f} posts/s, half of what this "
            f"machine stores; {len(stored)} posts",
            "stages of a batch are read off the service's own histograms",
        ),
    )


def quantile(buckets: Mapping[float, float], share: float) -> float:
    """Of a histogram, given as counts up to each bound: linear within a bucket, as PromQL does.

    The last finite bound where it lies above all of them.
    """
    wanted = share * max(buckets.values(), default=0.0)
    below, low = 0.0, 0.0
    for bound, count in sorted(buckets.items()):
        if count >= wanted and count > below and np.isfinite(bound):
            return low + (bound - low) * (wanted - below) / (count - below)
        if np.isfinite(bound):
            below, low = count, bound
    return low


def _full_speed(bench: Bench, bed: Whole, scorer: Scorer) -> float:
    count = bench.count(POSTS)
    return drain(bed.filled(bench.corpus, count, "full"), scorer, count).rate


def _calm(corpus: Corpus, brands: Sequence[str], now: datetime) -> Iterator[tuple[bytes, bytes]]:
    for brand in brands:
        for number, post in enumerate(corpus.of(brand).take(_PAST, f"calm-{brand}-")):
            yield message(post, now - (number + 1) * _MINUTE)


@contextmanager
def _load(corpus: Corpus, settings: Settings, rate: float, running: Running) -> Iterator[None]:
    """Posts at a steady pace, each dated when it is sent, for as long as the context lasts."""
    over = threading.Event()
    producer = kafka.producer(settings.kafka)

    def send() -> None:
        began = time.monotonic()
        for number, post in enumerate(corpus.take(_ENDLESS, "load")):
            if over.wait(max(0.0, began + number / rate - time.monotonic())):
                return
            key, value = message(post, datetime.now(UTC))
            producer.send(settings.kafka.topic, key=key, value=value)

    thread = threading.Thread(target=send, name="load", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        producer.close(timeout=5)
    running.raise_failure()


def _spike(corpus: Corpus, settings: Settings) -> None:
    now = datetime.now(UTC)
    fill(settings, (message(post, now) for post in corpus.take(SPIKE, f"{_MARK}-")))


def _sleep_until(moment: datetime) -> None:
    while (left := (moment - datetime.now(UTC)).total_seconds()) > 0:
        time.sleep(left)


def _heard(receiver: Receiver, brands: Sequence[str], running: Running) -> dict[str, datetime]:
    """When the first webhook about each brand came. Raises StopService where one does not come."""
    deadline = datetime.now(UTC) + _PATIENCE
    while True:
        found: dict[str, datetime] = {}
        for webhook_id, at in sorted(receiver.received_at.items(), key=lambda item: item[1]):
            found.setdefault(receiver.verified[webhook_id]["data"]["brand"], at)
        if found.keys() >= set(brands):
            return found
        running.raise_failure()
        if datetime.now(UTC) > deadline:
            raise StopService(f"bench latency: no webhook about {set(brands) - found.keys()} came")
        time.sleep(0.2)


def _stored_after(settings: Settings, began: datetime) -> NDArray[np.float64]:
    """Seconds from record to row of each post sent from `began` on."""
    with closing(connect(settings.clickhouse)) as client:
        rows = client.query(
            "SELECT dateDiff('millisecond', kafka_time, ingested_at) FROM posts "
            "WHERE kafka_time >= {began:DateTime64(3, 'UTC')}",
            parameters={"began": began},
        ).result_rows
    return np.array([row[0] for row in rows], np.float64) / 1000


def _rules(url: str) -> Rules:
    """One that judges each minute, for every brand, and tells the benchmark's receiver."""
    receiver = ReceiverRule(
        name="bench", url=SecretStr(url), secrets=(SecretStr(_SECRET),), allow_private=True
    )
    rule = Rule(
        name="bench",
        granularity=_MINUTE,
        sensitivity=100,  # how soon a told alarm arrives is measured, not how soon it is sure
        history=_PAST * _MINUTE,
        warm_up=_PAST * _MINUTE / 2,
        receivers=("bench",),
    )
    return Rules(rules=(rule,), receivers=(receiver,))


def _buckets() -> dict[str, dict[float, float]]:
    """Of each stage: batches up to so many seconds, until now."""
    found: dict[str, dict[float, float]] = {stage: {} for stage in STAGES}
    for metric in metrics.STAGE_SECONDS.collect():
        for sample in metric.samples:
            if "le" in sample.labels and sample.labels["stage"] in found:
                found[sample.labels["stage"]][float(sample.labels["le"])] = sample.value
    return found


def _difference(
    now: Mapping[str, Mapping[float, float]], before: Mapping[str, Mapping[float, float]]
) -> dict[str, dict[float, float]]:
    return {
        stage: {bound: count - before[stage].get(bound, 0.0) for bound, count in counts.items()}
        for stage, counts in now.items()
    }
