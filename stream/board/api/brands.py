"""`brands`: who is in trouble, at a glance."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from stream.board import queries
from stream.board.api.asks import Asks
from stream.board.api.endpoints import Asked, Endpoint
from stream.board.reader import with_incidents
from stream.board.shapes import Brand


class BrandsAsks(Asks):
    hours: int = Field(24, ge=1, le=168, description="how far `day` and `before` reach back")


def brands(asked: Asked, asks: BrandsAsks) -> list[Brand]:
    context = asked.context
    found = queries.brands(asked.client, asked.now, context.brands, timedelta(hours=asks.hours))
    return with_incidents(found, queries.alerts(asked.client))


BRANDS = Endpoint(
    "GET",
    "brands",
    "Each brand's mood: the last hour, the time before it, and half-hours",
    BrandsAsks,
    list[Brand],
    brands,
    of_range=True,
)
