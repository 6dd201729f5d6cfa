"""Requests that change something: JSON from a page of ours or from a program, and not too large."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from stream.errors import UsageError

LARGEST = 20_000  # bytes of a request


def from_elsewhere(request: Request) -> tuple[int, str] | None:
    """Status and reason where a page of another site may have sent it: what such a page may send
    without asking is no JSON, and a browser names the site it comes from."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        return 415, "Content-Type must be application/json"
    origin = request.headers.get("origin")
    if origin and origin.partition("://")[2] != request.headers.get("host"):
        return 403, "asked by a page of another site"
    return None


async def body_of(request: Request, largest: int = LARGEST) -> dict[str, Any]:
    """The JSON object that was sent. Raises UsageError."""
    received = b""
    async for chunk in request.stream():
        received += chunk
        if len(received) > largest:
            raise UsageError(f"the request is larger than {largest} bytes")
    try:
        body = json.loads(received)
    except (ValueError, RecursionError):  # the latter of what is nested a thousand deep
        body = None
    if not isinstance(body, dict):
        raise UsageError("the request must be a JSON object")
    return body
