"""How people act over HTTP: routes below `/api/v1` that read or change the database.

A page of another site cannot act: what it may send without asking is no JSON. Acting is open to
this machine alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stream.board.context import BoardContext
from stream.database import Client, connect
from stream.errors import RetryLater, UndertoneError, UsageError

_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
_LARGEST = 20_000  # bytes of a request

Act = Callable[[Client, datetime, dict[str, str], dict[str, Any]], Any]
"""Database, the service's time, what the path names, and the body, or of a GET the query."""


def act_route(context: BoardContext, path: str, verb: str, act: Act) -> Route:
    """The route that answers with what `act` returns, as JSON."""

    async def answer(request: Request) -> Response:
        refusal = _refusal(request, context)
        if refusal:
            return refusal
        try:
            body = await _body(request) if verb == "POST" else dict(request.query_params)
            places = {name: str(value) for name, value in request.path_params.items()}
            found = await run_in_threadpool(_act, context, act, places, body)
            return JSONResponse(found, headers={"Cache-Control": "no-store"})
        except (UsageError, ValidationError) as error:
            return _problem(422, _line(error))
        except RetryLater as error:
            return _problem(503, str(error))
        except UndertoneError as error:
            return _problem(500, str(error))

    return Route(f"/api/v1/{path}", answer, methods=[verb])


def _act(context: BoardContext, act: Act, at: dict[str, str], body: dict[str, Any]) -> Any:
    client = connect(context.clickhouse)
    try:
        return act(client, context.clock.now(), at, body)
    finally:
        client.close()


def _refusal(request: Request, context: BoardContext) -> Response | None:
    if request.method == "GET":
        return None
    if not request.headers.get("content-type", "").startswith("application/json"):
        return _problem(415, "Content-Type must be application/json")
    if not _LOCAL.issuperset(context.hosts):
        return _problem(
            403,
            "acting is open to this machine alone: the board is bound to "
            f"{', '.join(context.hosts)}; use `undertone ack` where the database is",
        )
    origin = request.headers.get("origin")
    if origin and origin.partition("://")[2] != request.headers.get("host"):
        return _problem(403, "asked by a page of another site")
    return None


async def _body(request: Request) -> dict[str, Any]:
    received = b""
    async for chunk in request.stream():
        received += chunk
        if len(received) > _LARGEST:
            raise UsageError(f"the request is larger than {_LARGEST} bytes")
    try:
        body = json.loads(received)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise UsageError("the request must be a JSON object")
    return body


def _problem(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason}, status)


def _line(error: UsageError | ValidationError) -> str:
    if isinstance(error, UsageError):
        return str(error)
    first = error.errors(include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"
