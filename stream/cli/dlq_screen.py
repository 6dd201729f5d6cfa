"""How dead letters look, on a terminal and to machines.

They are what somebody sent us and we did not believe: every line is escaped as a whole.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from stream.dead_letter_replay import Letter, Refusal, Replayed, refusal, shown
from stream.logs import escape


def line(letter: Letter) -> str:
    """One letter, whatever is in it, as one line."""
    origin = letter.original
    came_from = f"{origin.topic} {origin.partition}:{origin.offset}" if origin else "-"
    return escape(
        f"{letter.place}  {_time(letter.record.time)}  {letter.reason}  {came_from}  "
        f"{_size(letter)}  {letter.detail}"
    )


def as_dict(letter: Letter) -> dict[str, Any]:
    """One letter without its message."""
    origin = letter.original
    return {
        "place": letter.place,
        "time": _time(letter.record.time),
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": origin and origin.topic,
        "partition": origin and origin.partition,
        "offset": origin and origin.offset,
        "record_time": origin and _time(origin.time),
        "size": letter.size,
        "truncated": letter.truncated,
    }


def whole(letter: Letter, topic: str) -> str:
    """One letter with its headers and its message; each stands on one line."""
    value, key = letter.record.value, letter.record.key
    lines = [
        line(letter),
        f"today: {_verdict(refusal(letter, topic))}",
        f"key: {'null' if key is None else shown(key)}",
        *(f"header {name}: {shown(value)}" for name, value in letter.record.headers),
        f"value: {'null' if value is None else shown(value)}",
    ]
    return "\n".join(map(escape, lines))


def whole_as_dict(letter: Letter, topic: str) -> dict[str, Any]:
    """One letter with its headers and its message, of which no byte is lost."""
    found = refusal(letter, topic)
    return {
        **as_dict(letter),
        "today": {"why": found.why, "detail": found.detail} if found else None,
        "key": _exact(letter.record.key),
        "headers": [[name, _exact(value)] for name, value in letter.record.headers],
        "value": _exact(letter.record.value),
    }


def report(done: Replayed, topic: str, dry_run: bool, rest: Sequence[str]) -> str:
    """What a replay did. `rest` are the places to go on from."""
    lines = [f"{'would send' if dry_run else 'sent'} {done.sent} messages to {topic}"]
    if done.copies:
        lines.append(f"not sent: {done.copies} copies of these")
    for why, number in done.refused.most_common():
        lines.append(f"not sent: {number} {why}, first {done.first[why]}")
    if done.ended_by != "end":
        told = "the limit" if done.ended_by == "limit" else "the order to stop"
        lines.append(f"{told} came before the end; go on with --from {' --from '.join(rest)}")
    return "\n".join(map(escape, lines))


def report_as_dict(done: Replayed, dry_run: bool, rest: Sequence[str]) -> dict[str, Any]:
    """What a replay did. `accepted` were sent unless this was a dry run."""
    return {
        "dry_run": dry_run,
        "accepted": done.sent,
        "sent": 0 if dry_run else done.sent,
        "copies": done.copies,
        "refused": done.refused,
        "first": done.first,
        "ended_by": done.ended_by,
        "next": list(rest),
    }


def counted(counts: Mapping[str, int]) -> str:
    """Counts by name, the largest first."""
    by_size = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return escape(", ".join(f"{number} {name}" for name, number in by_size))


def _verdict(found: Refusal | None) -> str:
    return f"refused, {found.why}: {found.detail}" if found else "would be taken"


def _size(letter: Letter) -> str:
    if letter.size is None:
        return "null"
    return f"{letter.size} B" + (" (truncated)" if letter.truncated else "")


def _exact(value: bytes | None) -> str | dict[str, str] | None:
    """Text where it is UTF-8, else `{"base64": …}`."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value or b"").decode()}


def _time(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
