"""The service: the two roles put together from the settings, run until told to stop.

Knows no arguments, environment or signals: the command line hands it settings and a stop event,
so tests and the demo run it in process. The first fatal error of any part stops all and is raised.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import structlog

import models
from models import Classifier, ModelError, load_classifier
from stream import garbage, generations, kafka, metrics, schema
from stream.alerting.judge import Written
from stream.board.access import access_of
from stream.board.context import (
    BoardContext,
    RulesInForce,
    counted_dead_letters,
    unknown_dead_letters,
)
from stream.board.server import BoardServer
from stream.catalogue import load_catalogue
from stream.clock import Clock
from stream.consume import Consumer
from stream.database import Client, connect
from stream.dead_letters import BadStreamGuard, DeadLetters
from stream.embedded.broker import DLQ_MAX_BYTES, EmbeddedBroker, reached_at, running_in
from stream.errors import UsageError
from stream.leadership import leadership_for
from stream.match import Matcher
from stream.model_reports import ModelReports, WatchedScorer
from stream.pipeline import Pipeline
from stream.probes import probes
from stream.retry import Patience, Stopped
from stream.rules import Rules
from stream.rules_file import RulesFile
from stream.running import Running, nothing_to_check
from stream.score import Scorer
from stream.settings import Kafka, Settings
from stream.store import Store
from stream.watch import Watcher, run_watcher

log = structlog.get_logger()

SHIPPED_MODEL = Path(models.__file__).parent / "default"


@contextmanager
def embedded_broker(settings: Settings) -> Iterator[tuple[Settings, Callable[[], None]]]:
    """Settings that reach a broker: the given one, or an embedded one for as long as it is needed.

    With them comes a check that raises StopService once the embedded one has died: it would not
    come back by itself. Call this from the main thread: the broker dies with the thread that
    started it.
    """
    if settings.kafka.bootstrap_servers:
        if settings.kafka.create_topics:
            kafka.create_topics(settings.kafka)
        yield settings, nothing_to_check
        return
    with EmbeddedBroker(settings.kafka.path, settings.kafka.port or None) as broker:
        reached = reached_at(broker.bootstrap_servers, settings.kafka)
        broker.create_topic(reached.topic, reached.partitions)
        broker.create_topic(reached.dlq_topic, 1, max_message_bytes=DLQ_MAX_BYTES)
        log.info("broker.started", bootstrap_servers=broker.bootstrap_servers)
        yield settings.model_copy(update={"kafka": reached}), broker.check


def reachable(given: Kafka) -> Kafka | None:
    """Settings that reach a broker without starting one: the given one, or the embedded one that
    `undertone run` has in this directory. None where there is neither."""
    if given.bootstrap_servers:
        return given
    address = running_in(given.path)
    return reached_at(address, given) if address else None


def prepare_database(settings: Settings, patience: Patience) -> None:
    """Bring an embedded database up to date; on a server that is the operator's to do."""
    target = schema_target(settings)

    def prepare() -> None:
        with connect(settings.clickhouse, "") as client:
            if settings.clickhouse.interface == "chdb":
                schema.apply(client, target)
            else:
                schema.require(client, target)

    patience.until_answered(prepare, "clickhouse")


def schema_target(settings: Settings) -> schema.Target:
    """Where and how the tables are made."""
    return schema.Target(
        database=settings.clickhouse.database,
        retention_days=settings.retention.posts.days,
        cluster=settings.clickhouse.cluster,
    )


def load_scorer(settings: Settings) -> Classifier:
    """The classifier of the settings. Raises UsageError with the reason it cannot be used."""
    model = settings.model
    path = model.path or SHIPPED_MODEL
    try:
        found = load_classifier(
            path,
            device=model.device,
            backend=model.backend,
            threads=model.threads,
            labels=model.labels,
        )
    except ModelError as error:
        raise UsageError(f"model.path {path}: {error}") from None
    metrics.PASSAGES.read(lambda: (found.scored, found.cache_hits))
    log.info("model.loaded", backend=found.backend.name, why=found.why)
    return found


def start_consumer(running: Running, scorer: Scorer | None = None) -> None:
    """Load what a consumer needs, so that errors show at once, and run it in a thread."""
    settings, patience = running.settings, running.patience
    catalogue = load_catalogue(settings.brands.file)
    reports = ModelReports(settings.clickhouse)
    scorer = WatchedScorer(scorer or reports.watched(lambda: load_scorer(settings)), reports)
    matcher = Matcher(catalogue)
    analysis = generations.Analysis(scorer.model_hash, catalogue.hash)
    with patience.until_answered(lambda: connect(settings.clickhouse), "clickhouse") as client:
        generation = patience.until_answered(
            lambda: generations.admit(client, analysis), "clickhouse"
        )
    log.info("consumer.starting", generation=generation, brands=len(catalogue.brands))

    def consume() -> None:
        with ExitStack() as closing:

            def connected() -> Client:
                """A connection of its own for each thread."""
                client = patience.until_answered(lambda: connect(settings.clickhouse), "clickhouse")
                closing.callback(client.close)
                return client

            producer = patience.until_answered(
                lambda: kafka.dead_letter_producer(settings.kafka), "kafka"
            )
            closing.callback(producer.close, timeout=3)

            def find_brokers() -> bool:
                kafka.learn_addresses(producer)
                return kafka.answers(settings.kafka)

            pipeline = Pipeline(
                matcher=matcher,
                scorer=scorer,
                store=Store(connected(), settings.clickhouse, look_ups=connected()),
                dead_letters=DeadLetters(
                    producer,
                    settings.kafka.dlq_topic,
                    BadStreamGuard(settings.kafka.most_bad),
                    find_brokers=find_brokers,
                ),
                generation=generation,
                retention=settings.retention.posts,
                clock=running.clock,
                patience=patience,
            )
            progress = Store(connected(), settings.clickhouse)
            Consumer(
                settings.kafka, pipeline, progress, running.clock, running.health, patience
            ).run()

    running.start("consumer", consume)


def start_watcher(
    running: Running,
    rules: Rules | None = None,
    on_transition: Callable[[Written], None] = lambda _: None,
) -> Callable[[], RulesInForce]:
    """Load the rules, so that errors show at once, and run the watcher in a thread.

    Rules that are given stay; those of the settings' file change with it. What is returned tells
    which are in force, from any thread.
    """
    settings = running.settings
    found = rules or RulesFile(settings.alerts.file)
    leadership = leadership_for(settings, running.health)
    brands = {brand.name for brand in load_catalogue(settings.brands.file).brands}
    watcher = running.patience.until_answered(
        lambda: Watcher(settings, found, running.clock, on_transition, leadership, brands),
        "clickhouse",
    )
    log.info("watcher.starting", rules=watcher.rule_names)
    running.start("watcher", lambda: run_watcher(watcher, settings, running.health, running.stop))
    running.start("leadership", leadership.run)
    if isinstance(found, Rules):
        return lambda: RulesInForce(found)
    return lambda: RulesInForce(found.rules, found.refused)


def start_board(
    running: Running,
    *,
    consumes: bool,
    rules_in_force: Callable[[], RulesInForce] = RulesInForce,
) -> BoardServer:
    """Serve the live board, health and metrics. Raises UsageError where strangers could use it."""
    settings = running.settings
    context = BoardContext(
        clickhouse=settings.clickhouse,
        clock=running.clock,
        topic=settings.kafka.topic,
        ready=running.health.problems,
        dead_letters=counted_dead_letters if consumes else unknown_dead_letters,
        catalogue=load_catalogue(settings.brands.file),
        rules_in_force=rules_in_force,
        closes_after=settings.alerts.closes_after,
        model_name=(settings.model.path or SHIPPED_MODEL).name,
        access=access_of(settings.web),
        hosts=[settings.web.host, urlsplit(settings.web.public_url).hostname or ""],
    )
    board = BoardServer(context, settings.web.host, settings.web.port)
    board.start()
    log.info("board.started", url=board.url)
    return board


def run_roles(
    settings: Settings, clock: Clock, stop: threading.Event, *, consumes: bool, watches: bool
) -> None:
    """`undertone run`, `consume` or `watch`: everything up in order, and down again in reverse.

    Raises the first failure of any part; a stop by signal is no failure.
    """
    if watches:
        access_of(settings.web)  # before anything is started: a stranger's board never is
    with ExitStack() as closing:
        check = nothing_to_check
        if consumes:
            settings, check = closing.enter_context(embedded_broker(settings))
        running = Running(settings, clock, stop, check)
        closing.callback(running.end)
        try:
            prepare_database(settings, running.patience)
            if consumes:
                start_consumer(running)
            if watches:
                rules = start_watcher(running)
                board = start_board(running, consumes=consumes, rules_in_force=rules)
                closing.callback(board.stop)
            elif settings.web.probe_port:
                closing.enter_context(
                    probes(running.health, settings.web.host, settings.web.probe_port)
                )
        except Stopped:
            return
        garbage.look_seldom()
        log.info("service.started", consumes=consumes, watches=watches)
        running.wait()
    running.raise_failure()
    log.info("service.stopped")
