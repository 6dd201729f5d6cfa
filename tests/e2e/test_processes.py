"""The roles as processes of their own, and what a SIGKILL may not do to the counts."""

from __future__ import annotations

import random
import signal
import socket
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from stream.database import connect
from stream.settings import ClickHouse
from tests.e2e.processes import Deployment, ready, samples, wait_for, write_posts
from tests.models.conftest import build

Counts = dict[tuple[str, datetime], int]

pytestmark = pytest.mark.timeout(300)

_PURE = "tests.faults.member"  # the command line with a pure scorer: no process loads torch


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def deploy(tmp_path: Path, tiny_model: Path) -> Iterator[Callable[..., Deployment]]:
    made: list[Deployment] = []

    def make(**settings: str) -> Deployment:
        made.append(Deployment(tmp_path / f"deployment-{len(made)}", tiny_model, **settings))
        return made[-1]

    yield make
    for deployment in made:
        deployment.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def windows(settings: ClickHouse) -> Counts:
    client = connect(settings)
    try:
        rows: list[Any] = client.query(
            "SELECT brand, toDateTime64(window_start, 0, 'UTC'), sum(mentions) FROM window_scores "
            "FINAL WHERE topic = '' GROUP BY 1, 2 HAVING sum(mentions) > 0"
        ).result_rows
        return {(brand, minute): number for brand, minute, number in rows}
    finally:
        client.close()


def test_consumers_watcher_and_the_whole_service_work_by_addresses(
    deploy: Callable[..., Deployment], broker: str
) -> None:
    database, board, topic = free_port(), free_port(), f"posts-{free_port()}"
    deployment = deploy(
        UNDERTONE_KAFKA__BOOTSTRAP_SERVERS=broker,
        UNDERTONE_KAFKA__TOPIC=topic,
        UNDERTONE_KAFKA__DLQ_TOPIC=f"{topic}.dlq",
        UNDERTONE_KAFKA__CREATE_TOPICS="true",
        UNDERTONE_KAFKA__MAX_POLL_INTERVAL="10s",
        UNDERTONE_CLICKHOUSE__INTERFACE="http",
        UNDERTONE_CLICKHOUSE__PORT=str(database),
        UNDERTONE_CLICKHOUSE__PASSWORD="shared",
        UNDERTONE_WEB__PORT=str(board),
    )
    deployment.start("clickhouse", "--path", "data/ch", "--port", str(database))

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{database}/ping", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    wait_for(answers, 60, deployment.logs)
    assert "applied 001-posts" in deployment.call("schema", "--apply")
    roles = [deployment.start(role, module=_PURE) for role in ("consume", "consume", "watch")]
    file = deployment.directory / "posts.jsonl"
    counts = write_posts(file, 300)
    deployment.call("produce", str(file))
    settings = ClickHouse(interface="http", port=database, password=SecretStr("shared"))
    wait_for(lambda: windows(settings) == counts, 90, deployment.logs)
    wait_for(lambda: ready(board), 30, deployment.logs)
    assert [deployment.stop(role) for role in roles] == [0, 0, 0], deployment.logs()
    # Both roles in one process, by the same addresses: it goes on where they ended.
    service = deployment.start("run", module=_PURE)
    wait_for(lambda: ready(board), 90, deployment.logs)
    deployment.call("produce", str(file))
    assert windows(settings) == counts  # every message again, and nothing counted twice
    assert deployment.stop(service) == 0, deployment.logs()


def kill_and_start_again(deploy: Callable[..., Deployment], kills: int, posts: int) -> None:
    """SIGKILL `undertone run` at random moments while `produce` feeds it; then count."""
    board = free_port()
    deployment = deploy(
        UNDERTONE_WEB__PORT=str(board),
        UNDERTONE_KAFKA__BATCH_POSTS="32",
        UNDERTONE_KAFKA__SESSION_TIMEOUT="6s",
    )
    port = free_port()
    deployment.environment["UNDERTONE_KAFKA__PORT"] = str(port)
    draw = random.Random(7)
    file = deployment.directory / "posts.jsonl"
    counts = write_posts(file, posts)
    service = deployment.start("run")
    wait_for(lambda: ready(board), 90, deployment.logs)
    feed = deployment.start(
        "produce",
        str(file),
        "--speed",
        str(7 * posts / (kills * 8)),
        UNDERTONE_KAFKA__BOOTSTRAP_SERVERS=f"127.0.0.1:{port}",
    )
    for _ in range(kills):
        pause = draw.uniform(0.2, 3)
        with pytest.raises(Exception, match="timed out"):
            service.wait(pause)
        service.send_signal(signal.SIGKILL)
        service.wait(10)
        service = deployment.start("run")
        wait_for(lambda: ready(board), 90, deployment.logs)
    assert feed.wait(180) == 0, deployment.logs()

    def drained() -> bool:
        lags = samples(board, "undertone_lag")
        return bool(lags) and sum(lags) == 0

    wait_for(drained, 120, deployment.logs)
    read = time.time()

    def recomputed() -> bool:
        """A pass began after everything was read."""
        at = samples(board, 'undertone_job_last_success{job="windows"}')
        return bool(at) and at[0] > read + 2

    wait_for(recomputed, 30, deployment.logs)
    assert deployment.stop(service) == 0, deployment.logs()
    wait_for(lambda: not deployment.remains(), 25, lambda: "\n".join(deployment.remains()))
    front = free_port()
    deployment.start("clickhouse", "--path", "data/clickhouse", "--port", str(front))
    settings = ClickHouse(interface="http", port=front)

    def counted() -> bool:
        try:
            return windows(settings) == counts
        except Exception:
            return False

    wait_for(counted, 60, deployment.logs)


def test_killed_once_while_being_fed_the_counts_are_the_files(
    deploy: Callable[..., Deployment],
) -> None:
    """Short form of the test below: one kill instead of five, no orphan is left."""
    kill_and_start_again(deploy, kills=1, posts=300)


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_killed_five_times_while_being_fed_the_counts_are_the_files(
    deploy: Callable[..., Deployment],
) -> None:
    """Five SIGKILLs of `undertone run` at random moments: nothing lost, nothing doubled."""
    kill_and_start_again(deploy, kills=5, posts=3000)
