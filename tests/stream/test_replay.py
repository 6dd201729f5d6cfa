"""The whole topic read again from offset 0: nothing changes and nobody is told again (T9)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import Passage
from stream.clock import Clock
from stream.database import Client
from stream.rules import Rule, Rules
from stream.settings import ClickHouse, Kafka, Settings
from stream.watch import Watcher
from tests.stream.consuming import Service, committed, eventually, post, replay_from_zero
from tests.stream.fakes import PureScorer
from tests.stream.hooks import hook

REPLAYS = 3
_MINUTE = timedelta(minutes=1)
# Every column but those that say when a row was written; sets by what they hold.
_STATE = {
    "posts": "SELECT * EXCEPT ingested_at FROM posts FINAL ORDER BY source, post_id",
    "rows": "SELECT source, post_id, max(version) FROM posts GROUP BY 1, 2 ORDER BY 1, 2",
    "windows": "SELECT * EXCEPT (authors, texts, negative_authors, computed_at), "
    "finalizeAggregation(authors), finalizeAggregation(texts), "
    "finalizeAggregation(negative_authors) FROM window_scores FINAL ORDER BY ALL",
    "distinct": "SELECT brand, topic, uniqExactMerge(authors), uniqExactMerge(texts) "
    "FROM window_scores FINAL GROUP BY 1, 2 ORDER BY 1, 2",
    "alerts": "SELECT * FROM alerts ORDER BY ALL",
    "deliveries": "SELECT * FROM deliveries ORDER BY ALL",
}


class Moods(PureScorer):
    """What says "bad" is negative, the rest is neutral."""

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        self.asked += len(passages)
        rows = [(0.8, 0.1, 0.1) if "bad" in one.text else (0.1, 0.8, 0.1) for one in passages]
        return np.array(rows, np.float32)


def half_a_day_with_a_storm(send: Callable[..., None], now: datetime) -> int:
    """Everyday talk, complaints from an hour ago on, then calm; with edits, copies, a deletion
    and a message that breaks the contract. Returns the number of messages."""
    quiet = [(n, now - 14 * 60 * _MINUTE + n * 6 * _MINUTE, "is fine") for n in range(138)]
    storm = [(1000 + n, now - 60 * _MINUTE + n * _MINUTE / 3, "is bad") for n in range(60)]
    sent = 0
    for number, at, mood in [*quiet, *storm]:
        fields = {"created_at": at.isoformat(), "author": {"id": f"a{number}"}}
        messages: list[bytes | None] = [post(number, f"Acme {mood} {number}", **fields)]
        if number % 10 == 3:
            messages *= 2
        if number % 10 == 7:
            edited = (at + _MINUTE).isoformat()
            messages.append(
                post(number, f"Acme {mood} after all {number}", updated_at=edited, **fields)
            )
        if number == 50:
            messages.append(None)
        send(*messages, key=f"s:{number}".encode())
        sent += len(messages)
    send(b"{", key=b"s:0")
    return sent + 1


def test_three_replays_from_zero_change_nothing_and_tell_nobody_again(
    kafka_settings: Kafka,
    clickhouse_settings: ClickHouse,
    send: Callable[..., None],
    start: Callable[..., Service],
    client: Client,
) -> None:
    """Row count and all windows bit-equal, 0 new alerts, 0 new webhooks. Marks of T9, in full.

    A real consumer, broker and receiver; an incident was opened and told before.
    """
    scorer = Moods()
    sent = half_a_day_with_a_storm(send, datetime.now(UTC))

    def state() -> dict[str, Any]:
        return {name: client.query(sql).result_rows for name, sql in _STATE.items()}

    def read_all() -> None:
        service = start(scorer=scorer)
        eventually(lambda: committed(kafka_settings) == sent, within=60)
        service.close()
        assert service.failure is None

    with hook() as receiver:
        rule = Rule(name="mood", history="24h", warm_up="6h", receivers=("marketing",))
        rules = Rules(rules=(rule,), receivers=(receiver.receiver(),))
        settings = Settings(kafka=kafka_settings, clickhouse=clickhouse_settings)

        def watch(watcher: Watcher) -> None:
            for _ in range(2):
                watcher.recompute_and_judge()
                watcher.deliver()

        watcher, *restarted = [
            Watcher(settings, rules, Clock.of_wall()) for _ in range(1 + REPLAYS)
        ]
        read_all()
        watch(watcher)
        before, told, asked = state(), receiver.verified(), scorer.asked
        assert {one["type"] for one in told} >= {"alert.opened"}
        assert len(before["posts"]) == 138 + 60 - 1
        for another in restarted:
            replay_from_zero(kafka_settings)
            assert committed(kafka_settings) == 0
            read_all()
            watch(watcher)
            watch(another)  # knows nothing yet
            another.close()
            assert state() == before
        watcher.close()
        assert receiver.verified() == told
    assert scorer.asked == asked  # what stands is not scored again
