"""`deliveries`: what was sent to whom, and the wish that it be sent again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from stream.board.api.asks import ActorName, Asks
from stream.board.api.endpoints import Asked, Endpoint
from stream.delivery import attempts as kept


class DeliveryRow(TypedDict):
    """One attempt. `next_attempt_at` is None where none is due."""

    attempted_at: str
    receiver: str
    alert_id: str
    step: int
    transition: str
    attempt: int
    outcome: str
    status_code: int
    reason: str
    seconds: float
    next_attempt_at: str | None
    webhook_id: str


class Wished(TypedDict):
    """Notices that are due now, and those too old to be news."""

    again: int
    too_old: int


class DeliveriesAsks(Asks):
    alert: str = Field("", max_length=64, description="id or its first digits; empty: any")
    receiver: str = Field("", max_length=100)
    failed: bool = Field(False, description="only of notices that have not arrived")
    limit: int = Field(100, ge=1, le=kept.MOST_LISTED)


class RetryAsks(Asks):
    alert: str = Field("", max_length=64)
    receiver: str = Field("", max_length=100)
    by: ActorName = ""


def deliveries(asked: Asked, asks: DeliveriesAsks) -> Any:
    return [kept.as_plain(one) for one in kept.attempts(asked.client, **asks.model_dump())]


def retry(asked: Asked, asks: RetryAsks) -> Any:
    """By the wall clock, whatever the service's time is: receivers live there."""
    meant = {"alert": asks.alert, "receiver": asks.receiver}
    by = asked.actor(asks.by)
    return asdict(kept.ask_again(asked.client, by=by, now=datetime.now(UTC), **meant))


DELIVERIES = (
    Endpoint(
        "GET",
        "deliveries",
        "Attempts to tell somebody, the newest first",
        DeliveriesAsks,
        list[DeliveryRow],
        deliveries,
    ),
    Endpoint(
        "POST",
        "deliveries/retry",
        "Send again what has not arrived",
        RetryAsks,
        Wished,
        retry,
    ),
)
