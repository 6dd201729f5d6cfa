"""`undertone replay` from the shell: exit codes, one-line errors, and what machines read."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from starlette.testclient import TestClient

from stream.alerting.coverage import Coverage
from stream.alerting.judge import AlertWatcher
from stream.board import BoardContext, create_app
from stream.database import Client
from stream.errors import InUse
from stream.rules import Rule, Rules
from stream.settings import ClickHouse
from tests.stream.calling import Call
from tests.stream.speaking import World, post, quiet

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULE = Rule(name="mood", history="24h", warm_up="6h")


@pytest.fixture
def call(on_database: Call, client: Client, clickhouse_settings: ClickHouse) -> Call:
    """One alert in the database; a call of the command on it."""
    world = World(client, clickhouse_settings)
    storm = [post(NOON + i * MINUTE / 3) for i in range(30)]
    world.say([*quiet(NOON - timedelta(hours=14), NOON), *storm], NOON + 10 * MINUTE)
    watching = AlertWatcher(client, Rules(rules=[RULE]), world.settings)
    watching.step(NOON + 10 * MINUTE, Coverage(NOON + 10 * MINUTE, timedelta(0), 0))
    world.say([post(NOON + MINUTE / 2, post_id="late\x1b[2J")], NOON + 12 * MINUTE)
    return partial(on_database, "replay")


def test_the_verdict_is_told_again_and_what_came_since(
    call: Call, client: Client, clickhouse_settings: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert_id, written = client.query("SELECT alert_id, count() FROM alerts GROUP BY 1").result_rows[
        0
    ]
    code, out, _ = call(alert_id[:8])
    assert code == 0
    assert "the same verdict, in every bit" in out
    assert "late          1 post     +1 negative    +1 mentions   reddit late\\x1b[2J" in out
    assert "\x1b" not in out

    code, out, _ = call(alert_id, "--json")
    told = json.loads(out)
    assert code == 0 and told["recorded"]["agrees"] is True
    assert told["today"]["causes"] == {"late": {"posts": 1, "negative": 1, "mentions": 1}}
    assert client.query("SELECT count() FROM alerts").result_rows == [(written,)]

    # Whoever holds an embedded database answers the same over HTTP.
    def held(_: Any) -> Any:
        raise InUse("held by another process")

    web = TestClient(create_app(BoardContext(clickhouse_settings)), "http://localhost")
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("stream.cli.board_client.database_from", held)
        elsewhere.setattr("stream.cli.board_client.board_client", lambda _: nullcontext(web))
        assert json.loads(call(alert_id[:8], "--json")[1]) == told
        code, _, err = call(alert_id, "--step", "99")
        assert code == 2 and "--step 99: alert" in err

    code, _, err = call("nobody")
    assert code == 2 and err == (
        "undertone: ALERT nobody: no alert's id begins so; `undertone alerts` lists them\n"
    )

    client.command("ALTER TABLE alerts UPDATE expected = 99 WHERE 1 SETTINGS mutations_sync = 1")
    code, out, _ = call(alert_id)
    assert code == 1
    assert "NOT the verdict that was told" in out and "expected: 99.0 was told" in out
