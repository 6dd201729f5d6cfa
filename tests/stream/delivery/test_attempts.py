"""`undertone deliveries`: every attempt is seen, and what did not arrive can be sent again."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from stream.board import BoardContext, create_app
from stream.database import Client
from stream.delivery.attempts import Asked, ask_again, attempts
from stream.delivery.due import WAITS
from stream.errors import InUse
from stream.settings import ClickHouse
from tests.stream.calling import Call
from tests.stream.delivery.test_outbox import NOW, after, outbox, outcomes, tell
from tests.stream.hooks import SECRET, hook, listener, status, written


@pytest.fixture
def call(on_database: Call, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run `undertone deliveries …` on that database."""
    monkeypatch.setenv("UNDERTONE_ALERTS__FILE", "alerts.yaml")
    return partial(on_database, "deliveries")


def kept(client: Client, **meant: Any) -> list[tuple[int, str]]:
    """Number and outcome of attempts, the oldest first."""
    return [(one.attempt, one.outcome) for one in reversed(attempts(client, **meant))]


def test_what_was_given_up_is_sent_again_when_asked_for(client: Client, call: Call) -> None:
    """Under its old webhook-id, with a new schedule of waits, and every row is kept."""
    with hook(*[status(500)] * (len(WAITS) + 2), status(200)) as there:
        box = outbox(client, there.receiver("given-up"))
        tell(client, "given-up", alert_id="gave1111")
        now = NOW
        for _ in range(len(WAITS) + 1):
            [last] = box.deliver_due(now, patience=5)
            now = last.next_attempt_at
        assert last.outcome == "gave_up"
        assert box.deliver_due(after(10**6)) == []

        code, out, _ = call("retry", "--alert", "gave1111", "--by", "Ann")
        assert (code, out) == (0, "1 to be sent again\n")
        later = now + timedelta(days=1)
        assert outcomes(box.deliver_due(later, patience=5)) == [("retry", 500)]
        assert box.deliver_due(later + timedelta(seconds=3)) == []  # the first wait again
        again = box.deliver_due(later + timedelta(seconds=7), patience=5)
        assert outcomes(again) == [("sent", 200)]
        assert box.deliver_due(later + timedelta(days=9)) == []
        assert len({headers["webhook-id"] for headers, _ in there.messages}) == 1
    numbers = sorted(kept(client, receiver="given-up"))
    assert numbers[-4:] == [(11, "gave_up"), (11, "retry_asked"), (12, "retry"), (13, "sent")]
    [wish] = [one for one in attempts(client, alert="gave1111") if one.outcome == "retry_asked"]
    assert wish.reason == "by Ann"
    assert ask_again(client, by="Ann", now=NOW, alert="gave1111") == Asked(0, 0)


def test_a_disabled_endpoint_is_tried_again_when_asked_for(client: Client) -> None:
    with hook(status(410), status(200)) as there:
        box = outbox(client, there.receiver("gone"))
        tell(client, "gone", alert_id="d1")
        assert outcomes(box.deliver_due(NOW, patience=5)) == [("disabled", 410)]
        tell(client, "gone", alert_id="d2")
        assert outcomes(box.deliver_due(after(1), patience=5)) == [("disabled", 0)]
        assert ask_again(client, by="Ann", now=after(2), receiver="gone") == Asked(2, 0)
        assert outcomes(box.deliver_due(after(3), patience=5)) == [("sent", 200)] * 2
        tell(client, "gone", alert_id="d3")
        assert outcomes(box.deliver_due(after(4), patience=5)) == [("sent", 200)]


def test_an_endpoint_that_is_still_gone_stays_disabled(client: Client) -> None:
    with hook(status(410)) as there:
        box = outbox(client, there.receiver("still-gone"))
        tell(client, "still-gone", alert_id="s1")
        for second in (0, 10):
            assert outcomes(box.deliver_due(after(second), patience=5)) == [("disabled", 410)]
            ask_again(client, by="Ann", now=after(second + 5), receiver="still-gone")
        assert outcomes(box.deliver_due(after(20), patience=5)) == [("disabled", 410)]
        tell(client, "still-gone", alert_id="s2")
        assert outcomes(box.deliver_due(after(21), patience=5)) == [("disabled", 0)]
        assert len(there.messages) == 3


def test_what_waits_for_hours_is_sent_at_once_when_asked_for(client: Client) -> None:
    with hook(status(503, Retry_After="20000"), status(200)) as there:
        box = outbox(client, there.receiver("waits"))
        tell(client, "waits", alert_id="w1")
        assert outcomes(box.deliver_due(NOW, patience=5)) == [("retry", 503)]
        assert ask_again(client, by="Ann", now=after(60), receiver="waits") == Asked(1, 0)
        assert ask_again(client, by="Ann", now=after(61), receiver="waits") == Asked(0, 0)
        assert outcomes(box.deliver_due(after(62), patience=5)) == [("sent", 200)]


def test_what_is_old_is_history_and_said_to_be(client: Client) -> None:
    with hook(status(410)) as there:
        box = outbox(client, there.receiver("old"))
        tell(client, "old", alert_id="o1", written_at=NOW - timedelta(days=6, hours=23))
        assert outcomes(box.deliver_due(NOW, patience=5)) == [("disabled", 410)]
    week_later = NOW + timedelta(days=7)
    assert ask_again(client, by="Ann", now=week_later, receiver="old") == Asked(0, 1)


def test_the_list_tells_of_every_attempt_and_why_it_failed(client: Client, call: Call) -> None:
    refusal = b'{"errcode": 310000, "errmsg": "keywords \\u001b[31m\\nnot in content"}'
    with hook(written(200, refusal)) as there, hook() as fine:
        listed = there.receiver("listed", format="dingtalk", secrets=["SEC1"])
        box = outbox(client, listed, fine.receiver("fine"))
        tell(client, "listed", "fine", alert_id="l1")
        box.deliver_due(NOW, patience=5)
    code, out, _ = call("list", "--alert", "l1")
    lines = out.splitlines()
    assert (code, len(lines)) == (0, 2)
    [line] = [line for line in lines if "listed" in line]
    for part in ("l1  1 opened  attempt 1  retry  200", "310000: keywords [31m not in", "next 20"):
        assert part in line
    assert out.replace("\n", "").isprintable()

    code, out, _ = call("list", "--alert", "l1", "--failed", "--json")
    [one] = json.loads(out)["attempts"]
    assert (one["receiver"], one["outcome"], one["attempt"]) == ("listed", "retry", 1)
    assert datetime.fromisoformat(one["next_attempt_at"]) > datetime.fromisoformat(
        one["attempted_at"]
    )
    assert "SEC1" not in out and call("list", "--alert", "none")[1] == "no attempts\n"


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    "arguments", [["retry"], ["retry", "--all-failed", "--alert", "a"], ["list", "--limit", "0"]]
)
def test_a_wrong_call_is_refused(call: Call, arguments: list[str]) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "") and err


def test_what_is_meant_must_be_there_and_be_one_alert(client: Client, call: Call) -> None:
    with hook(status(500)) as there:
        box = outbox(client, there.receiver("r"))
        for alert_id in ("abcd1111", "abcd2222"):
            tell(client, "r", alert_id=alert_id)
        box.deliver_due(NOW, patience=5)
    for arguments, fix in (
        (["--alert", "unheard", "--receiver", "x"], "--alert unheard --receiver x: nothing was"),
        (["--alert", "abc"], "give at least 4 characters"),
        (["--alert", "abcd"], "--alert abcd: 2 ids begin so; give more of it"),
    ):
        code, _, err = call("retry", *arguments)
        assert code == 2 and fix in err
    assert call("retry", "--alert", "abcd1", "--by", "Ann")[1] == "1 to be sent again\n"
    assert len(call("list", "--alert", "abcd2")[1].splitlines()) == 1


def test_while_another_process_holds_the_database_its_board_is_asked(
    client: Client,
    call: Call,
    clickhouse_settings: ClickHouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same answers, and the same acts: whoever runs all in one process wants them too."""
    with hook(status(500)) as there:
        box = outbox(client, there.receiver("r"))
        tell(client, "r", alert_id="abcd1111")
        box.deliver_due(NOW, patience=5)
    direct = call("list", "--json")[1]
    app = create_app(BoardContext(clickhouse_settings))

    def held(*_: Any) -> Any:
        raise InUse("held by another process")

    monkeypatch.setattr("stream.cli.board_client.database_from", held)
    web = TestClient(app, "http://localhost")
    monkeypatch.setattr("stream.cli.board_client.board_client", lambda _: nullcontext(web))
    assert call("list", "--json")[1] == direct != '{"attempts": []}\n'
    assert call("list", "--failed", "--receiver", "none")[1] == "no attempts\n"
    assert call("retry", "--all-failed", "--by", "Ann")[1] == "1 to be sent again\n"
    assert kept(client) == [(1, "retry"), (1, "retry_asked")]
    code, _, err = call("retry", "--receiver", "nobody")
    assert code == 2 and "nothing was ever sent" in err
    assert web.get("/api/v1/deliveries", params={"limit": "0"}).status_code == 422
    assert web.post("/api/v1/deliveries/retry", content="{}").status_code == 415


RULES = """
receivers:
  - {{name: r, url: 'http://127.0.0.1:{port}/hook', allow_private: true, format: {product}{rest}}}
"""


@pytest.mark.parametrize("product", ["generic", "slack"])
def test_a_receiver_can_be_tried_without_a_database(
    call: Call, tmp_path: Path, product: str
) -> None:
    rest = f", secret: {SECRET}" if product == "generic" else ""
    with hook() as there:
        rules = RULES.format(port=there.port, product=product, rest=rest)
        (tmp_path / "alerts.yaml").write_text(rules)
        code, out, _ = call("test", "r")
        assert (code, out) == (0, f"r ({product}, http://127.0.0.1/…): taken\n")
        [(_, body)] = there.messages
        assert b"nothing has happened" in body
        if product == "generic":
            assert there.verified()[0]["type"] == "alert.test"


def test_a_receiver_that_does_not_take_it_is_a_failure(call: Call, tmp_path: Path) -> None:
    with listener() as (port, _):
        pass
    (tmp_path / "alerts.yaml").write_text(RULES.format(port=port, product="slack", rest=""))
    code, out, _ = call("test", "r", "--json")
    assert (code, json.loads(out)["outcome"]) == (1, "failed")
    code, _, err = call("test", "nobody")
    assert code == 2 and "no receiver is called 'nobody' in alerts.yaml: r" in err


def test_the_schema_of_the_generic_format_is_published(call: Call) -> None:
    code, out, _ = call("schema")
    published = json.loads(out)
    assert code == 0
    assert published["$schema"].endswith("2020-12/schema")
    assert published["properties"]["data"]["$ref"] == "#/$defs/Notice"
