"""When people are left alone: hours of the day in a time zone of theirs. Pure.

An incident goes on as ever meanwhile; it is only told later, if it still stands then.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from stream.settings import parse_time_of_day
from stream.severities import Severity, rank
from stream.time_zones import TimeZone, zone

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEK: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _time(value: Any) -> Any:
    found = parse_time_of_day(value)
    if found is None:
        raise ValueError('a time of day looks like "22:00"')
    return found


TimeOfDay = Annotated[time, BeforeValidator(_time)]


class QuietHours(BaseModel):
    """From a time of day to another one, which may be of the next day.

    `days` are those on which the hours begin. What is `unless` or worse is told all the same.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True
    )

    start: TimeOfDay = Field(alias="from")
    until: TimeOfDay
    time_zone: TimeZone = "UTC"
    days: tuple[Day, ...] = Field(_WEEK, min_length=1)
    unless: Severity | None = "critical"

    @model_validator(mode="after")
    def _some(self) -> QuietHours:
        if self.start == self.until:
            raise ValueError("from and until are the same; for whole days give 00:00 and 23:59")
        return self

    def hold(self, at: datetime, severity: Severity) -> bool:
        """Whether something this severe is not told at this moment."""
        if self.unless is not None and rank(severity) >= rank(self.unless):
            return False
        # The hours of the clock on the wall there: a night with a change of clocks is as quiet.
        there = at.astimezone(UTC).astimezone(zone(self.time_zone))
        now, today = there.time().replace(tzinfo=None), there.date()
        overnight = self.until < self.start
        begun_today = now >= self.start and (overnight or now < self.until)
        begun_yesterday = overnight and now < self.until
        return (begun_today and self._on(today.weekday())) or (
            begun_yesterday and self._on((today - timedelta(days=1)).weekday())
        )

    def _on(self, weekday: int) -> bool:
        return _WEEK[weekday] in self.days
