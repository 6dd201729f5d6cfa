"""A consumer that is killed is told of, and told of again when it is back.

Real processes: an embedded broker, embedded ClickHouse behind its HTTP front, a consumer with a
pure scorer and a watcher with a webhook. A lag of a minute is the least that can be asked for.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.processes import wait_for
from tests.faults.cluster import Cluster
from tests.faults.runs import apart
from tests.stream.hooks import SECRET, hook


@pytest.mark.faults
def test_a_consumer_that_was_killed_is_told_of_until_it_is_back(shared: Cluster) -> None:
    cluster = apart(shared)
    logs = cluster.deployment.logs
    with hook() as receiver:
        there = receiver.receiver().url.get_secret_value()
        told = {"name": "ops", "url": there, "secret": SECRET, "allow_private": True}
        no_data = {"lag": "1m", "resolve_after": "5s", "receivers": ["ops"]}
        file = cluster.deployment.directory / "no-data.yaml"
        file.write_text(json.dumps({"no_data": no_data, "receivers": [told]}), encoding="utf-8")

        def notices() -> list[Any]:
            return receiver.verified()

        consumer = cluster.member()
        watcher = cluster.watcher(UNDERTONE_ALERTS__FILE=str(file))
        wait_for(lambda: consumer.ready and watcher.ready, 60, logs)
        consumer.kill()
        wait_for(lambda: len(notices()) == 1, 120, logs)
        opened = notices()[0]["data"]
        assert notices()[0]["type"] == "alert.opened"
        assert (opened["kind"], opened["topic"]) == ("no_data", "consumer")
        assert opened["reason"] == "consumer_stopped"
        assert "no consumer is at work" in opened["evidence"]["summary"]
        assert cluster.group.evict(consumer.client) == 1
        consumer.start()
        wait_for(lambda: len(notices()) == 2, 120, logs)
        assert notices()[1]["type"] == "alert.resolved"
        assert notices()[1]["data"]["alert_id"] == opened["alert_id"]
        assert [watcher.stop(), consumer.stop()] == [0, 0], logs()
