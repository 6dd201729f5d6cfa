"""The outbox: at least once, under one id, in its time, and nobody waits for another."""

from __future__ import annotations

import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from prometheus_client import generate_latest

from stream.database import Client, connect
from stream.delivery.due import JITTER, WAITS, wait_after
from stream.delivery.notice import Notice
from stream.delivery.outbox import Delivery, Outbox
from stream.delivery.render import render
from stream.errors import RetryLater
from stream.logs import set_up_logs
from stream.metrics import REGISTRY
from stream.receivers import OWN_SIGNATURE, Format, Receiver
from stream.rules import Rules
from stream.settings import ClickHouse, Log
from tests.stream.hooks import SECRET, Answer, Hook, hook, status, written

NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def now_is_when_the_test_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Receivers take no signature older than five minutes, and the suite runs for longer."""
    monkeypatch.setattr(sys.modules[__name__], "NOW", datetime.now(UTC))


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def tell(
    client: Client, *receivers: str, alert_id: str = "a1", step: int = 1, **changed: Any
) -> None:
    """Write a transition for the receivers."""
    values = {
        "alert_id": alert_id,
        "step": step,
        "transition": "opened",
        "rule": "mood",
        "brand": "Acme",
        "state": "open",
        "severity": "high",
        "opened_at": NOW,
        "changed_at": NOW,
        "observed": 9.0,
        "receivers": list(receivers),
        "evidence": '{"summary": "9 posts"}',
    } | changed
    client.insert("alerts", [list(values.values())], column_names=list(values))


def outbox(client: Client, *receivers: Receiver, **changed: Any) -> Outbox:
    return Outbox(client, Rules(receivers=receivers), **changed)


def outcomes(deliveries: list[Delivery]) -> list[tuple[str, int]]:
    return [(one.outcome, one.status_code) for one in deliveries]


def test_a_failing_receiver_is_tried_again_under_one_id_until_it_answers(client: Client) -> None:
    with hook(status(500), status(500), status(200)) as there:
        box = outbox(client, there.receiver())
        tell(client, "marketing")
        assert outcomes(box.deliver_due(NOW, patience=5)) == [("retry", 500)]
        assert box.deliver_due(after(3), patience=5) == []
        assert outcomes(box.deliver_due(after(7), patience=5)) == [("retry", 500)]
        assert outcomes(box.deliver_due(after(50), patience=5)) == [("sent", 200)]
        assert box.deliver_due(after(10**5), patience=5) == []
        assert [message["data"]["alert_id"] for message in there.verified()] == ["a1"] * 3
        headers = [headers for headers, _ in there.messages]
    assert len({one["webhook-id"] for one in headers}) == 1
    assert len({one["webhook-timestamp"] for one in headers}) == 3
    rows = client.query("SELECT attempt, outcome FROM deliveries ORDER BY attempt").result_rows
    assert [(*row,) for row in rows] == [(1, "retry"), (2, "retry"), (3, "sent")]


def test_retry_after_is_waited_for(client: Client) -> None:
    with hook(status(429, Retry_After="100"), status(200)) as there:
        box = outbox(client, there.receiver())
        tell(client, "marketing")
        assert outcomes(box.deliver_due(NOW, patience=5)) == [("retry", 429)]
        assert box.deliver_due(after(95), patience=5) == []
        assert outcomes(box.deliver_due(after(105), patience=5)) == [("sent", 200)]


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        (status(400), [True, True, False]),
        (written(200, b'{"errcode": 40008}'), [True, True, False]),
        (status(500), [True, True, True]),
        (status(429), [True, True, True]),
    ],
)
def test_what_is_refused_twice_for_what_it_says_goes_without_strangers_words(
    client: Client, answer: Answer, whole: list[bool]
) -> None:
    """A word or link in one post that a product does not take must not keep the alert away."""
    with hook(answer) as there:
        box = outbox(client, there.receiver(format="wecom", secrets=[]))
        tell(client, "marketing", evidence='{"posts": [{"text": "forbidden"}], "mentions": 9}')
        for seconds in (0, 10, 60):
            assert len(box.deliver_due(after(seconds), patience=5)) == 1
        assert [b"forbidden" in body for _, body in there.messages] == whole


def test_gone_disables_the_endpoint_until_its_url_changes(client: Client) -> None:
    with hook(status(410), status(200)) as there:
        box = outbox(client, there.receiver())
        tell(client, "marketing")
        assert outcomes(box.deliver_due(NOW, patience=5)) == [("disabled", 410)]
        tell(client, "marketing", alert_id="a2")
        assert outcomes(box.deliver_due(NOW, patience=5)) == [("disabled", 0)]
        assert len(there.messages) == 1
        tell(client, "marketing", alert_id="a3")
        moved = outbox(client, there.receiver(path="/new"))
        assert outcomes(moved.deliver_due(NOW, patience=5)) == [("sent", 200)]


def test_each_receiver_of_each_transition_is_told_once(client: Client) -> None:
    with hook() as first, hook() as second:
        box = outbox(client, first.receiver("first"), second.receiver("second"))
        tell(client, "first", "second", "first")
        tell(client, "first", step=2, transition="resolved", state="resolved")
        tell(client, alert_id="a2")
        assert outcomes(box.deliver_due(NOW, patience=5)) == [("sent", 204)] * 3
        assert [message["type"] for message in second.verified()] == ["alert.opened"]
        assert {message["type"] for message in first.verified()} == {
            "alert.opened",
            "alert.resolved",
        }


def test_a_slow_receiver_holds_up_nobody(client: Client) -> None:
    release = threading.Event()

    def slow(request: Any) -> None:
        release.wait(20)
        status(200)(request)

    with hook(slow) as sleepy, hook() as awake:
        box = outbox(client, sleepy.receiver("sleepy"), awake.receiver("awake"))
        for number in range(9):
            tell(client, "sleepy", alert_id=f"s{number}")
        tell(client, "awake")
        done = box.deliver_due(NOW, patience=0.3) + box.deliver_due(NOW, patience=0.3)
        assert [one.receiver for one in done] == ["awake"]
        assert len(sleepy.messages) == 4
        release.set()
        recorded: list[Delivery] = []
        while len(recorded) < 9:
            recorded += box.deliver_due(after(1), patience=2)
        assert len({headers["webhook-id"] for headers, _ in sleepy.messages}) == 9


def test_a_crash_between_send_and_record_repeats_under_the_same_id(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError("gone")

    with hook() as there:
        tell(client, "marketing")
        box = outbox(client, there.receiver())
        with monkeypatch.context() as broken:
            broken.setattr(client, "insert", away)
            with pytest.raises(RetryLater):
                box.deliver_due(NOW, patience=5)
        # The same process records it without sending again; another one sends it again.
        assert outcomes(outbox(client, there.receiver()).deliver_due(NOW, patience=5)) == [
            ("sent", 204)
        ]
        assert outcomes(box.deliver_due(NOW, patience=5)) == [("sent", 204)]
        assert len({headers["webhook-id"] for headers, _ in there.messages}) == 1
        assert len(there.messages) == 2


def test_closing_records_what_is_under_way(client: Client, clickhouse_settings: ClickHouse) -> None:
    with hook() as there:
        tell(client, "marketing")
        box = outbox(connect(clickhouse_settings), there.receiver())
        box.deliver_due(NOW, patience=0)
        box.close()
    assert client.query("SELECT outcome FROM deliveries").result_rows[0][0] == "sent"


def test_a_receiver_no_longer_configured_is_given_up(client: Client) -> None:
    tell(client, "nobody")
    assert outcomes(outbox(client).deliver_due(NOW)) == [("gave_up", 0)]
    assert outbox(client).deliver_due(after(10**5)) == []


def test_a_receiver_that_moved_is_told_where_it_is_now(client: Client) -> None:
    with hook(status(500)) as old, hook() as new:
        box = outbox(client, old.receiver())
        tell(client, "marketing")
        assert outcomes(box.deliver_due(NOW, patience=5)) == [("retry", 500)]
        box.follow(Rules(receivers=[new.receiver()]))
        assert outcomes(box.deliver_due(after(10), patience=5)) == [("sent", 204)]
        assert len(old.messages) == len(new.verified()) == 1


def test_what_nobody_answers_is_given_up_after_about_a_day(client: Client) -> None:
    """Every attempt falls in its time, and the last one is final."""
    tried: list[datetime] = []

    def refuse(_receiver: Receiver, _id: str, _body: dict[str, Any], at: datetime) -> Any:
        from stream.delivery.answers import Attempt

        tried.append(at)
        return Attempt("retry", 500, "HTTP 500")

    tell(client, "marketing")
    box = outbox(client, Hook(1, []).receiver(), send=refuse)
    now, last = NOW, None
    while last is None or last.outcome == "retry":
        [last] = box.deliver_due(now, patience=5)
        now = last.next_attempt_at
    assert last.outcome == "gave_up"
    assert len(tried) == len(WAITS) + 1
    assert timedelta(hours=18) < tried[-1] - tried[0] < timedelta(hours=30)
    assert box.deliver_due(after(10**6)) == []


def test_old_transitions_are_history_not_news(client: Client) -> None:
    tell(client, "marketing", written_at=NOW - timedelta(days=8))
    assert outbox(client, Hook(1, []).receiver()).deliver_due(NOW) == []


@pytest.mark.parametrize("attempt", range(1, len(WAITS) + 1))
def test_waits_are_spread_by_a_fifth_and_repeatable(attempt: int) -> None:
    base = WAITS[attempt - 1]
    spread = {wait_after(attempt, f"msg_{n}") for n in range(50)}
    assert len(spread) > 40
    assert all(wait and base * (1 - JITTER) <= wait <= base * (1 + JITTER) for wait in spread)
    assert wait_after(attempt, "msg_1") == wait_after(attempt, "msg_1", timedelta(seconds=1))
    assert wait_after(attempt, "msg_1", timedelta(days=9)) == max(
        timedelta(hours=8), wait_after(attempt, "msg_1") or timedelta(0)
    )
    assert wait_after(len(WAITS) + 1, "msg_1") is None


def test_a_notice_that_cannot_be_made_holds_up_no_other(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(notice: Notice, receiver: Receiver) -> dict[str, Any]:
        if notice.alert_id == "a1":
            raise KeyError("ours")
        return render(notice, receiver)

    monkeypatch.setattr("stream.delivery.outbox.render", faulty)
    with hook() as there:
        box = outbox(client, there.receiver())
        for alert_id in ("a1", "a2"):
            tell(client, "marketing", alert_id=alert_id)
        done = {one.alert_id: one for one in box.deliver_due(NOW, patience=5)}
    assert (done["a1"].outcome, done["a2"].outcome) == ("retry", "sent")
    assert done["a1"].reason == "the notice could not be made: KeyError"


def test_no_key_of_any_receiver_is_logged_or_stored(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where a product's answer repeats it, and with every logger at its most talkative."""

    def echo(request: Any) -> None:
        written(400, f"{request.path} {SECRET}".encode())(request)

    key = SECRET.removeprefix("whsec_")
    set_up_logs(Log(level="debug", json_lines=True))
    with hook(echo) as there:
        receivers = [
            there.receiver(
                product,
                format=product,
                path="/canary-of-path?access_token=canary-of-query",
                secrets=[key if product in OWN_SIGNATURE else SECRET],
            )
            for product in get_args(Format)
        ]
        tell(client, *get_args(Format))
        done = outbox(client, *receivers).deliver_due(NOW, patience=5)
    assert outcomes(done) == [("retry", 400)] * 7
    stored = str(client.query("SELECT * FROM deliveries").result_rows)
    told = "".join(capsys.readouterr()) + stored + generate_latest(REGISTRY).decode()
    assert "HTTP 400: /…?…=…" in told
    assert "canary" not in told and key not in told
