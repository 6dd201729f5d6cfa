"""What people may do about incidents over HTTP: `/api/v1/incidents` and `/api/v1/silences`.

A page of another site cannot act: what it may send without asking is no JSON. Acting is open to
this machine alone; who does it is told by whoever asks, and recorded.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stream.alerting import acts
from stream.alerting.silences import Scope
from stream.board.context import BoardContext
from stream.database import Client, connect
from stream.errors import RetryLater, UsageError
from stream.settings import Duration

_LOOK_BACK = timedelta(days=7)
_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
_LARGEST = 20_000  # bytes of a request

Act = Callable[[Client, datetime, dict[str, str], dict[str, Any]], Any]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: str
    comment: str = ""


class _Silenced(_Said):
    lasts: Duration
    rule: str = "*"
    brand: str = "*"
    topic: str = "*"
    alert: str = ""


def incident_routes(context: BoardContext) -> list[Route]:
    """The routes, each with the verb it answers."""

    def route(path: str, verb: str, act: Act) -> Route:
        async def answer(request: Request) -> Response:
            refusal = _refusal(request, context)
            if refusal:
                return refusal
            try:
                body = await _body(request) if verb == "POST" else {}
                places = {name: str(value) for name, value in request.path_params.items()}
                found = await run_in_threadpool(_act, context, act, places, body)
                return JSONResponse(found, headers={"Cache-Control": "no-store"})
            except (UsageError, ValidationError) as error:
                return _problem(422, _line(error))
            except RetryLater as error:
                return _problem(503, str(error))

        return Route(f"/api/v1/{path}", answer, methods=[verb])

    return [
        route(
            "incidents", "GET", lambda client, now, _, __: acts.incidents(client, now - _LOOK_BACK)
        ),
        route("incidents/{id}", "GET", lambda client, _, at, __: acts.life(client, at["id"])),
        route("incidents/{id}/acknowledge", "POST", _acknowledge),
        route("incidents/{id}/comment", "POST", _comment),
        route("silences", "GET", lambda client, now, _, __: acts.silences(client, now)),
        route("silences", "POST", _silence),
        route("silences/{id}/end", "POST", _end),
    ]


def _acknowledge(client: Client, now: datetime, at: dict[str, str], body: dict[str, Any]) -> Any:
    said = _Said(**body)
    return acts.acknowledge(client, at["id"], said.by, said.comment, now)


def _comment(client: Client, now: datetime, at: dict[str, str], body: dict[str, Any]) -> Any:
    said = _Said(**body)
    return acts.comment(client, at["id"], said.by, said.comment, now)


def _silence(client: Client, now: datetime, _: dict[str, str], body: dict[str, Any]) -> Any:
    said = _Silenced(**body)
    scope = Scope(said.rule, said.brand, said.topic)
    if said.alert:
        scope = acts.scope_of(client, said.alert)
    return acts.silence(client, scope, said.lasts, said.by, said.comment, now)


def _end(client: Client, now: datetime, at: dict[str, str], body: dict[str, Any]) -> Any:
    return acts.end_silence(client, at["id"], _Said(**body).by, now)


def _act(context: BoardContext, act: Act, at: dict[str, str], body: dict[str, Any]) -> Any:
    client = connect(context.clickhouse)
    try:
        return acts.as_json(act(client, context.clock.now(), at, body))
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
