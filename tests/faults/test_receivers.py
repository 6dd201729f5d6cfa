"""Receivers that hang, drip, flood, refuse and send elsewhere, all at once (T24).

The production outbox on embedded ClickHouse, run each second as the watcher runs it, and real HTTP
receivers. What each kind does by itself: tests/stream/delivery.
"""

from __future__ import annotations

import statistics
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from stream.database import connect
from stream.delivery.outbox import Delivery, Outbox
from stream.delivery.webhook import TIMEOUT
from stream.rules import Rules
from stream.settings import ClickHouse
from tests.stream.delivery.test_outbox import tell
from tests.stream.hooks import flood, hook, status

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

ALERTS_EACH = 12  # to every receiver that misbehaves
SECONDS = 40
MOST_DELAY = 2.0  # seconds, of 95 % of what goes to the others


def test_receivers_that_misbehave_hold_up_nobody(clickhouse_settings: ClickHouse) -> None:
    """p95 of the others' delay <= 2 s; each attempt <= 30 s; nothing at a redirect's target."""
    over = threading.Event()
    arrived: dict[str, float] = {}

    def hang(_: Any) -> None:
        over.wait(SECONDS + 30)

    def one_byte_a_second(request: Any) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100:
            request.wfile.write(bytes([byte]))
            if over.wait(1):
                return

    def take(request: Any) -> None:
        arrived[request.headers["webhook-id"]] = time.time()
        status(204)(request)

    endless = flood(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    client = connect(clickhouse_settings)
    with hook() as target, hook(take) as good, hook(hang) as hangs, hook(endless) as floods:
        away = status(301, Location=f"http://127.0.0.1:{target.port}/")
        with hook(one_byte_a_second) as drips, hook(away) as moved, hook(status(500)) as broken:
            bad = {"hangs": hangs, "drips": drips, "moved": moved, "broken": broken}
            receivers = [there.receiver(name) for name, there in bad.items()]
            receivers += [good.receiver("good"), floods.receiver("floods", format="slack")]
            box = Outbox(connect(clickhouse_settings), Rules(receivers=receivers))
            for number in range(ALERTS_EACH):
                tell(client, *bad, "floods", alert_id=f"bad{number}")
            told: dict[str, float] = {}
            done: list[Delivery] = []
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                alert_id = f"good{len(told)}"
                told[alert_id] = time.time()
                tell(client, "good", alert_id=alert_id)
                began = time.monotonic()
                done += box.deliver_due(datetime.now(UTC))
                time.sleep(max(0.0, 1 - (time.monotonic() - began)))
            over.set()
            box.close()
    rows = client.query("SELECT alert_id, webhook_id, receiver, seconds FROM deliveries")
    client.close()
    delays = [
        arrived[row[1]] - told[row[0]] for row in rows.result_rows if row[2] == "good"
    ]  # fmt: skip
    slowest = dict.fromkeys(bad, 0.0)
    for row in rows.result_rows:
        slowest[row[2]] = max(slowest.get(row[2], 0.0), row[3])
    p95 = statistics.quantiles(delays, n=20)[-1]
    print(f"p95 {p95:.2f} s of {len(delays)}; slowest attempts {slowest}")
    assert len(delays) == len(told) > SECONDS // 2
    assert p95 <= MOST_DELAY
    assert max(slowest.values()) <= TIMEOUT + 1 <= 30
    assert min(slowest["hangs"], slowest["drips"]) > TIMEOUT - 1  # they did hang
    assert target.messages == []
