"""What stands before every answer of the board: who may ask, and what a browser may do with it."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'"
)
_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """ASGI middleware: the Host check and the security headers.

    A page of another site can make its own name resolve to this machine (DNS rebinding) and would
    then read posts as if it were ours; its name in `Host` gives it away. A literal address cannot
    be rebound, so those are let through, which probes and scrapers need.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(["localhost", *(host.lower() for host in hosts if host)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        if self._allows(Headers(scope=scope).get("host", "")):
            await self._app(scope, receive, send_with_headers)
        else:
            refusal = PlainTextResponse(
                "This name is not one of the board's: set UNDERTONE_WEB__PUBLIC_URL to the address "
                "that readers use.\n",
                400,
            )
            await refusal(scope, receive, send_with_headers)

    def _allows(self, host: str) -> bool:
        name = host.lower()
        if name.startswith("["):
            name = name[1:].partition("]")[0]
        else:
            name = name.rsplit(":", 1)[0] if name.count(":") == 1 else name
        if name.rstrip(".") in self._hosts:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True
