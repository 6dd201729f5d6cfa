"""The watcher: recomputes windows, judges closed minutes, tells what is not known, and delivers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice

import structlog

from stream import metrics
from stream.alerting.coverage import coverage
from stream.alerting.judge import AlertWatcher, Written
from stream.alerting.no_data_watch import NoDataWatcher
from stream.clock import Clock
from stream.database import Client, connect
from stream.delivery.outbox import Outbox
from stream.errors import UsageError
from stream.health import Health
from stream.jobs import Jobs
from stream.leadership import Alone, Leadership, Tenure
from stream.rules import Rules
from stream.rules_file import RulesFile
from stream.settings import Settings
from stream.sweep import Sweep, span_inside
from stream.windows import run_pass

log = structlog.get_logger()

_DELIVER_EVERY = timedelta(seconds=1)
_LOOK_EVERY = timedelta(seconds=10)
_FIRST_NAMED = 3  # of what a sweep finds, in the log


class Watcher:
    """Windows → verdicts → transitions → deliveries, for one process.

    Every watcher recomputes windows, which may be done by several at once: what boards show does
    not wait for a leader. Only the one that leads judges, tells and sweeps.
    """

    def __init__(
        self,
        settings: Settings,
        rules: Rules | RulesFile,
        clock: Clock,
        on_transition: Callable[[Written], None] = lambda _: None,
        leadership: Leadership | None = None,
        brands: Collection[str] | None = None,
    ) -> None:
        self._settings = settings
        self._leadership = leadership or Alone()
        self._judging, self._looking = (Tenure(self._leadership) for _ in range(2))
        self._clock = clock
        self._on_transition = on_transition
        self._file = rules if isinstance(rules, RulesFile) else None
        known = rules.rules if isinstance(rules, RulesFile) else rules
        self.rule_names = [rule.name for rule in known.rules]
        # One client a job: clients are not for two threads at once.
        self._windows: Client = connect(settings.clickhouse, longest=settings.windows.time_limit)
        self._alerts = AlertWatcher(
            connect(settings.clickhouse), known, settings, self._judging.goes_on
        )
        self._no_data = NoDataWatcher(
            connect(settings.clickhouse), known.no_data, settings, self._looking.goes_on, brands
        )
        self._outbox = Outbox(connect(settings.clickhouse), known, settings.web.public_url)
        self._sweep: Client = connect(settings.clickhouse, longest=settings.windows.time_limit)

    def recompute_and_judge(self) -> None:
        """1. How far everything was read; 2. windows; 3. verdicts on the minutes closed by 1.

        The order matters: what was read by 1 is in the windows of 2. Who leads is asked after 2,
        and again before anything is written: either may have taken long.
        """
        self._take_changed_rules()
        now = self._clock.now()
        covered = coverage(self._windows, self._settings, now)
        with metrics.PASS_SECONDS.time():
            run_pass(
                self._windows,
                now=now,
                margin=self._settings.window_margin,
                retention=self._settings.retention.posts,
                limit=self._settings.windows.time_limit,
            )
        if not self._judging.begin(self._alerts.forget):
            return
        for written in self._alerts.step(now, covered):
            metrics.TRANSITIONS.labels(transition=written.row.transition).inc()
            self._on_transition(written)

    def look_for_silence(self) -> None:
        """Tell what is not known: who is silent, how late the topic is read, a model that fails."""
        if self._looking.begin(self._no_data.forget):
            for row in self._no_data.look(self._clock.now()):
                metrics.TRANSITIONS.labels(transition=row.transition).inc()
                self._on_transition(Written(row, None))

    def _take_changed_rules(self) -> None:
        """What was edited holds from now on; while it is wrong, the rules before it do."""
        if self._file is None:
            return
        try:
            changed = self._file.changed()
        except UsageError as error:
            metrics.RULES_REFUSED.set(1)
            log.error("rules.refused", reason=str(error), until_then="the rules before it hold")
            return
        if changed:
            rules = self._file.rules
            self._alerts.use(rules)
            self._no_data.use(rules.no_data)
            self._outbox.follow(rules)
            log.info("rules.changed", rules=len(rules.rules), receivers=len(rules.receivers))
        if self._file.is_right:
            metrics.RULES_REFUSED.set(0)

    def deliver(self) -> None:
        """Send what is due. Retries are timed by the wall clock: receivers live there."""
        leads = self._leadership.term() is not None
        attempts = self._outbox.deliver_due(datetime.now(UTC)) if leads else self._outbox.settle()
        for attempt in attempts:
            metrics.DELIVERIES.labels(outcome=attempt.outcome).inc()

    def sweep(self, stop: threading.Event) -> None:
        """Compare every window with its posts and tell what differs; mending is a person's to do.

        Raises Stopped between two statements once `stop` is set.
        """
        if self._leadership.term() is None:
            return  # the leader does it
        report = Sweep(
            self._sweep,
            span_inside(self._clock.now(), self._settings.retention.posts),
            margin=self._settings.window_margin,
            limit=self._settings.windows.time_limit,
            stop=stop,
        ).run()
        metrics.SWEEP_DIFFERENCES.set(report.left)
        facts = {
            "windows": report.windows,
            "pending_minutes": report.pending_minutes,
            "seconds": round(report.seconds, 1),
        }
        if not report.left:
            log.info("sweep.agreed", **facts)
            return
        log.warning(
            "sweep.differed",
            differing=report.differing,
            strays=report.strays.count,
            doubled=report.doubled.count,
            first=list(islice(report.lines(), _FIRST_NAMED)),
            fix="undertone verify",
            **facts,
        )

    def close(self) -> None:
        with ExitStack() as closing:  # each, whatever another raises; the last comes first
            closing.callback(self._leadership.resign)
            for part in (self._sweep, self._outbox, self._no_data, self._alerts, self._windows):
                closing.callback(part.close)


def run_watcher(
    watcher: Watcher, settings: Settings, health: Health, stop: threading.Event
) -> None:
    """Run the jobs until `stop` is set. Raises the first failure that is no RetryLater."""
    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        failures.append(error)
        stop.set()

    jobs = Jobs(health, fail)
    try:
        jobs.every("windows", settings.windows.interval, watcher.recompute_and_judge)
        jobs.every("outbox", _DELIVER_EVERY, watcher.deliver)
        jobs.every("no_data", _LOOK_EVERY, watcher.look_for_silence)
        if settings.windows.sweep is not None:
            jobs.nightly("sweep", settings.windows.sweep, lambda: watcher.sweep(stop))
        jobs.start()
        stop.wait()
        jobs.stop()
    finally:
        watcher.close()
    if failures:
        raise failures[0]
