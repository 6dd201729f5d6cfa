"""What was sent to whom over HTTP, and the wish that it be sent again: `/api/v1/deliveries`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import Route

from stream.board.acting import act_route
from stream.board.context import BoardContext
from stream.database import Client
from stream.delivery.attempts import MOST_LISTED, as_plain, ask_again, attempts


class _Meant(BaseModel):
    model_config = ConfigDict(extra="forbid")

    alert: str = ""
    receiver: str = ""


class _Listed(_Meant):
    failed: bool = False
    limit: int = Field(100, ge=1, le=MOST_LISTED)


class _Asked(_Meant):
    by: str = Field(min_length=1, max_length=100)


def delivery_routes(context: BoardContext) -> list[Route]:
    """The routes, each with the verb it answers."""
    return [
        act_route(context, "deliveries", "GET", _list),
        act_route(context, "deliveries/retry", "POST", _retry),
    ]


def _list(client: Client, _: datetime, __: dict[str, str], query: dict[str, Any]) -> Any:
    found = attempts(client, **_Listed(**query).model_dump())
    return [as_plain(one) for one in found]


def _retry(client: Client, _: datetime, __: dict[str, str], body: dict[str, Any]) -> Any:
    """By the wall clock, whatever the service's time is: receivers live there."""
    return asdict(ask_again(client, now=datetime.now(UTC), **_Asked(**body).model_dump()))
