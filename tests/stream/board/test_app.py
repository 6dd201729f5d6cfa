"""The board over HTTP."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from stream.board import BoardContext, BoardServer, counted_dead_letters, create_app
from stream.board.access import Access
from stream.board.context import unknown_dead_letters
from stream.errors import UsageError
from stream.metrics import DEAD_LETTERS
from stream.settings import ClickHouse

Until = Callable[..., Any]


@contextmanager
def events(board: BoardServer, last: str | None = None) -> Iterator[Iterator[dict[str, str]]]:
    """The events of the stream as {event, id, data}."""
    headers = {"Last-Event-ID": last} if last else {}
    with httpx.stream("GET", f"{board.url}/api/events", headers=headers, timeout=10) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")

        def read() -> Iterator[dict[str, str]]:
            block: dict[str, str] = {}
            for line in answer.iter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    block[name] = value
                else:
                    if "event" in block:
                        yield block
                    block = {}

        yield read()


def get(board: BoardServer, path: str) -> httpx.Response:
    return httpx.get(board.url + path)


def unread(**context: Any) -> TestClient:
    """A board whose reader does not run: for what needs no database."""
    return TestClient(create_app(BoardContext(ClickHouse(), **context)), "http://localhost")


def test_the_snapshot_is_one_json_object(board: BoardServer, seed: Any, until: Until) -> None:
    seed.store(seed.post("1", "Acme 很好 \u2028 \u202e</script>"))
    seed.progress()
    body = until(lambda: (s := get(board, "/api/snapshot").json())["posts"] and s["brands"] and s)
    assert set(body) == {"posts", "brands", "alerts", "status"}
    assert body["posts"][0]["text"] == "Acme 很好 \u2028 \u202e</script>"
    assert body["status"]["dead_letters"] == 3
    assert [brand["name"] for brand in body["brands"]] == ["Acme", "Globex"]


def test_a_page_that_comes_back_gets_what_it_missed(
    board: BoardServer, seed: Any, until: Until
) -> None:
    with events(board) as stream:
        first = next(stream)
    assert first["event"] == "snapshot"
    seed.store(seed.post("while away"))
    until(lambda: get(board, "/api/snapshot").json()["posts"])
    with events(board, first["id"]) as stream:
        missed = next(event for event in stream if event["event"] == "posts")
    assert [row["key"] for row in json.loads(missed["data"])["rows"]] == ["reddit:while away"]
    with events(board, "nonsense") as stream:
        assert next(stream)["event"] == "snapshot"


@pytest.mark.parametrize(
    "path", ["/", "/static/board.js", "/api/snapshot", "/healthz", "/metrics", "/nowhere"]
)
def test_every_answer_carries_the_security_headers(path: str) -> None:
    headers = unread().get(path).headers
    policy = headers["content-security-policy"]
    for part in ("default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert "form-action 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:8080", 200),
        ("10.1.2.3:8080", 200),
        ("board.example", 200),
        ("BOARD.example:80", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("localhost.evil.example:8080", 400),
        ("evil.example:8080:8080", 400),
        ("", 400),
    ],
)
def test_a_foreign_name_is_refused(host: str, status: int) -> None:
    """A page that rebinds its own name to this machine sends that name (DNS rebinding)."""
    client = unread(hosts=["board.example"])
    assert client.get("/healthz", headers={"host": host}).status_code == status


def test_the_page_holds_no_inline_script_or_style_and_nothing_foreign() -> None:
    page = unread().get("/").text
    assert "style=" not in page
    assert "<style" not in page
    assert " on" not in page.replace(" on ", "")
    assert "<script>" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_only_reading_is_possible() -> None:
    client = unread()
    for path in ("/", "/api/snapshot", "/api/events", "/readyz"):
        assert client.post(path).status_code == 405
    assert client.get("/static/%2e%2e/app.py").status_code == 404


def test_health_readiness_and_metrics() -> None:
    client = unread(healthy=lambda: ["consumer: dead"], ready=lambda: ["kafka: away"])
    assert client.get("/healthz").status_code == 503
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["problems"]) == (503, ["kafka: away"])
    assert "undertone_posts_stored_total" in client.get("/metrics").text
    for path in ("/healthz", "/readyz"):
        answer = unread().get(path)
        assert (answer.status_code, answer.json()["ok"]) == (200, True)


def test_it_stops_in_two_seconds_with_pages_open(board: BoardServer, until: Until) -> None:
    ended = threading.Event()

    def listen() -> None:
        with events(board) as stream:
            for _ in stream:
                pass
        ended.set()

    listener = threading.Thread(target=listen)
    listener.start()
    until(lambda: board.pages == 1)
    began = time.monotonic()
    board.stop()
    assert time.monotonic() - began < 2
    listener.join(5)
    assert ended.is_set()


def test_a_taken_port_is_the_operators_to_mend() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=r"web\.port .* UNDERTONE_WEB__PORT"):
            BoardServer(BoardContext(ClickHouse()), port=port).start()


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:1"), ("::1", "http://[::1]:1"), ("a.b", "http://a.b:1")],
)
def test_the_url_is_one_a_browser_can_open(host: str, url: str) -> None:
    context = BoardContext(ClickHouse(), access=Access(is_open=False, token="0123456789abcdef"))
    assert BoardServer(context, host, 1).url == url


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "board.example", "192.168.1.5"])
def test_a_board_that_others_can_reach_is_not_served_unless_it_asks_who_they_are(host: str) -> None:
    with pytest.raises(UsageError, match="UNDERTONE_WEB__TOKEN"):
        BoardServer(BoardContext(ClickHouse()), host)


def test_dead_letters_are_counted_where_they_are_written() -> None:
    before = counted_dead_letters()
    DEAD_LETTERS.labels(reason="not_json").inc(2)
    assert before is not None
    assert counted_dead_letters() == before + 2
    assert unknown_dead_letters() is None
