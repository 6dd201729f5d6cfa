"""`silences`: for a time nobody is told of some incidents."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from stream.alerting import acts
from stream.alerting.silences import Scope, Silence
from stream.board.api.asks import Asks, Said
from stream.board.api.described import described
from stream.board.api.endpoints import Asked, Endpoint
from stream.settings import Duration

SilenceRow = described("SilenceRow", Silence)


_WRITTEN = WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?(ms|s|m|h|d)?$"})


class SilenceAsks(Said):
    lasts: Annotated[Duration, _WRITTEN] = Field(description="from now on: 30m, 2h, 1d")
    rule: str = "*"
    brand: str = "*"
    topic: str = "*"
    alert: str = Field("", description="id of an incident: its rule, brand and topic")


def silences(asked: Asked, _: Asks) -> Any:
    return acts.as_json(acts.silences(asked.client, asked.now))


def silence(asked: Asked, asks: SilenceAsks) -> Any:
    by = asked.actor(asks.by)
    scope = Scope(asks.rule, asks.brand, asks.topic)
    if asks.alert:
        scope = acts.scope_of(asked.client, asks.alert)
    return acts.as_json(acts.silence(asked.client, scope, asks.lasts, by, asks.comment, asked.now))


def end(asked: Asked, said: Said) -> Any:
    by = asked.actor(said.by)
    return acts.as_json(acts.end_silence(asked.client, asked.places["id"], by, asked.now))


SILENCES = (
    Endpoint(
        "GET",
        "silences",
        "Silences in force or still to come, the soonest to end first",
        Asks,
        list[SilenceRow],  # type: ignore[valid-type]
        silences,
    ),
    Endpoint("POST", "silences", "Tell nobody for a time", SilenceAsks, SilenceRow, silence),
    Endpoint("POST", "silences/{id}/end", "End a silence now", Said, SilenceRow, end),
)
