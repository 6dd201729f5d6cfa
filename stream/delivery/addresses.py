"""Where a webhook may go: the filter against server-side request forgery (FAULTS §2, T26).

A name is resolved once, every address it has is checked, and the connection is made to a checked
address; TLS still asks for the name. So no answer of a second look-up, no redirect and no proxy of
the environment can lead elsewhere. The same stream bounds the whole exchange in time and bytes.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any

import certifi
import httpcore
import httpx

from stream.errors import UndertoneError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ip_network(text) for text in texts)


# Never reachable for a stranger's URL. `ipaddress.is_private` misses some of these.
_CLOSED_4 = _networks(
    "0.0.0.0/8",  # this network
    "10.0.0.0/8",  # private
    "100.64.0.0/10",  # carrier-grade NAT
    "127.0.0.0/8",  # loopback
    "169.254.0.0/16",  # link-local, cloud metadata
    "172.16.0.0/12",  # private
    "192.0.0.0/24",  # protocol assignments
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # 6to4 relays
    "192.168.0.0/16",  # private
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # class E and broadcast
)
# Of IPv6 only global unicast is open: that leaves out ::1, ::ffff:0:0/96, 64:ff9b::/96 and
# 64:ff9b:1::/48 (NAT64), fc00::/7, fe80::/10, 5f00::/16 (SRv6), ff00::/8 and what is not given out.
_OPEN_6 = IPv6Network("2000::/3")
_CLOSED_6 = _networks(
    "2001::/23",  # protocol assignments, Teredo, benchmarks, ORCHID
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4: wraps any IPv4 address
    "3fff::/20",  # documentation
)
# What `allow_private` opens. Link-local stays closed: cloud metadata answers there.
_PRIVATE = _networks(
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "::1/128",
    "fc00::/7",
)

_LOOKS_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
_READ_AT_ONCE = 4096
LOOK_UP = 10.0  # seconds for the name service


class AddressRefused(UndertoneError):
    """The URL is not one we send to; the text names the reason, never the path or the query."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a receiver's operator has opened beyond the public internet."""

    private: bool = False
    subnets: tuple[Network, ...] = ()

    def permits(self, address: Address) -> bool:
        return (
            is_public(address)
            or (self.private and _within(address, _PRIVATE))
            or _within(address, self.subnets)
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL taken apart once, so that no two parsers can disagree on it."""

    scheme: str
    host: str
    port: int
    target: bytes


def endpoint(url: str) -> Endpoint:
    """Take a webhook URL apart. Raises AddressRefused for what is no plain web address."""
    try:
        parsed = httpx.URL(url)
        host = parsed.raw_host.decode("ascii")
    except (httpx.InvalidURL, UnicodeError, TypeError, ValueError):
        raise AddressRefused("not a URL") from None
    if parsed.scheme not in {"http", "https"}:
        raise AddressRefused("the URL must begin with https:// or http://")
    if parsed.userinfo:
        raise AddressRefused("the URL must not hold a user name or password")
    if not host or "%" in host:
        raise AddressRefused("the URL names no host")
    if ":" not in host and _LOOKS_NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2]):
        try:
            IPv4Address(host)
        except ValueError:
            raise AddressRefused(
                "an IPv4 address must be written as four decimal numbers"
            ) from None
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    return Endpoint(parsed.scheme, host, port, parsed.raw_path)


def is_public(address: Address) -> bool:
    """Whether anyone on the internet means the same machine by it."""
    if isinstance(address, IPv4Address):
        return not _within(address, _CLOSED_4)
    return address in _OPEN_6 and not _within(address, _CLOSED_6)


def checked_addresses(
    host: str, port: int, policy: Policy, seconds: float = LOOK_UP
) -> list[Address]:
    """Every address of the host. Raises AddressRefused if any of them is closed to us, and
    TimeoutError if the name service takes longer than `seconds`.
    """
    try:
        found = _looked_up(host, port, seconds)
    except (OSError, UnicodeError) as error:
        if isinstance(error, TimeoutError):
            raise
        raise AddressRefused(f"{host} is not known to the name service") from None
    addresses = list(dict.fromkeys(ip_address(str(entry[4][0])) for entry in found))
    for address in addresses:
        if not policy.permits(address):
            raise AddressRefused(
                f"{host} leads to {address}, which is not public; if it is yours, set "
                "allow_private or allowed_subnets of the receiver"
            )
    return addresses


def _looked_up(host: str, port: int, seconds: float) -> list[Any]:
    """What the name service says. It knows no time limit, so it is asked in a thread of its own,
    which is left behind where it hangs.
    """
    answer: Future[list[Any]] = Future()

    def ask() -> None:
        try:
            answer.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=ask, name="name-service", daemon=True).start()
    return answer.result(seconds)


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


class GuardedBackend(httpcore.NetworkBackend):
    """Opens connections to checked addresses only, for one exchange of `seconds` and `bytes`."""

    def __init__(self, policy: Policy, seconds: float, bytes_read: int) -> None:
        self._policy = policy
        self._limits = _Limits(time.monotonic() + seconds, bytes_read)
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in checked_addresses(host, port, self._policy, self._limits.seconds()):
            try:
                stream = self._plain.connect_tcp(
                    str(address), port, self._limits.seconds(), local_address, socket_options
                )
                return _BoundedStream(stream, self._limits)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise AddressRefused("a webhook goes over the network")


class _Limits:
    def __init__(self, deadline: float, bytes_left: int) -> None:
        self._deadline = deadline
        self.bytes_left = bytes_left

    def seconds(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time for the whole exchange is over")
        return left


class _BoundedStream(httpcore.NetworkStream):
    """A stream whose every wait ends with the exchange, however slowly the other side drips."""

    def __init__(self, stream: httpcore.NetworkStream, limits: _Limits) -> None:
        self._stream = stream
        self._limits = limits

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._limits.bytes_left <= 0:
            raise httpcore.ReadError("the answer is too long")
        size = min(max_bytes, _READ_AT_ONCE, self._limits.bytes_left)
        data = self._stream.read(size, self._limits.seconds())
        self._limits.bytes_left -= len(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._limits.seconds())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._limits.seconds())
        return _BoundedStream(secured, self._limits)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """TLS that checks certificate and name, by the system's authorities and certifi's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
