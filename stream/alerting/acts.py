"""What people do about incidents: look, acknowledge, comment, silence. Who did it is recorded.

Acts are transitions like the watcher's, so they are told, shown and folded like them. An incident
is named by its id or the beginning of it.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stream.alerting.alert_rows import (
    incidents_of_group,
    latest_evidence,
    standing_incidents,
    transitions_of,
    write_transitions,
)
from stream.alerting.incidents import Incident, Transition, TransitionName, after, fold, next_of
from stream.alerting.silences import LONGEST, Scope, Silence, read_silences, write_silence
from stream.database import Client
from stream.errors import NotFound, UsageError
from stream.time_zones import stamp

_LIMIT = 20  # seconds of a statement
_SHORTEST_ID = 4
_LONGEST_TEXT = 2000  # characters of a comment
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Life:
    """An incident with all that happened to it, and its last evidence."""

    incident: Incident
    transitions: list[Transition]
    evidence: dict[str, Any]


def incidents(client: Client, since: datetime) -> list[Incident]:
    """Those that stand or changed after `since`: what stands first, then the newest first."""
    found = standing_incidents(client, None, since, _LIMIT)
    return sorted(found, key=lambda one: (one.resolved, -one.opened_at.timestamp()))


def life(client: Client, prefix: str) -> Life:
    """The one incident whose id begins so. Raises UsageError where there is none or several."""
    rows = _rows(client, prefix)
    incident = fold(rows)
    assert incident is not None  # there are rows
    evidence = json.loads(latest_evidence(client, incident.alert_id, _LIMIT) or "{}")
    return Life(incident, rows, evidence)


def related(client: Client, incident: Incident) -> list[Incident]:
    """The others of its group, the oldest first."""
    found = incidents_of_group(client, incident.group_key, _LIMIT) if incident.group_key else []
    return [one for one in found if one.alert_id != incident.alert_id]


def acknowledge(client: Client, prefix: str, by: str, comment: str, now: datetime) -> Incident:
    """Somebody has taken it: it escalates no further, and whoever was told of it is told who.

    Raises UsageError where it is over.
    """
    rows = _rows(client, prefix)
    if (incident := fold(rows)) and incident.resolved:
        over = incident.judged_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        raise UsageError(
            f"alert {incident.alert_id[:8]}: it is over since {over}; comment on it instead"
        )
    return _act(client, rows, "acknowledged", by, comment, now)


def comment(client: Client, prefix: str, by: str, text: str, now: datetime) -> Incident:
    """Something to be kept with the incident. Nobody is told."""
    if not text.strip():
        raise UsageError("--comment: is empty; say something")
    return _act(client, _rows(client, prefix), "commented", by, text, now)


def silences(client: Client, now: datetime) -> list[Silence]:
    """Those that are in force or still to come, the soonest to end first."""
    return read_silences(client, now, _LIMIT)


def scope_of(client: Client, prefix: str) -> Scope:
    """The rule, brand and topic of an incident."""
    first = _rows(client, prefix)[0]
    return Scope(first.rule, first.brand, first.topic)


def silence(
    client: Client, scope: Scope, lasts: timedelta, by: str, comment: str, now: datetime
) -> Silence:
    """Nobody is told of what this covers, from now on."""
    if scope == Scope():
        raise UsageError(
            "silence: it would cover everything; name an alert, --rule, --brand or --topic"
        )
    if not timedelta(minutes=1) <= lasts <= LONGEST:
        longest = f"{LONGEST.days}d"
        raise UsageError(f"--for: must be from 1m to {longest}; to watch no more, edit the rule")
    made = Silence(
        silence_id=secrets.token_hex(8),
        rule=scope.rule,
        brand=scope.brand,
        topic=scope.topic,
        starts_at=now,
        ends_at=now + lasts,
        actor=_name(by),
        comment=_text(comment),
    )
    write_silence(client, made)
    return made


def end_silence(client: Client, prefix: str, by: str, now: datetime) -> Silence:
    """It ends now; what still stands is told. Raises UsageError where there is no such silence."""
    _name(by)
    found = [one for one in silences(client, now) if one.silence_id.startswith(prefix)]
    if len(found) != 1 or len(prefix) < _SHORTEST_ID:
        count = "no silence" if not found else f"{len(found)} silences"
        raise UsageError(f"--end {prefix}: {count} in force; `undertone silence --list` names them")
    ended = found[0].ended(now)
    write_silence(client, ended)
    return ended


def as_json(value: Any) -> Any:
    """An incident, life or silence as plain values, times in UTC."""
    return json.loads(json.dumps(_plain(value), default=_written, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, Incident):
        return {"state": value.state, **asdict(value)}
    if isinstance(value, Life):
        return {
            "incident": _plain(value.incident),
            "transitions": [asdict(one) for one in value.transitions],
            "evidence": value.evidence,
        }
    return asdict(value)


def _written(value: Any) -> str:
    if isinstance(value, datetime):
        return stamp(value)
    raise TypeError(f"{type(value).__name__} has no place here")


def _rows(client: Client, prefix: str) -> list[Transition]:
    wanted = prefix.strip().lower()
    if len(wanted) < _SHORTEST_ID:
        raise UsageError(f"alert {prefix!r}: give at least {_SHORTEST_ID} characters of its id")
    found = transitions_of(client, wanted, _LIMIT)
    if not found:
        raise NotFound(f"alert {prefix!r}: no such alert; `undertone alerts` lists them")
    if len(found) > 1:
        some = ", ".join(sorted(name[:12] for name in found)[:3])
        raise UsageError(
            f"alert {prefix!r}: {len(found)} ids begin so ({some}, …); give more of it"
        )
    return next(iter(found.values()))


def _act(
    client: Client,
    rows: list[Transition],
    name: TransitionName,
    by: str,
    text: str,
    now: datetime,
) -> Incident:
    incident = fold(rows)
    assert incident is not None  # there are rows
    told = incident.told if name == "acknowledged" and not incident.silenced else ()
    row = next_of(
        incident, name, "", max(now, incident.judged_at), told, actor=_name(by), comment=_text(text)
    )
    evidence = latest_evidence(client, incident.alert_id, _LIMIT)
    write_transitions(client, [(row, evidence, "")])
    return after(incident, row)


def _name(by: str) -> str:
    name = " ".join(by.split())
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable():
        raise UsageError(f"--by {by!r}: who does it; a name of 1 to {_LONGEST_NAME} characters")
    return name


def _text(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise UsageError(f"--comment: longer than {_LONGEST_TEXT} characters; shorten it")
    return text.strip()
