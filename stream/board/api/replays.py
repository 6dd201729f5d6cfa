"""`incidents/{id}/replay`: why it fired, and whether it would today, for `undertone replay`."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from stream.alerting.replay import replay
from stream.board.api.asks import Asks
from stream.board.api.endpoints import Asked, Endpoint
from stream.database import time_limit


class ReplayAnswer(TypedDict):
    """A verdict again: `recorded` from what was kept with it, which must agree, `today` from what
    is stored now, with the posts that make the difference (docs/alerts.md)."""

    alert_id: str
    step: int
    transition: str
    severity: str
    rule: str
    brand: str
    topic: str
    recorded: dict[str, Any]
    today: dict[str, Any]


class ReplayAsks(Asks):
    step: int | None = Field(
        None, ge=1, lt=2**31, description="which transition; default: the one that opened it"
    )


def answer(asked: Asked, asks: ReplayAsks) -> Any:
    limit = time_limit(asked.context.clickhouse.query_timeout)
    return replay(asked.client, asked.places["id"], asks.step, limit)


REPLAY = Endpoint(
    "GET",
    "incidents/{id}/replay",
    "The verdict again, from its recorded counts and from today's posts",
    ReplayAsks,
    ReplayAnswer,
    answer,
)
