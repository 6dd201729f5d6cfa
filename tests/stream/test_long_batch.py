"""A batch that takes longer than a member may be silent: the member stays and commits (T4)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from kafka.coordinator.heartbeat import Heartbeat
from numpy.typing import NDArray
from structlog.testing import capture_logs

from models import Passage
from stream.database import Client
from stream.settings import ClickHouse, Kafka
from tests.stream.consuming import Service, committed, eventually, post, stored
from tests.stream.fakes import PureScorer

FULL = Kafka()  # as it is shipped
SHORT = Kafka(max_poll_interval=timedelta(seconds=3), session_timeout=timedelta(seconds=6))


class SlowAtFirst(PureScorer):
    """Takes so many seconds for its first batch."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.began = self.ended = 0.0

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        if not self.began:
            self.began = time.monotonic()
            time.sleep(self.seconds)
            self.ended = time.monotonic()
        return super().score(passages)


@pytest.mark.parametrize(
    ("times", "longest_gap"),
    [
        pytest.param(SHORT, 6, id="short"),
        pytest.param(FULL, 9, id="full", marks=[pytest.mark.faults, pytest.mark.timeout(600)]),
    ],
)
def test_a_batch_of_twice_max_poll_interval_evicts_nobody(
    kafka_settings: Kafka,
    clickhouse_settings: ClickHouse,
    send: Callable[..., None],
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    times: Kafka,
    longest_gap: float,
) -> None:
    """Scoring takes 2 x max_poll_interval: no eviction, no refused commit, heartbeats answered
    at most 9 s apart.

    A heartbeat is sent each second. Full: the shipped minute, a batch of two, gaps <= 9 s.
    Short: poll interval divided by 20, gaps <= 6 s.
    Real broker; the answers to heartbeats are counted at the client's edge.
    """
    answered: list[float] = []
    received = Heartbeat.received_heartbeat

    def note(heartbeat: Heartbeat) -> None:
        answered.append(time.monotonic())
        received(heartbeat)

    monkeypatch.setattr(Heartbeat, "received_heartbeat", note)
    settings = kafka_settings.model_copy(
        update={
            "max_poll_interval": times.max_poll_interval,
            "session_timeout": times.session_timeout,
        }
    )
    scorer = SlowAtFirst(2 * times.max_poll_interval.total_seconds())
    with capture_logs() as logs:
        service = Service(settings, clickhouse_settings, scorer=scorer)
        try:
            eventually(lambda: len(service.consumer._assignment) == 3)
            send(*(post(number) for number in range(5)), key=b"k")
            eventually(lambda: committed(settings) == 5, within=scorer.seconds + 30)
            assert stored(client) == 5
        finally:
            service.close()
    events = [record["event"] for record in logs]
    assert events.count("partitions.assigned") == 1  # never left out, never joined anew
    assert not [event for event in events if event.startswith("commit.")]
    inside = [at for at in answered if scorer.began < at < scorer.ended]
    gaps = [after - before for before, after in pairwise([scorer.began, *inside, scorer.ended])]
    assert scorer.ended - scorer.began >= scorer.seconds
    assert max(gaps) <= longest_gap, gaps
