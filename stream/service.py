"""The service: the two roles put together from the settings, run until told to stop.

Knows no arguments, environment or signals: the command line hands it settings and a stop event,
so tests and the demo run it in process. The first fatal error of any part stops all and is raised.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

import models
from models import ModelError, load_classifier
from stream import generations, kafka, schema
from stream.alerts import Transition
from stream.board.context import BoardContext, counted_dead_letters, unknown_dead_letters
from stream.board.server import BoardServer
from stream.catalogue import load_catalogue
from stream.clock import Clock
from stream.consume import Consumer
from stream.database import connect
from stream.dead_letters import DeadLetters
from stream.embedded.broker import DLQ_MAX_BYTES, EmbeddedBroker
from stream.errors import StopService, UsageError
from stream.health import Health
from stream.match import Matcher
from stream.pipeline import Pipeline
from stream.probes import Probes
from stream.retry import Stopped, until_answered
from stream.rules import Rules, load_rules
from stream.score import Scorer
from stream.settings import Settings
from stream.store import Store
from stream.watch import Watcher, run_watcher

log = structlog.get_logger()

SHIPPED_MODEL = Path(models.__file__).parent / "default"
_JOIN_SECONDS = 22  # of the 25 s that a clean stop may take


@dataclass
class Running:
    """What the parts of one process share."""

    settings: Settings
    clock: Clock
    stop: threading.Event
    health: Health = field(default_factory=Health)
    failures: list[BaseException] = field(default_factory=list)

    def guard(self, name: str, run: Callable[[], None]) -> threading.Thread:
        """Run a part in a thread; its failure stops the service and is raised at the end."""

        def body() -> None:
            try:
                run()
            except Stopped:
                pass
            except BaseException as error:
                self.failures.append(error)
                log.error("part.failed", part=name, reason=str(error))
            finally:
                self.stop.set()

        thread = threading.Thread(target=body, name=name, daemon=True)
        thread.start()
        return thread


@contextmanager
def embedded_broker(settings: Settings) -> Iterator[Settings]:
    """Settings that reach a broker: the given one, or an embedded one for as long as it is needed.

    Call it from the main thread: the broker dies with the thread that started it.
    """
    if settings.kafka.bootstrap_servers:
        if settings.kafka.create_topics:
            kafka.create_topics(settings.kafka)
        yield settings
        return
    with EmbeddedBroker(settings.kafka.path, settings.kafka.port or None) as broker:
        reached = settings.kafka.model_copy(update={"bootstrap_servers": broker.bootstrap_servers})
        broker.create_topic(reached.topic, reached.partitions)
        broker.create_topic(reached.dlq_topic, 1, max_message_bytes=DLQ_MAX_BYTES)
        log.info("broker.started", bootstrap_servers=broker.bootstrap_servers)
        yield settings.model_copy(update={"kafka": reached})


def prepare_database(settings: Settings, stop: threading.Event) -> None:
    """Bring an embedded database up to date; on a server that is the operator's to do."""
    target = schema_target(settings)
    client = until_answered(lambda: connect(settings.clickhouse, ""), "clickhouse", stop)
    try:
        if settings.clickhouse.interface == "chdb":
            schema.apply(client, target)
        elif missing := schema.pending(client, target):
            raise StopService(
                f"clickhouse.database {target.database}: {len(missing)} schema steps are not "
                f"applied (first: {missing[0][0]}); run `undertone schema --apply`"
            )
    finally:
        client.close()


def schema_target(settings: Settings) -> schema.Target:
    """Where and how the tables are made."""
    return schema.Target(
        database=settings.clickhouse.database,
        retention_days=settings.retention.posts.days,
        cluster=settings.clickhouse.cluster,
    )


def load_scorer(settings: Settings) -> Scorer:
    """The classifier of the settings. Raises UsageError with the reason it cannot be used."""
    model = settings.model
    path = model.path or SHIPPED_MODEL
    try:
        return load_classifier(
            path, device=model.device, backend=model.backend, threads=model.threads
        )
    except ModelError as error:
        raise UsageError(f"model.path {path}: {error}") from None


def start_consumer(running: Running, scorer: Scorer | None = None) -> threading.Thread:
    """Load what a consumer needs, so that errors show at once, and run it in a thread."""
    settings, stop = running.settings, running.stop
    catalogue = load_catalogue(settings.brands.file)
    scorer = scorer or load_scorer(settings)
    matcher = Matcher(catalogue)
    client = until_answered(lambda: connect(settings.clickhouse), "clickhouse", stop)
    generation = until_answered(
        lambda: generations.admit(client, generations.Analysis(scorer.model_hash, catalogue.hash)),
        "clickhouse",
        stop,
    )
    log.info("consumer.starting", generation=generation, brands=len(catalogue.brands))

    def consume() -> None:
        with ExitStack() as closing:
            store = Store(client, settings.clickhouse)
            closing.callback(store.close)
            progress = Store(connect(settings.clickhouse), settings.clickhouse)
            closing.callback(progress.close)
            producer = until_answered(lambda: kafka.producer(settings.kafka), "kafka", stop)
            closing.callback(producer.close, timeout=3)
            pipeline = Pipeline(
                matcher=matcher,
                scorer=scorer,
                store=store,
                dead_letters=DeadLetters(producer, settings.kafka.dlq_topic),
                generation=generation,
                retention=settings.retention.posts,
                clock=running.clock,
                stop=stop,
            )
            Consumer(settings.kafka, pipeline, progress, running.clock, running.health, stop).run()

    return running.guard("consumer", consume)


def start_watcher(
    running: Running,
    rules: Rules | None = None,
    on_transition: Callable[[Transition], None] = lambda _: None,
) -> threading.Thread:
    """Load the rules, so that errors show at once, and run the watcher in a thread."""
    settings = running.settings
    rules = rules or load_rules(settings.alerts.file)
    watcher = until_answered(
        lambda: Watcher(settings, rules, running.clock, on_transition), "clickhouse", running.stop
    )
    log.info("watcher.starting", rules=len(rules.rules), receivers=len(rules.receivers))
    return running.guard(
        "watcher", lambda: run_watcher(watcher, settings, running.health, running.stop)
    )


def start_board(running: Running, *, consumes: bool) -> BoardServer:
    """Serve the live board, health and metrics."""
    settings = running.settings
    context = BoardContext(
        clickhouse=settings.clickhouse,
        clock=running.clock,
        topic=settings.kafka.topic,
        ready=running.health.problems,
        dead_letters=counted_dead_letters if consumes else unknown_dead_letters,
        brands=[brand.name for brand in load_catalogue(settings.brands.file).brands],
        hosts=[settings.web.host],
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
    with ExitStack() as closing:
        if consumes:
            settings = closing.enter_context(embedded_broker(settings))
        running = Running(settings, clock, stop)
        try:
            prepare_database(settings, stop)
            threads = [start_consumer(running)] if consumes else []
            if watches:
                threads.append(start_watcher(running))
                closing.callback(start_board(running, consumes=consumes).stop)
            elif settings.web.probe_port:
                closing.enter_context(
                    Probes(running.health, settings.web.host, settings.web.probe_port)
                )
        except Stopped:
            return
        log.info("service.started", consumes=consumes, watches=watches)
        wait(running, threads)
    log.info("service.stopped")


def wait(running: Running, threads: list[threading.Thread]) -> None:
    """Wait for the stop event, then for the parts to end. Raises the first failure."""
    while not running.stop.wait(0.5):
        pass
    for thread in threads:
        thread.join(_JOIN_SECONDS)
    if running.failures:
        raise running.failures[0]
