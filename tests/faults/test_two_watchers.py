"""Of two watchers the one that leads is paused, and wakes when the other has taken over (T13).

Real processes on an embedded broker, which leaves out no silent member by itself: the test does
(`Group.evict`), as Kafka would after `session_timeout`. That their clocks differ as well is
`tests/stream/alerting/test_two_watchers.py`'s to show.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Event

import httpx
import pytest
from kafka import KafkaProducer

from stream.database import connect
from stream.sweep import Sweep, span_inside
from tests.chaos.hooks import units
from tests.e2e.processes import samples, wait_for
from tests.faults.cluster import Cluster, Role
from tests.faults.group import Group
from tests.faults.runs import apart
from tests.stream.hooks import SECRET, Hook, hook

MINUTE = timedelta(minutes=1)
_LED_WITHIN = 30  # seconds
_SOON = {"UNDERTONE_KAFKA__MAX_POLL_INTERVAL": "3s"}  # see decision 007


def leads(role: Role) -> bool:
    with suppress(httpx.HTTPError):  # it begins, or is paused
        return samples(role.port, "undertone_leader") == [1.0]
    return False


def text(number: int, negative: bool) -> str:
    """One that the scorer of these tests takes so."""
    tried = (f"Acme {number} {turn}" for turn in count())
    return next(one for one in tried if (units(one, "Acme", 1)[0] >= 5000) == negative)


def say(cluster: Cluster, begin: timedelta, end: timedelta, every: timedelta, mood: str) -> None:
    """Posts of the time from `begin` to `end` ago."""
    now = datetime.now(UTC)
    negative = mood == "bad"
    producer = KafkaProducer(bootstrap_servers=cluster.kafka.bootstrap_servers)
    for number in range(int((begin - end) / every)):
        one = {
            "post_id": f"{now.timestamp()}-{number}",
            "source": "s",
            "text": text(number, negative),
            "created_at": (now - begin + number * every).isoformat(),
            "author": {"id": f"a{number}"},
        }
        key = f"s:{one['post_id']}"
        producer.send(cluster.kafka.topic, json.dumps(one).encode(), key.encode())
    producer.flush(10)
    producer.close(timeout=5)


def rules_in(directory: Path, receiver: Hook) -> Path:
    rule = {"name": "mood", "history": "24h", "warm_up": "6h", "resolve_after": "3m"}
    there = receiver.receiver().url.get_secret_value()
    told = {"name": "marketing", "url": there, "secret": SECRET, "allow_private": True}
    rules = {"rules": [{**rule, "receivers": ["marketing"]}], "receivers": [told]}
    file = directory / "two-watchers.yaml"
    file.write_text(json.dumps(rules), encoding="utf-8")
    return file


def pause_the_leader(shared: Cluster, seconds: float) -> Counter[str]:
    """What was told in the end, by transition."""
    cluster = apart(shared)
    logs = cluster.deployment.logs
    watchers_group = Group(
        cluster.kafka.model_copy(
            update={"group_id": f"{cluster.kafka.group_id}.{cluster.kafka.topic}.leader"}
        )
    )

    def told() -> Counter[str]:
        with connect(cluster.clickhouse) as client:
            rows = client.query("SELECT transition FROM alerts FINAL").result_rows
        return Counter(name for (name,) in rows)

    with hook() as receiver:
        file = str(rules_in(cluster.deployment.directory, receiver))
        consumer = cluster.member()
        say(cluster, 9 * 60 * MINUTE, MINUTE, 5 * MINUTE, "fine")  # a rule learns from the past
        wait_for(lambda: cluster.group.lag() == 0, 60, logs)
        both = [cluster.watcher(UNDERTONE_ALERTS__FILE=file, **_SOON)]
        wait_for(lambda: leads(both[0]), 60, logs)
        both.append(cluster.watcher(UNDERTONE_ALERTS__FILE=file, **_SOON))
        wait_for(lambda: both[1].ready and sum(map(leads, both)) == 1, 60, logs)
        say(cluster, 12 * MINUTE, MINUTE, MINUTE / 6, "bad")
        wait_for(lambda: told()["opened"] == 1 and receiver.messages, 60, logs)
        leader, other = both if leads(both[0]) else both[::-1]
        leader.pause()
        assert watchers_group.evict(leader.client) == 1
        wait_for(lambda: leads(other), _LED_WITHIN, logs)
        woken = time.monotonic() + seconds
        while time.monotonic() < woken:  # others say that it is over
            say(cluster, MINUTE, timedelta(0), MINUTE / 12, "fine")
            time.sleep(min(60, max(0, woken - time.monotonic())))
        leader.resume()
        wait_for(lambda: "leadership.lost" in leader.log.read_text(), _LED_WITHIN, logs)
        wait_for(lambda: sum(map(leads, both)) == 1, _LED_WITHIN, logs)
        assert [role.stop() for role in (*both, consumer)] == [0, 0, 0], logs()
        told_in_all = told()
        repeats = Counter(headers["webhook-id"] for headers, _ in receiver.messages)
        assert len(repeats) == sum(told_in_all.values())
        assert max(repeats.values()) <= 2
    span = span_inside(datetime.now(UTC), timedelta(days=1))
    with connect(cluster.clickhouse) as client:
        swept = Sweep(client, span, margin=timedelta(0), limit=MINUTE, stop=Event()).run()
    assert swept.left == 0, list(swept.lines())
    return told_in_all


@pytest.mark.faults
def test_a_leader_that_is_paused_finds_itself_a_follower(shared: Cluster) -> None:
    assert pause_the_leader(shared, seconds=1)["opened"] == 1


@pytest.mark.faults
def test_a_leader_that_was_paused_ten_minutes_finds_itself_a_follower(shared: Cluster) -> None:
    told = pause_the_leader(shared, seconds=600)
    assert (told["opened"], told["resolved"]) == (1, 1)
