"""The wire contract of topic `posts` (DESIGN §2) as pydantic models with limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

MAX_MESSAGE_BYTES = 1_000_000
MAX_TEXT_CHARACTERS = 20_000
MAX_CLOCK_AHEAD_SECONDS = 600
EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)  # TTL arithmetic on 32-bit DateTime needs some room
LATEST = datetime(2250, 1, 1, tzinfo=UTC)  # DateTime64(3) holds it; decode judges the future


def _rfc3339(value: Any) -> Any:
    # pydantic would take 1477000000 and "1477000000" as Unix times; the contract has one form.
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and "T" in value.upper()[10:11]:
        return value
    raise ValueError("must be an RFC 3339 time with offset, like 2026-11-24T09:30:00+08:00")


def _in_range(value: datetime) -> datetime:
    if not EARLIEST <= value <= LATEST:
        raise ValueError("must lie between 1971 and 2250")
    return value.astimezone(UTC)


Source = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,64}$", strict=True)]
PostId = Annotated[str, StringConstraints(min_length=1, max_length=256, strict=True)]
Time = Annotated[AwareDatetime, BeforeValidator(_rfc3339), AfterValidator(_in_range)]
Count = Annotated[int, Field(ge=0, le=10**12, strict=True)]  # nine million of them fit a sum
Name = Annotated[str, StringConstraints(max_length=512, strict=True)]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Author(_Wire):
    """Who wrote it. A missing id means unknown."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=256, strict=True)]
    name: Name | None = None
    followers: Count | None = None


class Engagement(_Wire):
    """How others reacted."""

    likes: Count | None = None
    shares: Count | None = None
    replies: Count | None = None


class Post(_Wire):
    """One post, comment or review, as it arrived."""

    post_id: PostId
    source: Source
    kind: Literal["post", "comment", "review"] = "post"
    text: Annotated[str, Field(strict=True), AfterValidator(lambda s: s[:MAX_TEXT_CHARACTERS])]
    created_at: Time
    updated_at: Time | None = None
    deleted: Literal[False] = False
    author: Author | None = None
    engagement: Engagement | None = None
    lang: (
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")] | None
    ) = None
    rating: Annotated[float, Field(ge=1, le=5, allow_inf_nan=False, strict=True)] | None = None
    url: Annotated[str, StringConstraints(max_length=4096, strict=True)] | None = None

    @model_validator(mode="after")
    def _edited_after_written(self) -> Post:
        if self.updated_at is not None and self.updated_at < self.created_at:
            raise ValueError("updated_at must not lie before created_at")
        return self


class Tombstone(_Wire):
    """The post was removed by its author or for privacy."""

    post_id: PostId
    source: Source
    deleted: Literal[True] = True


def key_of(post: Post | Tombstone) -> bytes:
    """The Kafka key that keeps all messages of a post in one partition."""
    return f"{post.source}:{post.post_id}".encode()


def json_schema() -> dict[str, Any]:
    """The contract as JSON Schema: a post or a tombstone."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Undertone: a message of topic posts",
        "anyOf": [Post.model_json_schema(), Tombstone.model_json_schema()],
    }
    definitions: dict[str, Any] = {}
    for part in schema["anyOf"]:
        definitions |= part.pop("$defs", {})
    schema["$defs"] = definitions
    return schema
