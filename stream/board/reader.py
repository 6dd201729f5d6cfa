"""The one reader behind all pages: a thread with its own client that follows the tables.

Fifty open pages cost the database what one costs. When the database is away the pages keep what
they have, say since when it is away, and catch up when it is back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from stream.board import queries
from stream.board.context import BoardContext
from stream.board.feed import Feed
from stream.board.present import iso
from stream.board.queries import Change
from stream.board.shapes import Alert, Brand, Status
from stream.database import Client, connect, errors_sorted
from stream.errors import UndertoneError
from stream.severities import SEVERITIES

log = structlog.get_logger()

# An insert's rows carry the time at which it began; they are seen when it ends.
OVERLAP = timedelta(seconds=30)
_LATE_AFTER_SECONDS = 30.0  # of the wall clock: six times what `progress` needs to be written
_LATE_AFTER = timedelta(minutes=2)  # of service time
_SUMMARIES_EVERY = 2  # polls …
_SUMMARIES_SHARE = 0.1  # … but never more than this part of the time, however many brands there are
_LONGEST_PAUSE = 5.0
_UNREADY_AFTER = 15.0


class Reader:
    """Polls ClickHouse and publishes to a feed. `start` once, `stop` once."""

    def __init__(self, context: BoardContext) -> None:
        self._context = context
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="board-reader", daemon=True)
        self._seen: dict[tuple[str, str, int], datetime] = {}
        self._since: datetime | None = None
        self._problem: str | None = "no answer from the database yet"
        self._answered = time.monotonic()
        self._stored = queries.Stored(0, 0.0, None)
        self.feed = Feed(self._status(), context.recent_posts)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and its client; returns when they are gone or after five seconds."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def problems(self) -> list[str]:
        """Why the board shows nothing new, if so."""
        away = time.monotonic() - self._answered
        if self._problem and away > _UNREADY_AFTER:
            return [f"board: {self._problem} ({away:.0f} s)"]
        return []

    def _run(self) -> None:
        pause = self._context.poll_seconds
        while not self._stop.is_set():
            client: Client | None = None
            try:
                client = connect(self._context.clickhouse)
                self._follow(client, lambda: self._stop.wait(self._context.poll_seconds))
            except UndertoneError as error:
                self._failed(str(error))
            except Exception as error:
                # Whatever it is, a board that stands still in silence would be worse.
                log.exception("board.read_failed")
                self._failed(f"{type(error).__name__} while reading")
            finally:
                if client is not None:
                    with suppress(Exception):
                        client.close()
            answered_lately = time.monotonic() - self._answered < _LONGEST_PAUSE
            pause = (
                self._context.poll_seconds if answered_lately else min(pause * 2, _LONGEST_PAUSE)
            )
            self._stop.wait(pause)

    def _failed(self, reason: str) -> None:
        if reason != self._problem:
            log.warning("board.read_failed", reason=reason)
        self._problem = reason
        self.feed.publish_status(self._status())

    def _follow(self, client: Client, wait: Callable[[], bool]) -> None:
        """Poll until told to stop; raises whatever the database raises."""
        with errors_sorted():
            if self._since is None:
                self._begin(client)
            due = 0.0
            while True:
                self._poll_posts(client)
                if (begun := time.monotonic()) >= due:
                    self._poll_summaries(client)
                    took = time.monotonic() - begun
                    usual = _SUMMARIES_EVERY * self._context.poll_seconds
                    due = begun + max(usual, took / _SUMMARIES_SHARE)
                self._problem = None
                self._answered = time.monotonic()
                self.feed.publish_status(self._status())
                if wait():
                    return

    def _begin(self, client: Client) -> None:
        now = queries.server_now(client)
        for change in queries.changes(client, now - OVERLAP):
            self._remember(change)
        rows = queries.recent_posts(client, self._context.recent_posts)
        self.feed.publish_posts({"rows": rows, "removed": []})
        self._since = now - OVERLAP

    def _remember(self, change: Change) -> bool:
        """Whether this row is news."""
        identity = (change.source, change.post_id, change.version)
        known = self._seen.get(identity)
        self._seen[identity] = change.ingested_at
        return known is None or change.ingested_at > known

    def _poll_posts(self, client: Client) -> None:
        """Publish what was stored since the last poll."""
        assert self._since is not None
        found = queries.changes(client, self._since)
        news = [change for change in found if self._remember(change)]
        if news:
            fresh = news[: self._context.recent_posts]
            kept = [c for c in news[len(fresh) :] if self.feed.shows(c.key)]
            wanted = ((c.source, c.post_id, c.minute) for c in [*fresh, *kept])
            rows = queries.posts_by_key(client, wanted)
            there = {row["key"] for row in rows}
            # Deleted, or edited so that it names no brand any more.
            gone = sorted({c.key for c in news if c.key not in there and self.feed.shows(c.key)})
            self.feed.publish_posts({"rows": rows, "removed": gone})
        if found:
            self._since = max(self._since, found[0].ingested_at - OVERLAP)
            horizon = self._since - OVERLAP
            self._seen = {key: at for key, at in self._seen.items() if at >= horizon}

    def _poll_summaries(self, client: Client) -> None:
        context = self._context
        self._stored = queries.stored(client, context.topic)
        alerts = queries.alerts(client)
        brands = queries.brands(client, context.clock.now(), context.brands)
        self.feed.publish_alerts(alerts)
        self.feed.publish_brands(with_incidents(brands, alerts))

    def _status(self) -> Status:
        context, known = self._context, self._stored
        now = context.clock.now()
        factor = context.clock.factor
        data_to = known.data_to
        late = data_to is not None and (
            now - data_to > max(_LATE_AFTER, timedelta(seconds=_LATE_AFTER_SECONDS) * factor)
        )
        return {
            "now": iso(now),
            "factor": factor if context.clock.runs else 0.0,
            "data": "none" if data_to is None else "late" if late else "live",
            "data_to": iso(data_to) if data_to else None,
            "stored": known.posts,
            "posts_per_second": known.posts_per_second,
            "dead_letters": context.dead_letters(),
            "problem": self._problem,
        }


def with_incidents(brands: list[Brand], alerts: list[Alert]) -> list[Brand]:
    """The brands, each with the severity of its worst open incident."""
    worst: dict[str, str] = {}
    for alert in alerts:
        if alert["open"]:
            known = worst.get(alert["brand"], "")
            worst[alert["brand"]] = max(known, alert["severity"], key=_rank)
    return [{**brand, "incident": worst.get(brand["name"])} for brand in brands]


def _rank(severity: str) -> int:
    known: tuple[str, ...] = SEVERITIES
    return known.index(severity) if severity in known else -1
