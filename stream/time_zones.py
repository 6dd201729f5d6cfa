"""Time zones by their names in the tz database; times for people there, and for programs. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of a name that was checked."""
    return ZoneInfo(name)


def _known(name: str) -> str:
    try:
        zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"no time zone is called {name!r}; take a name like Europe/Berlin or Asia/Shanghai"
        ) from None
    return name


TimeZone = Annotated[str, AfterValidator(_known)]


def shown(at: datetime, time_zone: str) -> str:
    """To the minute, with the zone's offset, which every reader understands: `UTC+8`."""
    there = at.astimezone(UTC).astimezone(zone(time_zone))
    offset = there.utcoffset() or timedelta()
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    sign = "-" if offset < timedelta() else "+"
    named = f"{sign}{hours}" + (f":{minutes:02}" if minutes else "") if offset else ""
    return f"{there:%Y-%m-%d %H:%M} UTC{named}"


def stamp(at: datetime) -> str:
    """For programs: RFC 3339 in UTC, to the second, like `2026-11-24T12:04:00Z`."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
