"""No webhook reaches an address that its operator did not open (FAULTS T26)."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from stream.delivery.addresses import AddressRefused, Policy, checked_addresses, endpoint, is_public
from stream.delivery.webhook import send
from stream.receivers import Receiver
from tests.stream.hooks import SECRET, hook, listener

CLOSED = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 127.0.0.1 127.8.8.8
169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.1.1
198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.250 240.0.0.1
255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 64:ff9b:1::1
100::1 2001::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1 3fff::1 5f00::1 fc00::1
fd12:3456::1 fe80::1 fec0::1 ff02::1
"""
OPEN = "1.1.1.1 8.8.8.8 93.184.216.34 100.63.0.1 172.32.0.1 198.20.0.1 2001:4860:4860::8888 2a00::1"

# Every way to write 127.0.0.1, and what is no web address at all.
LITERALS = [
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0x7f000001:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.0.0.0x1:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[127.0.0.1]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://１２７.０.０.１:{port}/",
    "http://①②⑦.0.0.1:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://localhost.localdomain:{port}/",
    "http://user:pass@127.0.0.1:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@example.com/",
    "http://127.0.0.1:{port}\\@example.com/",
    "//127.0.0.1:{port}/",
    "file:///etc/passwd",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/",
    "unix:///var/run/docker.sock",
    "http:///",
    "",
]


@pytest.mark.parametrize("text", CLOSED.split())
def test_what_is_not_public_is_closed(text: str) -> None:
    assert not is_public(ip_address(text))
    assert not Policy().permits(ip_address(text))


@pytest.mark.parametrize("text", OPEN.split())
def test_what_is_public_is_open(text: str) -> None:
    assert is_public(ip_address(text))


def test_an_operator_opens_private_networks_but_not_cloud_metadata() -> None:
    private = Policy(private=True)
    for text in ("127.0.0.1", "10.1.2.3", "192.168.0.9", "::1", "fd00::1"):
        assert private.permits(ip_address(text))
    for text in ("169.254.169.254", "fe80::1", "224.0.0.1", "::ffff:10.0.0.1", "2002:a00:1::"):
        assert not private.permits(ip_address(text))
    subnet = Policy(subnets=(ip_network("10.20.0.0/16"),))
    assert subnet.permits(ip_address("10.20.3.4"))
    assert not subnet.permits(ip_address("10.21.0.1"))
    assert not subnet.permits(ip_address("::1"))


def unguarded(url: str) -> Receiver:
    """A receiver as if the rules had let any URL pass."""
    plain = Receiver(name="r", url="https://x.example/", secrets=[SECRET])
    return plain.model_copy(update={"url": type(plain.url)(url)})


@pytest.mark.parametrize("url", LITERALS)
def test_no_way_to_write_it_reaches_a_closed_address(url: str) -> None:
    with listener() as (port, heard):
        attempt = send(unguarded(url.format(port=port)), "msg_1", {}, datetime.now(UTC), 2)
        assert attempt.outcome == "retry"
        assert attempt.reason.startswith("address refused: ")
        assert heard == []


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://hooks.example.com/a?b=c", "hooks.example.com", 443),
        ("http://8.8.8.8", "8.8.8.8", 80),
        ("https://bücher.example:8443/", "xn--bcher-kva.example", 8443),
        ("https://[2a00::1]/x", "2a00::1", 443),
        ("https://4chan.example/", "4chan.example", 443),
    ],
)
def test_a_plain_web_address_is_taken_apart(url: str, host: str, port: int) -> None:
    found = endpoint(url)
    assert (found.host, found.port) == (host, port)


def answers(*answers: list[str]) -> tuple[Any, list[str]]:
    """A name service that gives these answers in turn, and what it was asked."""
    asked: list[str] = []

    real = socket.getaddrinfo

    def resolve(host: str, port: int, *rest: Any, **named: Any) -> list[Any]:
        if host[0].isdigit():  # connecting to an address asks too, and gets that address
            return real(host, port, *rest, **named)
        asked.append(host)
        turn = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in turn]

    return resolve, asked


def test_one_closed_address_among_many_closes_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve, _ = answers(["93.184.216.34", "127.0.0.1"])
    monkeypatch.setattr("stream.delivery.addresses.socket.getaddrinfo", resolve)
    with pytest.raises(AddressRefused, match=r"leads to 127\.0\.0\.1, which is not public"):
        checked_addresses("hook.example", 443, Policy())


def test_a_name_is_asked_for_once_and_the_checked_address_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A second answer, as of a rebinding attack, is never asked for."""
    resolve, asked = answers(["127.0.0.1"], ["127.0.0.2"])
    monkeypatch.setattr("stream.delivery.addresses.socket.getaddrinfo", resolve)
    with hook() as there:
        url = f"http://hook.example:{there.port}/x"
        receiver = there.receiver(url=url, allow_private=False, allowed_subnets=["127.0.0.1/32"])
        assert send(receiver, "msg_1", {}, datetime.now(UTC)).outcome == "sent"
        assert there.messages[0][0]["host"] == f"hook.example:{there.port}"
    assert asked == ["hook.example"]


def test_tls_asks_for_the_name_not_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve, _ = answers(["127.0.0.1"])
    monkeypatch.setattr("stream.delivery.addresses.socket.getaddrinfo", resolve)
    with listener() as (port, heard):
        receiver = Receiver(
            name="r", url=f"https://hook.example:{port}/", secrets=[SECRET], allow_private=True
        )
        assert send(receiver, "msg_1", {}, datetime.now(UTC), 5).outcome == "retry"
    assert b"hook.example" in heard[0]


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with listener() as (port, heard), hook() as there:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        assert send(there.receiver(), "msg_1", {}, datetime.now(UTC)).outcome == "sent"
    assert heard == []


def test_an_unknown_name_is_worth_another_try() -> None:
    receiver = Receiver(name="r", url="https://no-such-host.invalid/", secrets=[SECRET])
    attempt = send(receiver, "msg_1", {}, datetime.now(UTC), 5)
    assert (attempt.outcome, attempt.status_code) == ("retry", 0)
    assert "not known" in attempt.reason


def test_a_name_service_that_hangs_ends_with_the_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*_: Any, **__: Any) -> list[Any]:
        release.wait(20)
        return []

    monkeypatch.setattr("stream.delivery.addresses.socket.getaddrinfo", hang)
    receiver = Receiver(name="r", url="https://hook.example/", secrets=[SECRET])
    try:
        attempt = send(receiver, "msg_1", {}, datetime.now(UTC), 0.1)
    finally:
        release.set()
    assert (attempt.outcome, attempt.reason) == ("retry", "no answer within 0.1 s")
