"""Health: a part that does not beat is a problem until it does."""

from __future__ import annotations

import httpx
import pytest

from stream.health import Health
from stream.probes import probes


def test_a_part_is_a_problem_until_its_first_beat_and_after_its_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr("stream.health.time.monotonic", lambda: now[0])
    health = Health()
    health.expect("consumer", within=30)
    assert health.problems() == ["consumer: starting"]
    health.beat("consumer")
    assert health.problems() == []
    now[0] += 31
    assert health.problems() == ["consumer: no sign of life for 31 s"]
    health.beat("consumer")
    health.trouble("consumer", "ClickHouse does not answer")
    assert health.problems() == ["consumer: ClickHouse does not answer"]
    health.beat("nobody expected this")


def test_a_consumer_without_a_board_answers_its_probes() -> None:
    health = Health()
    health.expect("consumer", within=30)
    with (
        probes(health, "127.0.0.1", 0) as served,
        httpx.Client(base_url=f"http://127.0.0.1:{served.port}") as client,
    ):
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
        health.beat("consumer")
        assert client.get("/readyz").json() == {"ok": True, "problems": []}
        assert "undertone_posts_stored_total" in client.get("/metrics").text
        assert client.get("/").status_code == 404
