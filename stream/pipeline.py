"""The whole way of a batch of messages, as one ordered list of steps.

Every step may be repeated: after a crash at any place the batch comes again from Kafka and ends
in the same rows (DESIGN §3). Offsets are committed by the caller, after `process` has returned.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from stream import metrics
from stream.clock import Clock
from stream.dead_letters import DeadLetters, Letters, Rejected
from stream.decode import Decoded, Record, decode
from stream.errors import RejectMessage
from stream.match import Matcher, Mention
from stream.post import Post
from stream.retry import Patience
from stream.rows import Analysed, Key, first_created_at, key, to_row, version
from stream.score import Scorer, score_posts
from stream.store import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """What `analyse` found out of a batch, for `store`."""

    analysed: Mapping[Key, Analysed]
    known: Mapping[Key, datetime]
    """The dates that stand already."""
    letters: Letters


class Pipeline:
    """Decode → drop what is old news → match → score → store, in two halves.

    Each half is for one thread: the next batch may be analysed while this one is stored.
    """

    def __init__(
        self,
        *,
        matcher: Matcher,
        scorer: Scorer,
        store: Store,
        dead_letters: DeadLetters,
        generation: int,
        retention: timedelta,
        clock: Clock,
        patience: Patience,
    ) -> None:
        self._matcher = matcher
        self._scorer = scorer
        self._store = store
        self._dead_letters = dead_letters
        self._generation = generation
        self._retention = retention
        self._clock = clock
        self._patience = patience
        self._underway: dict[Key, Analysed] = {}
        """What the batch before this one is about to store."""

    def process(self, batch: Sequence[Record]) -> None:
        """Take a batch all the way. Raises StopService, or Stopped when asked to stop meanwhile."""
        self.store(self.analyse(batch))

    def analyse(self, batch: Sequence[Record]) -> Found:
        """What is to be stored of a batch. Raises as `process` does."""
        metrics.BATCH_POSTS.observe(len(batch))
        # 1. Decode; what breaks the contract goes to the DLQ, which is waited for at the end.
        with _timed("decode"):
            decoded, rejected = self._decode(batch)
        letters = self._dead_letters.send(rejected, good=len(decoded))
        # 2. What is known already: the post's date for ever, and the version that stands.
        # 3. One message a post: the newest version, under the date of the first.
        with _timed("look_up"):
            underway = self._underway  # before the database is asked: by then it may have it
            known = self._ask(lambda: self._store.first_created(key(one) for one in decoded))
            dates = {k: one.created_at for k, one in underway.items()} | known
            newest, first = self._newest(self._drop_expired(decoded, dates))
            stored = self._ask(
                lambda: self._store.versions({k: known[k] for k in newest if k in known})
            )
            fresh = self._drop_stale(newest, self._standing(newest, stored, underway))
        # 4. Which brands are named.
        with _timed("match"):
            mentions = {
                k: self._matcher.match(one.post.text) if isinstance(one.post, Post) else []
                for k, one in fresh.items()
            }
        # 5. What is said about each.
        with _timed("score"):
            analysed = self._score(fresh, mentions, first | known)
        self._underway = analysed
        return Found(analysed, known, letters)

    def store(self, found: Found) -> None:
        """Write what was found. Raises as `process` does."""
        try:
            self._write(found)
        except BaseException:
            self._underway = {}  # the same batch may come again
            raise

    def _write(self, found: Found) -> None:
        # 6. Keys first, read back; then the rows under the dates that stand.
        with _timed("store"):
            new = {k: one.created_at for k, one in found.analysed.items() if k not in found.known}
            claimed = self._ask(lambda: self._store.claim(new))
            rows = [
                to_row(replace(one, created_at=claimed.get(k, one.created_at)), self._generation)
                for k, one in found.analysed.items()
            ]
            self._ask(lambda: self._store.insert(rows))
        # 7. What is not in the DLQ by now must not be committed.
        self._patience.until_answered(lambda: self._dead_letters.wait(found.letters), "kafka")
        metrics.POSTS_STORED.inc(len(rows))

    def _decode(self, batch: Sequence[Record]) -> tuple[list[Decoded], list[Rejected]]:
        decoded: list[Decoded] = []
        rejected: list[Rejected] = []
        for record in batch:
            try:
                decoded.append(decode(record))
            except RejectMessage as reason:
                # With its traceback it would hold this frame, and so all records, in a cycle.
                rejected.append((record, reason.with_traceback(None)))
        for partition, count in Counter(record.partition for record in batch).items():
            metrics.MESSAGES.labels(partition=partition).inc(count)
        metrics.FOREIGN_KEYS.inc(sum(not one.keyed for one in decoded))
        return decoded, rejected

    def _drop_expired(
        self, decoded: Sequence[Decoded], known: Mapping[Key, datetime]
    ) -> list[Decoded]:
        """Each message by its own date as well as by its post's: what is beside it in the batch,
        and what came after it, would judge it otherwise at a replay."""
        oldest = self._clock.now() - self._retention
        kept = [
            one
            for one in decoded
            if min(date := first_created_at(one), known.get(key(one), date)) >= oldest
        ]
        metrics.EXPIRED.inc(len(decoded) - len(kept))
        return kept

    def _newest(self, decoded: Sequence[Decoded]) -> tuple[dict[Key, Decoded], dict[Key, datetime]]:
        newest: dict[Key, Decoded] = {}
        dates: dict[Key, datetime] = {}
        for one in decoded:
            name = key(one)
            dates.setdefault(name, first_created_at(one))
            rival = newest.get(name)
            if rival is None or self._version(one) > self._version(rival):
                newest[name] = one
        metrics.STALE.inc(len(decoded) - len(newest))
        return newest, dates

    def _standing(
        self,
        posts: Mapping[Key, Decoded],
        stored: Mapping[Key, int],
        underway: Mapping[Key, Analysed],
    ) -> dict[Key, int]:
        """The versions that stand, or will before these are written."""
        soon = {k: self._version(underway[k].decoded) for k in posts if k in underway}
        return {**stored, **{k: max(version, stored.get(k, -1)) for k, version in soon.items()}}

    def _drop_stale(
        self, posts: Mapping[Key, Decoded], stored: Mapping[Key, int]
    ) -> dict[Key, Decoded]:
        fresh = {
            name: one for name, one in posts.items() if self._version(one) > stored.get(name, -1)
        }
        metrics.STALE.inc(len(posts) - len(fresh))
        return fresh

    def _score(
        self,
        posts: Mapping[Key, Decoded],
        mentions: Mapping[Key, Sequence[Mention]],
        dates: Mapping[Key, datetime],
    ) -> dict[Key, Analysed]:
        texts = [
            (one.post.text if isinstance(one.post, Post) else "", mentions[name])
            for name, one in posts.items()
        ]
        scored = score_posts(self._scorer, texts)
        metrics.MENTIONS_SCORED.inc(sum(len(found) for found in scored))
        return {
            name: Analysed(one, dates[name], found)
            for (name, one), found in zip(posts.items(), scored, strict=True)
        }

    def _version(self, one: Decoded) -> int:
        return version(one, self._generation)

    def _ask(self, call: Callable[[], T]) -> T:
        return self._patience.until_answered(call, "clickhouse")


@contextmanager
def _timed(stage: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    metrics.STAGE_SECONDS.labels(stage=stage).observe(time.perf_counter() - began)
