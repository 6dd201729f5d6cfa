"""What may be asked: parameters as people and programs write them, checked in one place.

Times are RFC 3339 with an offset, or milliseconds since 1970. Ranges are half-open: [from, to).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from stream.board.access import LONGEST_NAME
from stream.errors import UsageError

DAY = timedelta(days=1)
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_A_TIME = "a time looks like 2026-11-27T18:00:00Z or 1795802400000 (+ is written %2B)"


def parse_time(value: Any) -> datetime:
    """Raises ValueError with what a time looks like."""
    try:
        if re.fullmatch(r"-?\d{1,15}", str(value)):
            found = datetime.fromtimestamp(int(value) / 1000, UTC)
        else:
            found = datetime.fromisoformat(str(value)).astimezone(UTC)
            if datetime.fromisoformat(str(value)).tzinfo is None:
                raise ValueError(_A_TIME)
    except (ValueError, OverflowError, OSError):
        raise ValueError(_A_TIME) from None
    if not _FIRST <= found < _LAST:
        raise ValueError("must lie between 2000 and 2100")
    return found


Time = Annotated[
    datetime,
    BeforeValidator(parse_time),
    WithJsonSchema({"type": "string", "examples": ["2026-11-27T18:00:00Z", "1795802400000"]}),
]
BrandName = Annotated[str, Field(max_length=100, description="as in brands.yaml")]
ActorName = Annotated[
    str,
    Field(max_length=LONGEST_NAME, description="who does it, where signing in did not tell"),
]
TopicName = Annotated[str, Field(max_length=100, description="empty: the brand as a whole")]


class Asks(BaseModel):
    """Parameters of a request; a name that is none of them is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Range(Asks):
    """Parameters with a range: the last day, unless told otherwise."""

    since: Time | None = Field(None, alias="from", description="default: a day before `to`")
    until: Time | None = Field(None, alias="to", description="default: now")

    def span(self, now: datetime, usual: timedelta = DAY) -> tuple[datetime, datetime]:
        """The range meant at service time `now`. Raises UsageError on one without length."""
        until = self.until or now
        since = self.since or until - usual
        if since >= until:
            raise UsageError("from: must be before to")
        return since, until


class BrandRange(Range):
    """A range of one brand, as heard everywhere or in one source or language."""

    brand: BrandName = Field(min_length=1)
    source: str = Field("", max_length=64, description="empty: any")
    lang: str = Field("", max_length=64, description="empty: any")

    def whose(self) -> dict[str, str]:
        """Brand, topic, source and lang, as statements over windows take them."""
        return {"topic": ""} | self.model_dump(include={"brand", "topic", "source", "lang"})


class Series(BrandRange):
    """A range of one brand, as a whole or on a topic."""

    topic: TopicName = ""


class Said(Asks):
    """Who acts, and what they say about it."""

    by: ActorName = ""
    comment: str = ""


def whole_minutes(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    """The range widened to whole minutes, which is what windows hold."""
    start = since.replace(second=0, microsecond=0)
    end = until.replace(second=0, microsecond=0)
    return start, end if end == until else end + timedelta(minutes=1)
