"""JSON of our own, versioned: everything that is known, for programs.

Within `undertone.alert/1` fields are added, never renamed, moved or given another meaning; so a
reader ignores what it does not know. The text of posts is as their authors wrote it.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from stream.delivery.notice import Notice, Time
from stream.delivery.wording import message
from stream.receivers import Receiver

SCHEMA: Literal["undertone.alert/1"] = "undertone.alert/1"
LARGEST = 20_000  # bytes, as Standard Webhooks recommends


class Payload(BaseModel):
    """A notice of Undertone."""

    schema_: Literal["undertone.alert/1"] = Field(alias="schema")
    type: str = Field(description="alert. and the transition, like alert.opened")
    timestamp: Time = Field(description="of the transition")
    title: str = Field(description="for people, in the receiver's language")
    text: str = Field(description="for people, a few lines, without the posts")
    data: Notice


def body(notice: Notice, receiver: Receiver) -> dict[str, Any]:
    """The payload as plain values."""
    told = message(notice, receiver.language, receiver.time_zone)
    return {
        "schema": SCHEMA,
        "type": f"alert.{notice.transition}",
        "timestamp": notice.changed_at.isoformat().replace("+00:00", "Z"),
        "title": told.title,
        "text": "\n".join(told.lines()),
        "data": notice.model_dump(mode="json", exclude={"evidence"})
        | {"evidence": notice.evidence.model_dump(mode="json", exclude_unset=True)},
    }


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the payload."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Payload.model_json_schema()
