"""What people may do about incidents over HTTP: `/api/v1/incidents` and `/api/v1/silences`.

Who does it is told by whoever asks, and recorded.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import Route

from stream.alerting import acts
from stream.alerting.replay import replay
from stream.alerting.silences import Scope
from stream.board.acting import Act, act_route
from stream.board.context import BoardContext
from stream.database import Client
from stream.settings import Duration

_LOOK_BACK = timedelta(days=7)
_REPLAY_LIMIT = 30  # seconds a query


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")

    by: str
    comment: str = ""


class _Replayed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    step: int | None = Field(None, ge=1)


class _Silenced(_Said):
    lasts: Duration
    rule: str = "*"
    brand: str = "*"
    topic: str = "*"
    alert: str = ""


def incident_routes(context: BoardContext) -> list[Route]:
    """The routes, each with the verb it answers."""

    def route(path: str, verb: str, act: Act) -> Route:
        return act_route(context, path, verb, lambda *given: acts.as_json(act(*given)))

    return [
        route(
            "incidents", "GET", lambda client, now, _, __: acts.incidents(client, now - _LOOK_BACK)
        ),
        route("incidents/{id}", "GET", lambda client, _, at, __: acts.life(client, at["id"])),
        act_route(context, "incidents/{id}/replay", "GET", _replay),
        route("incidents/{id}/acknowledge", "POST", _acknowledge),
        route("incidents/{id}/comment", "POST", _comment),
        route("silences", "GET", lambda client, now, _, __: acts.silences(client, now)),
        route("silences", "POST", _silence),
        route("silences/{id}/end", "POST", _end),
    ]


def _replay(client: Client, _: datetime, at: dict[str, str], query: dict[str, Any]) -> Any:
    return replay(client, at["id"], _Replayed(**query).step, _REPLAY_LIMIT)


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
