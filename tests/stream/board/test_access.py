"""Who may use the board: everybody on this machine, elsewhere whoever has said who they are."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
import structlog
from starlette.requests import HTTPConnection
from starlette.testclient import TestClient

from stream.board import BoardContext, create_app
from stream.board.access import COOKIE, SESSION_SECONDS, Access, access_of
from stream.cli.board_client import board_client
from stream.clock import Clock
from stream.errors import UsageError
from stream.service import run_roles
from stream.settings import ClickHouse, Settings, Web, load_settings

TOKEN = "correct horse battery staple"
ASKING = Access(is_open=False, token=TOKEN)
BEHIND = Access(
    is_open=False, user_header="X-Forwarded-User", proxies=[ip_network("10.0.0.0/24")], https=True
)
BEARER = {"Authorization": f"Bearer {TOKEN}"}
JSON = {"content-type": "application/json"}


def board(access: Access, **client: Any) -> TestClient:
    """A board whose reader does not run."""
    context = BoardContext(ClickHouse(), access=access)
    return TestClient(create_app(context), client.pop("url", "http://localhost"), **client)


@pytest.mark.parametrize("path", ["/api/snapshot", "/api/v1/scores", "/metrics", "/nowhere"])
def test_a_stranger_reads_nothing(path: str) -> None:
    answer = board(ASKING).get(path)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "web.token" in answer.json()["error"]
    assert answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/", "/static/board.js", "/healthz", "/readyz"])
def test_a_stranger_gets_the_page_to_sign_in_on_and_probes_are_answered(path: str) -> None:
    assert board(ASKING).get(path).status_code == 200


def test_on_this_machine_nobody_is_asked() -> None:
    assert board(Access()).get("/api/snapshot").status_code == 200


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN} ", 200),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Bearer {TOKEN}s", 401),
        (f"Basic {TOKEN}", 401),
        ("Bearer ", 401),
        ("Bearer тайна", 401),
        ("", 401),
    ],
)
def test_the_token_opens_the_board_and_nothing_else_does(header: str, status: int) -> None:
    given = header.encode()
    answer = board(ASKING).get("/api/snapshot", headers={"Authorization": given})
    assert answer.status_code == status


def test_a_board_without_a_token_knows_none() -> None:
    assert board(BEHIND).get("/api/snapshot", headers=BEARER).status_code == 401
    assert (
        board(BEHIND).get("/api/snapshot", headers={"Authorization": "Bearer"}).status_code == 401
    )


def test_signing_in_is_remembered_in_a_cookie_that_no_script_and_no_other_site_can_use() -> None:
    web = board(ASKING)
    signed = web.post("/login", json={"token": TOKEN, "name": "  Ann   Lee "})
    assert (signed.status_code, signed.json()) == (200, {"name": "Ann Lee"})
    cookie = signed.headers["set-cookie"].lower()
    for part in ("httponly", "samesite=strict", "path=/", f"max-age={SESSION_SECONDS}"):
        assert part in cookie
    assert "secure" not in cookie  # http://localhost
    assert TOKEN not in str(signed.headers)
    assert web.get("/api/snapshot").status_code == 200
    assert web.post("/logout", json={}).status_code == 200
    assert web.get("/api/snapshot").status_code == 401


def test_a_session_is_signed_ends_and_ends_with_its_token() -> None:
    session = ASKING.session("Ann", now=1000)

    def name(access: Access, cookie: str, now: float) -> str | None:
        headers = [(b"cookie", f"{COOKIE}={cookie}".encode())]
        asked = HTTPConnection({"type": "http", "headers": headers, "client": ("127.0.0.1", 1)})
        caller = access.caller(asked, now)
        return caller.name if caller else None

    assert name(ASKING, session, 1001) == "Ann"
    assert name(ASKING, session, 1000 + SESSION_SECONDS) is None
    assert name(Access(is_open=False, token="another secret of ours"), session, 1001) is None
    forged = Access(is_open=False, token="").session("Ann", now=1000)
    for cookie in (session[:-1], "x" + session, session.partition(".")[0], "", ".", forged):
        assert name(ASKING, cookie, 1001) is None
        assert name(Access(is_open=False), cookie, 1001) is None


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"token": "wrong", "name": "Ann"}, {}, 401),
        ({"token": TOKEN, "name": ""}, {}, 422),
        ({"token": TOKEN, "name": "A\x1b[31m"}, {}, 422),
        ({"token": TOKEN}, {}, 422),
        ({"token": [TOKEN], "name": "Ann"}, {}, 422),
        ({"token": TOKEN, "name": "Ann"}, {"origin": "https://evil.example"}, 403),
        ({"token": TOKEN, "name": "Ann"}, {"content-type": "text/plain"}, 415),
    ],
)
def test_signing_in_wrongly_is_refused(body: Any, headers: dict[str, str], status: int) -> None:
    answer = board(ASKING).post("/login", json=body, headers=headers)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers
    assert TOKEN not in answer.text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (rb'{"token": "\ud800", "name": "Ann"}', 401),
        (b"[" * 19_000, 422),
        (b'{"token":' * 2_000, 422),
        (b"\xff\xfe", 422),
    ],
)
def test_a_stranger_who_sends_nonsense_is_refused_in_one_line(body: bytes, status: int) -> None:
    answer = board(ASKING).post("/login", content=body, headers=JSON)
    assert answer.status_code == status
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("10.0.0.7", [("X-Forwarded-User", "ann@example.org")], 200),
        ("::ffff:10.0.0.7", [("X-Forwarded-User", "ann@example.org")], 200),
        ("10.0.0.7", [], 401),
        ("10.0.0.7", [("X-Forwarded-User", "")], 401),
        ("10.0.0.7", [("X-Forwarded-User", "root"), ("X-Forwarded-User", "ann")], 401),
        ("10.0.1.7", [("X-Forwarded-User", "ann@example.org")], 401),
        ("testclient", [("X-Forwarded-User", "ann@example.org")], 401),
        ("10.0.1.7", [("X-Forwarded-User", "ann"), ("X-Forwarded-For", "10.0.0.7")], 401),
    ],
)
def test_a_header_names_the_user_only_where_a_trusted_proxy_sent_it(
    peer: str, headers: list[tuple[str, str]], status: int
) -> None:
    web = board(BEHIND, client=(peer, 50_000))
    assert web.get("/api/snapshot", headers=headers).status_code == status


def test_behind_https_the_session_goes_no_other_way() -> None:
    web = board(Access(is_open=False, token=TOKEN, https=True), url="https://localhost")
    signed = web.post("/login", json={"token": TOKEN, "name": "Ann"})
    assert "secure" in signed.headers["set-cookie"].lower()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that any logger says."""
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    with structlog.testing.capture_logs() as events:
        yield said
        said.write(str(events))
    root.removeHandler(handler)
    root.setLevel(before)


def test_the_token_reaches_no_log_and_no_representation(logged: io.StringIO) -> None:
    web = board(ASKING)
    web.post("/login", json={"token": TOKEN, "name": "Ann"})
    web.post("/login", json={"token": TOKEN + "x", "name": "Ann"})
    web.get("/api/snapshot", headers=BEARER)
    context = BoardContext(ClickHouse(), access=ASKING)
    told = logged.getvalue() + repr(context) + repr(Web(token=TOKEN))
    assert TOKEN not in told


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.0.0.9"])
def test_bound_to_this_machine_a_board_needs_no_token(host: str) -> None:
    assert access_of(Web(host=host)).is_open


def test_bound_elsewhere_it_is_not_started_without() -> None:
    with pytest.raises(UsageError, match=r"web\.host 0\.0\.0\.0: .* UNDERTONE_WEB__TOKEN"):
        access_of(Web(host="0.0.0.0"))
    assert not access_of(Web(host="0.0.0.0", token=TOKEN)).is_open
    proxied = Web(host="0.0.0.0", user_header="X-User", trusted_proxies="10.0.0.7, fd00::/8")
    assert [str(one) for one in access_of(proxied).proxies] == ["10.0.0.7/32", "fd00::/8"]


def test_a_service_that_would_serve_strangers_is_refused_before_anything_starts() -> None:
    settings = Settings(web=Web(host="0.0.0.0"))
    with pytest.raises(UsageError, match="WEB__TOKEN"):
        run_roles(settings, Clock.of_wall(), threading.Event(), consumes=True, watches=True)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"TOKEN": "short"}, r"web\.token .* 16 characters"),
        ({"USER_HEADER": "X-User"}, r"trusted_proxies"),
        ({"USER_HEADER": "X User:"}, r"web\.user_header"),
        ({"TRUSTED_PROXIES": "10.0.0.7/8"}, r"web\.trusted_proxies"),
    ],
)
def test_wrong_settings_are_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], reason: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"UNDERTONE_WEB__{name}", value)
    with pytest.raises(UsageError, match=reason) as refused:
        load_settings()
    assert "short" not in str(refused.value)


def test_commands_send_the_token_to_a_board_that_holds_the_database() -> None:
    with board_client(Settings(web=Web(host="0.0.0.0", token=TOKEN))) as client:
        assert client.headers["authorization"] == BEARER["Authorization"]
    with board_client(Settings()) as client:
        assert "authorization" not in client.headers
