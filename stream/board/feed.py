"""Between the one reader of the database and any number of open pages.

The reader publishes; every page is told from the same memory. A page that was away asks for what
came after the last event it saw; if that is no longer kept, or was of an earlier process, it gets
the whole snapshot. Nothing is queued per page, so a slow one costs no memory.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from stream.board.shapes import Alert, Brand, PostRow, PostsChange, Snapshot, Status

HEARTBEAT_SECONDS = 15.0
_KEPT = 600  # changes of posts: five minutes of a busy stream
_RETRY = b"retry: 1500\n\n"
_HEARTBEAT = b": still here\n\n"


@dataclass(frozen=True, slots=True)
class _Event:
    number: int
    kind: str
    data: bytes


class Feed:
    """The snapshot and the latest events. Publishing and reading are safe from any thread."""

    def __init__(self, status: Status, recent_posts: int) -> None:
        self._lock = threading.Lock()
        self._boot = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        self._last = 0
        self._recent_posts = recent_posts
        self._posts: dict[str, PostRow] = {}  # oldest first; an edit keeps its place
        self._brands: list[Brand] = []
        self._alerts: list[Alert] = []
        self._status = status
        self._changes: deque[_Event] = deque()
        self._forgotten = 0  # number of the newest change no longer kept
        self._states: dict[str, _Event] = {}  # of all parts but the posts only the newest matters
        self._wakers: set[Callable[[], None]] = set()
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def pages(self) -> int:
        """How many pages are listening."""
        return len(self._wakers)

    def shows(self, key: str) -> bool:
        """Whether the post is in the snapshot."""
        return key in self._posts

    def snapshot(self) -> Snapshot:
        """Everything on the page now."""
        with self._lock:
            return self._snapshot()

    def publish_posts(self, change: PostsChange) -> None:
        """Add or replace rows and remove others; the oldest beyond the limit are forgotten."""
        if not change["rows"] and not change["removed"]:
            return
        with self._lock:
            for key in change["removed"]:
                self._posts.pop(key, None)
            for row in change["rows"]:
                self._posts[row["key"]] = row
            for key in list(self._posts)[: max(0, len(self._posts) - self._recent_posts)]:
                del self._posts[key]
            self._add("posts", change)

    def publish_brands(self, brands: list[Brand]) -> None:
        with self._lock:
            if brands != self._brands:
                self._brands = brands
                self._add("brands", brands)

    def publish_alerts(self, alerts: list[Alert]) -> None:
        with self._lock:
            if alerts != self._alerts:
                self._alerts = alerts
                self._add("alerts", alerts)

    def publish_status(self, status: Status) -> None:
        with self._lock:
            self._status = status
            self._add("status", status)

    def since(self, last_event_id: str | None) -> tuple[bytes, str]:
        """What a page that saw `last_event_id` must be sent, and the id of the newest event."""
        with self._lock:
            newest = f"{self._boot}-{self._last}"
            seen = self._number(last_event_id)
            if seen is None or seen < self._forgotten:
                return _encode("snapshot", newest, _json(self._snapshot())), newest
            due = [e for e in (*self._changes, *self._states.values()) if e.number > seen]
            due.sort(key=lambda event: event.number)
            pieces = [_encode(e.kind, f"{self._boot}-{e.number}", e.data) for e in due]
            return b"".join(pieces), newest

    async def stream(
        self, last_event_id: str | None, heartbeat: float = HEARTBEAT_SECONDS
    ) -> AsyncIterator[bytes]:
        """Server-sent events for one page until it leaves or the feed is closed."""
        loop = asyncio.get_running_loop()
        news = asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has ended, and with it the page's stream
                loop.call_soon_threadsafe(news.set)

        with self._lock:
            self._wakers.add(wake)
        try:
            yield _RETRY
            while not self._closed:
                news.clear()
                due, last_event_id = self.since(last_event_id)
                if due:
                    yield due
                    continue
                try:
                    await asyncio.wait_for(news.wait(), heartbeat)
                except TimeoutError:
                    yield _HEARTBEAT
        finally:
            with self._lock:
                self._wakers.discard(wake)

    def close(self) -> None:
        """End every page's stream."""
        with self._lock:
            self._closed = True
            self._wake_all()

    def _snapshot(self) -> Snapshot:
        return {
            "posts": list(self._posts.values()),
            "brands": self._brands,
            "alerts": self._alerts,
            "status": self._status,
        }

    def _number(self, event_id: str | None) -> int | None:
        boot, _, number = (event_id or "").partition("-")
        if boot != self._boot or not number.isdecimal() or int(number) > self._last:
            return None
        return int(number)

    def _add(self, kind: str, value: Any) -> None:
        self._last = next(self._numbers)
        event = _Event(self._last, kind, _json(value))
        if kind == "posts":
            self._changes.append(event)
            if len(self._changes) > _KEPT:
                self._forgotten = self._changes.popleft().number
        else:
            self._states[kind] = event
        self._wake_all()

    def _wake_all(self) -> None:
        for wake in self._wakers:
            wake()


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _encode(kind: str, event_id: str, data: bytes) -> bytes:
    return b"event: %s\nid: %s\ndata: %s\n\n" % (kind.encode(), event_id.encode(), data)
