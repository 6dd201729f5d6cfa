"""The watcher: jobs that recompute windows, judge closed minutes and deliver what is due.

APScheduler runs them with every default that matters set by name (FAULTS §3): a late run is never
skipped, runs pile up into one, and no job runs beside itself. The time limit is inside each
statement, because a hung job would stop its successor for ever.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, time, timedelta
from itertools import islice

import structlog
from apscheduler.events import (
    EVENT_JOB_ERROR,
    EVENT_JOB_MAX_INSTANCES,
    EVENT_JOB_MISSED,
    JobEvent,
)
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from stream import metrics
from stream.alerting.coverage import coverage
from stream.alerting.judge import AlertWatcher, Written
from stream.clock import Clock
from stream.database import Client, connect
from stream.delivery.outbox import Outbox
from stream.errors import RetryLater, UndertoneError, UsageError
from stream.health import Health
from stream.leadership import Alone, Leadership
from stream.retry import Stopped
from stream.rules import Rules
from stream.rules_file import RulesFile
from stream.settings import Settings
from stream.sweep import Sweep, span_inside
from stream.windows import run_pass

log = structlog.get_logger()

_DELIVER_EVERY = timedelta(seconds=1)
_RETRY_NIGHTLY = timedelta(hours=1)
_FIRST_NAMED = 3  # of what a sweep finds, in the log
_MISSED_RUNS_ALLOWED = 3  # readiness turns red after so many intervals without success


class Jobs:
    """Named jobs at fixed intervals or times, each in one thread at a time."""

    def __init__(self, health: Health, on_failure: Callable[[BaseException], None]) -> None:
        self._health = health
        self._on_failure = on_failure
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(4)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._scheduler.add_listener(
            self._note, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES | EVENT_JOB_ERROR
        )

    def every(self, name: str, interval: timedelta, run: Callable[[], None]) -> None:
        """Run at once and then every `interval`. RetryLater is tried again at the next turn."""
        allowed = interval.total_seconds() * _MISSED_RUNS_ALLOWED
        self._health.expect(name, max(allowed, 30.0))

        def turn() -> None:
            try:
                run()
            except RetryLater as error:
                self._failed(name, error)
            else:
                self._succeeded(name)

        self._scheduler.add_job(
            turn,
            "interval",
            id=name,
            seconds=interval.total_seconds(),
            next_run_time=datetime.now(UTC),
        )

    def nightly(self, name: str, at: time, run: Callable[[], None]) -> None:
        """Run each night at `at` (UTC); a run that failed is tried again each hour.

        It is a check: its failure is told but stops nothing.
        """
        self._health.expect(name, timedelta(days=_MISSED_RUNS_ALLOWED).total_seconds())
        self._health.beat(name)  # well until a night was missed

        def turn() -> None:
            try:
                run()
            except Stopped:
                pass
            except UndertoneError as error:
                self._failed(name, error)
                again = datetime.now(UTC) + _RETRY_NIGHTLY
                self._scheduler.modify_job(name, next_run_time=again)
            else:
                self._succeeded(name)

        self._scheduler.add_job(turn, "cron", id=name, hour=at.hour, minute=at.minute)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """No new runs; returns when those under way have ended (their statements are bounded)."""
        self._scheduler.shutdown(wait=True)

    def _succeeded(self, name: str) -> None:
        metrics.JOB_LAST_SUCCESS.labels(job=name).set_to_current_time()
        self._health.beat(name)

    def _failed(self, name: str, error: UndertoneError) -> None:
        metrics.JOB_FAILURES.labels(job=name).inc()
        self._health.trouble(name, str(error))
        log.warning("job.failed", job=name, reason=str(error))

    def _note(self, event: JobEvent) -> None:
        metrics.JOB_FAILURES.labels(job=event.job_id).inc()
        if event.code == EVENT_JOB_ERROR:
            self._on_failure(event.exception)
        elif event.code == EVENT_JOB_MISSED:
            log.warning("job.missed", job=event.job_id)


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
    ) -> None:
        self._settings = settings
        self._leadership = leadership or Alone()
        self._term: int | None = None
        self._clock = clock
        self._on_transition = on_transition
        self._file = rules if isinstance(rules, RulesFile) else None
        known = rules.rules if isinstance(rules, RulesFile) else rules
        self.rule_names = [rule.name for rule in known.rules]
        # One client a job: clients are not for two threads at once.
        self._windows: Client = connect(settings.clickhouse, longest=settings.windows.time_limit)
        self._alerts = AlertWatcher(connect(settings.clickhouse), known, settings, self._acts)
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
        if not self._leads():
            return
        for written in self._alerts.step(now, covered):
            metrics.TRANSITIONS.labels(transition=written.row.transition).inc()
            self._on_transition(written)

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

    def _leads(self) -> bool:
        """Whether this watcher acts now. What it knew in an earlier term is read again."""
        term = self._leadership.term()
        if term is not None and term != self._term:
            self._alerts.forget()
            self._term = term
        return term is not None

    def _acts(self) -> bool:
        """Whether it still acts in the term in which it began to judge."""
        return self._leadership.term() == self._term

    def close(self) -> None:
        with ExitStack() as closing:  # each, whatever another raises; the last comes first
            closing.callback(self._leadership.resign)
            for part in (self._sweep, self._outbox, self._alerts, self._windows):
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
        if settings.windows.sweep is not None:
            jobs.nightly("sweep", settings.windows.sweep, lambda: watcher.sweep(stop))
        jobs.start()
        stop.wait()
        jobs.stop()
    finally:
        watcher.close()
    if failures:
        raise failures[0]
