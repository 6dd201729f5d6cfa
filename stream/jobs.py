"""Jobs at fixed intervals or times, each in one thread at a time.

APScheduler runs them with every default that matters set by name (FAULTS §3): a late run is never
skipped, runs pile up into one, and no job runs beside itself. The time limit is inside each
statement, because a hung job would stop its successor for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

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
from stream.errors import RetryLater, UndertoneError
from stream.health import Health
from stream.retry import Stopped

log = structlog.get_logger()

_RETRY = timedelta(seconds=2)  # of what runs less often than that
_RETRY_NIGHTLY = timedelta(hours=1)
_MISSED_RUNS_ALLOWED = 3  # readiness turns red after so many intervals without success


class Jobs:
    """Named jobs at fixed intervals or times, each in one thread at a time."""

    def __init__(self, health: Health, on_failure: Callable[[BaseException], None]) -> None:
        self._health = health
        self._on_failure = on_failure
        self._runs = ThreadPoolExecutor(4)
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": self._runs},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._scheduler.add_listener(
            self._note, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES | EVENT_JOB_ERROR
        )

    def every(self, name: str, interval: timedelta, run: Callable[[], None]) -> None:
        """Run at once and then every `interval`; what raised RetryLater again after two seconds, if
        its next turn is not sooner."""
        allowed = interval.total_seconds() * _MISSED_RUNS_ALLOWED
        self._health.expect(name, max(allowed, 30.0))
        metrics.JOB_FAILURES.labels(job=name)

        def turn() -> None:
            try:
                run()
            except RetryLater as error:
                self._failed(name, error)
                if interval > _RETRY:
                    self._again(name, _RETRY)
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
        metrics.JOB_FAILURES.labels(job=name)

        def turn() -> None:
            try:
                run()
            except Stopped:
                pass
            except UndertoneError as error:
                self._failed(name, error)
                self._again(name, _RETRY_NIGHTLY)
            else:
                self._succeeded(name)

        self._scheduler.add_job(turn, "cron", id=name, hour=at.hour, minute=at.minute)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """No new runs; returns when those under way have ended (their statements are bounded)."""
        # Not by `shutdown` alone: it waits while it holds what a run that fails now needs, to be
        # tried again.
        self._scheduler.pause()
        self._runs.shutdown(wait=True)
        self._scheduler.shutdown()

    def _again(self, name: str, after: timedelta) -> None:
        self._scheduler.modify_job(name, next_run_time=datetime.now(UTC) + after)

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
