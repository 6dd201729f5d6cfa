"""`undertone demo`: the whole service on embedded parts, playing a written scenario.

Everything but the producer and the receiver is the production code. One scenario clock (start,
factor) is given to producer, windows, detector and page: it starts at now minus the scenario's
length and runs `speed` times as fast until it meets the wall clock. The baseline days are
produced first, in one go; the watcher starts when they are stored.
"""

from __future__ import annotations

import base64
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from stream import kafka
from stream.alerting.coverage import minute_of
from stream.alerting.judge import Written
from stream.board.context import RulesInForce, counted_dead_letters
from stream.clock import Clock
from stream.database import Client, connect
from stream.demo_report import Summary, Told, in_words, sum_up
from stream.detector.folds import MINUTE
from stream.errors import StopService
from stream.receiver import Receiver
from stream.receivers import Receiver as ReceiverRule
from stream.rules import NoData, Rule, Rules
from stream.running import Running
from stream.scenario import Message, Scenario, expected, load_scenario, messages
from stream.score import Scorer
from stream.service import (
    embedded_broker,
    prepare_database,
    start_board,
    start_consumer,
    start_watcher,
)
from stream.settings import ClickHouse, Settings

_LOAD_LIMIT = 600.0  # seconds for the baseline; a slow machine scores 10 posts/s
_DRAIN_LIMIT = 120.0


@dataclass(frozen=True)
class Scene:
    """What a caller may show while it plays."""

    phase: str
    now: datetime
    done: int
    total: int


class Demo:
    """One play of a scenario. `on_alert` is told each transition, `on_scene` how far it is."""

    def __init__(
        self,
        settings: Settings,
        scenario_directory: Path,
        *,
        speed: float | None = None,
        stop: threading.Event,
        scorer: Scorer | None = None,
        on_scene: Callable[[Scene], None] = lambda _: None,
        on_alert: Callable[[Told], None] = lambda _: None,
        on_board: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._scenario: Scenario = load_scenario(scenario_directory)
        self._directory = scenario_directory
        self._settings = settings
        self._stop = stop
        self._scorer = scorer
        self._on_scene, self._on_alert, self._on_board = on_scene, on_alert, on_board
        start = datetime.now(UTC) - self._scenario.length
        self._start = start
        self.clock = Clock.scenario(start, speed or self._scenario.default_speed)
        self._told: list[tuple[Written, datetime]] = []
        self._dead_before = counted_dead_letters() or 0

    def play(
        self, *, once: bool, on_summary: Callable[[Summary], None] = lambda _: None
    ) -> Summary | None:
        """Play it; with `once` end after the scenario, else go on until stopped.

        Returns the summary, or None when stopped before the end. Raises the first failure.
        """
        with ExitStack() as closing:
            home = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="undertone-")))
            secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
            receiver = closing.enter_context(Receiver(secret))
            settings, check = closing.enter_context(embedded_broker(self._settings_in(home)))
            running = Running(settings, self.clock, self._stop, check)
            closing.callback(running.end)
            prepare_database(settings, running.patience)
            client = connect(settings.clickhouse)
            closing.callback(client.close)
            rules = _rules(receiver.url, secret)
            board = start_board(running, consumes=True, rules_in_force=lambda: RulesInForce(rules))
            closing.callback(board.stop)
            self._on_board(board.url)
            start_consumer(running, self._scorer)

            played = messages(self._scenario, self._start)
            baseline = [message for message in played if message.at < self._start]
            live = played[len(baseline) :]
            producer = kafka.producer(settings.kafka)
            closing.callback(producer.close, timeout=3)

            sent: list[Any] = []

            def send(message: Message) -> None:
                future = producer.send(
                    settings.kafka.topic,
                    key=message.key,
                    value=message.value,
                    timestamp_ms=int(message.at.timestamp() * 1000),
                )
                sent.append(future)

            seconds = self._load(baseline, send, client)
            if self._stopped(running):
                return None
            start_watcher(running, rules, self._note)
            self.clock.begin()
            self._play_live(live, send)
            producer.flush(timeout=30)
            if not self._stop.is_set():
                ends = _ends(future.get(timeout=30) for future in sent)
                self._await("end", lambda: self._judged(client, ends), len(live), len(live))
            if self._stopped(running):
                return None
            self._await("deliver", lambda: _nothing_due(client), len(live), len(live))
            truth = expected(self._scenario, played, self._start)
            rate = len(baseline) / max(seconds, 0.001)
            dead = (counted_dead_letters() or 0) - self._dead_before
            summary = sum_up(client, receiver, truth, self._told, rate, dead)
            on_summary(summary)
            if not once:
                self._on_scene(Scene("over", self.clock.now(), len(live), len(live)))
                running.wait()
                running.raise_failure()
            return summary

    def _settings_in(self, home: Path) -> Settings:
        """Production settings, with embedded parts in a directory that goes away afterwards."""
        given = self._settings
        return given.model_copy(
            update={
                "kafka": given.kafka.model_copy(
                    update={"bootstrap_servers": "", "path": home / "kafka", "port": 0}
                ),
                "clickhouse": self._clickhouse_in(home),
                "brands": given.brands.model_copy(update={"file": self._directory / "brands.yaml"}),
            }
        )

    def _clickhouse_in(self, home: Path) -> ClickHouse:
        return self._settings.clickhouse.model_copy(
            update={"interface": "chdb", "path": home / "clickhouse"}
        )

    def _load(
        self, baseline: Sequence[Message], send: Callable[[Message], None], client: Client
    ) -> float:
        """Produce the baseline days and wait until they are stored; returns the seconds."""
        began = time.monotonic()
        for message in baseline:
            send(message)
        ids = {message.key for message in baseline}

        def loaded() -> bool:
            count = int(client.query("SELECT count() FROM posts FINAL").result_rows[0][0])
            self._on_scene(Scene("baseline", self.clock.now(), count, len(ids)))
            return count >= len(ids)

        self._await_until(loaded, _LOAD_LIMIT, "the baseline was not stored")
        return time.monotonic() - began

    def _play_live(self, live: Sequence[Message], send: Callable[[Message], None]) -> None:
        for done, message in enumerate(live):
            while (wait := (message.at - self.clock.now()).total_seconds()) > 0:
                if self._stop.wait(min(wait / self.clock.factor, 0.2)):
                    return
                self._on_scene(Scene("live", self.clock.now(), done, len(live)))
            if self._stop.is_set():
                return
            send(message)

    def _judged(self, client: Client, ends: Mapping[int, int]) -> bool:
        """Whether everything that was sent was read, and all minutes of the scenario judged.

        `ends`: the offset after the last message of each partition. That a partition was read to
        its end by the end of the scenario is not enough: on a busy machine the last messages may
        be sent after that.
        """
        end = self._start + self._scenario.length
        rows = client.query(
            "SELECT kafka_partition, partitions, read_to, next_offset FROM progress FINAL"
        ).result_rows
        read = {
            partition
            for partition, _, read_to, offset in rows
            if read_to >= end and offset >= ends.get(partition, 0)
        }
        if not rows or len(read) < rows[0][1]:
            return False
        judged = client.query("SELECT maxOrNull(minute) FROM expectations").result_rows[0][0]
        return judged is not None and judged + MINUTE >= minute_of(end)

    def _await(self, phase: str, holds: Callable[[], bool], done: int, total: int) -> None:
        def shown() -> bool:
            self._on_scene(Scene(phase, self.clock.now(), done, total))
            return holds()

        length = self._scenario.length.total_seconds() / self.clock.speed
        self._await_until(shown, _DRAIN_LIMIT + length, f"the demo hung in phase {phase!r}")

    def _await_until(self, holds: Callable[[], bool], within: float, else_say: str) -> None:
        deadline = time.monotonic() + within
        while not self._stop.is_set() and not holds():
            if time.monotonic() > deadline:
                raise StopService(f"{else_say} within {within:.0f} s; is the machine overloaded?")
            self._stop.wait(0.25)

    def _note(self, written: Written) -> None:
        self._told.append((written, datetime.now(UTC)))
        self._on_alert(in_words(written))

    def _stopped(self, running: Running) -> bool:
        """Whether it was stopped before the end. Raises the failure if that was the reason."""
        running.raise_failure()
        return self._stop.is_set()


def _ends(sent: Iterable[Any]) -> dict[int, int]:
    """The offset after the last message of each partition, from what Kafka answered."""
    ends: dict[int, int] = {}
    for answer in sent:
        ends[answer.partition] = max(ends.get(answer.partition, 0), answer.offset + 1)
    return ends


def _rules(url: str, secret: str) -> Rules:
    """The usual rule for every brand, and the demo's own receiver."""
    receiver = ReceiverRule(
        name="demo", url=SecretStr(url), secrets=(SecretStr(secret),), allow_private=True
    )
    rule = Rule(name="negative-spike", receivers=("demo",))
    # Its clock runs ahead of what a consumer can follow, and its posts end with the scenario.
    return Rules(rules=(rule,), receivers=(receiver,), no_data=NoData(watch=False))


def _nothing_due(client: Client) -> bool:
    """Whether every transition has reached its receivers."""
    row = client.query(
        "SELECT (SELECT sum(length(receivers)) FROM alerts FINAL), "
        "(SELECT count() FROM deliveries WHERE outcome IN ('sent', 'gave_up', 'disabled'))"
    ).result_rows[0]
    return int(row[0]) <= int(row[1])
