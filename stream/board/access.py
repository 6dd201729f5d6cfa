"""Who asks, and whether they may: on this machine anybody, else by a token, a session or a proxy.

A session is the name somebody gave with the token, signed with a key made from that token: every
watcher knows it, it outlives a restart, and a new token ends them all.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.requests import HTTPConnection

from stream.errors import UsageError
from stream.settings import Web

COOKIE = "undertone_session"
SESSION_SECONDS = 30 * 24 * 3600
LONGEST_NAME = 100

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may read and act. `name` is '' where nothing told it; `signed_in`: on the page
    of the board, where they can sign out again."""

    name: str = ""
    signed_in: bool = False


@dataclass(frozen=True)
class Access:
    """`is_open`: whoever reaches the board may use it, because only this machine does.

    The header `user_header` names the user where one of the `proxies` sent it; from elsewhere it
    means nothing. `https`: readers come by https, so the session's cookie goes no other way.
    """

    is_open: bool = True
    token: str = field(default="", repr=False)
    user_header: str = ""
    proxies: Sequence[Network] = ()
    https: bool = False

    def caller(self, asked: HTTPConnection, now: float | None = None) -> Caller | None:
        """Who this is; None for a stranger. `now` is the wall clock, in seconds since 1970."""
        if name := self._told_by_proxy(asked):
            return Caller(name)
        kind, _, given = asked.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.knows(given.strip()):
            return Caller()
        if name := self._of_session(asked.cookies.get(COOKIE, ""), now or time.time()):
            return Caller(name, signed_in=True)
        return Caller() if self.is_open else None

    def knows(self, token: str) -> bool:
        """Whether this is the token. Takes as long for a nearly right one as for any other."""
        given = token.encode("utf-8", "surrogatepass")  # JSON can hold what is no text
        return bool(self.token) and hmac.compare_digest(given, self.token.encode())

    def session(self, name: str, now: float | None = None) -> str:
        """The cookie's value for somebody who gave the token. Raises UsageError on a bad name."""
        ends = int((now or time.time()) + SESSION_SECONDS)
        told = _encoded(json.dumps([person(name, "name"), ends]).encode())
        return f"{told}.{self._signature(told)}"

    def _of_session(self, cookie: str, now: float) -> str:
        told, _, signature = cookie.partition(".")
        if not self.token or not hmac.compare_digest(
            signature.encode(), self._signature(told).encode()
        ):
            return ""
        name, ends = json.loads(base64.urlsafe_b64decode(told + "=="))
        return str(name) if now < ends else ""

    def _signature(self, told: str) -> str:
        key = hashlib.sha256(b"undertone session\0" + self.token.encode()).digest()
        return _encoded(hmac.digest(key, told.encode(), "sha256"))

    def _told_by_proxy(self, asked: HTTPConnection) -> str:
        if not self.user_header or asked.client is None:
            return ""
        named = asked.headers.getlist(self.user_header)
        # Two of them: a proxy that adds its own to what a stranger sent.
        if len(named) != 1 or not _lies_in(asked.client.host, self.proxies):
            return ""
        try:
            return person(named[0].encode("latin-1").decode(), self.user_header)
        except (UnicodeDecodeError, UsageError):
            return ""


def access_of(web: Web) -> Access:
    """Who may use a board that is bound there.

    Raises UsageError where others could reach it and nothing would ask them.
    """
    found = Access(
        is_open=is_loopback(web.host),
        token=web.token.get_secret_value() if web.token else "",
        user_header=web.user_header,
        proxies=web.trusted_proxies,
        https=web.public_url.startswith("https://"),
    )
    if not (found.is_open or found.token or found.user_header):
        raise unasked(web.host)
    return found


def unasked(host: str) -> UsageError:
    """Why a board is not served to strangers."""
    return UsageError(
        f"web.host {host}: others can reach the board and nothing would ask who they are; set "
        "UNDERTONE_WEB__TOKEN to a secret of 16 characters or more, or web.host to 127.0.0.1"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server bound there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def person(name: str, field_name: str) -> str:
    """A name that can be recorded, its spaces set right. Raises UsageError."""
    found = " ".join(name.split())
    if not 1 <= len(found) <= LONGEST_NAME or not found.isprintable():
        raise UsageError(
            f"{field_name}: who does it; a name of 1 to {LONGEST_NAME} printable characters"
        )
    return found


def _lies_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return any((mapped or found) in network for network in networks)


def _encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
