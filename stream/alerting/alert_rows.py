"""The rows of `alerts`: what happened to incidents, read back and written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from stream.alerting.incidents import Incident, Kind, Transition, fold
from stream.database import Client, errors_sorted

COLUMNS = tuple(field.name for field in fields(Transition))

_SELECTED = f"SELECT {', '.join(COLUMNS)} FROM alerts FINAL"

# All rows of what stands or ended not long ago.
_STANDING = f"""
{_SELECTED}
WHERE {{kind:String}} IN ('', kind) AND alert_id IN (
    SELECT alert_id FROM alerts GROUP BY alert_id
    HAVING argMax(state, (step, changed_at)) != 'resolved'
        OR max(changed_at) >= {{since:DateTime64(3, 'UTC')}})
ORDER BY opened_at, alert_id, step
SETTINGS max_execution_time = {{limit:UInt32}}"""

_OF_ONE = f"""
{_SELECTED} WHERE startsWith(alert_id, {{prefix:String}})
ORDER BY alert_id, step, changed_at
SETTINGS max_execution_time = {{limit:UInt32}}"""

_OF_GROUP = f"""
{_SELECTED} WHERE alert_id IN (SELECT alert_id FROM alerts WHERE group_key = {{group_key:String}})
ORDER BY opened_at, alert_id, step
SETTINGS max_execution_time = {{limit:UInt32}}"""

_EVIDENCE = """
SELECT evidence FROM alerts FINAL WHERE alert_id = {alert_id:String} AND evidence != ''
ORDER BY step DESC LIMIT 1
SETTINGS max_execution_time = {limit:UInt32}"""


def standing_incidents(
    client: Client, kind: Kind | None, since: datetime, limit: int
) -> list[Incident]:
    """Those of a kind, or of any, that stand or changed after `since`, the oldest first.

    Raises RetryLater.
    """
    values = {"kind": kind or "", "since": since, "limit": limit}
    return [found for rows in _by_id(client, _STANDING, values).values() if (found := fold(rows))]


def transitions_of(client: Client, prefix: str, limit: int) -> dict[str, list[Transition]]:
    """The transitions of all incidents whose id begins so, by id. Raises RetryLater."""
    return _by_id(client, _OF_ONE, {"prefix": prefix, "limit": limit})


def incidents_of_group(client: Client, group_key: str, limit: int) -> list[Incident]:
    """Those that carry the key, the oldest first. Raises RetryLater."""
    values = {"group_key": group_key, "limit": limit}
    return [found for rows in _by_id(client, _OF_GROUP, values).values() if (found := fold(rows))]


def latest_evidence(client: Client, alert_id: str, limit: int) -> str:
    """The JSON of the last evidence that was gathered. Raises RetryLater."""
    values = {"alert_id": alert_id, "limit": limit}
    with errors_sorted():
        rows = client.query(_EVIDENCE, parameters=values).result_rows
    return str(rows[0][0]) if rows else ""


def write_transitions(client: Client, told: Sequence[tuple[Transition, str, str]]) -> None:
    """Each with its evidence and what its verdict was made from, as JSON; the same again changes
    nothing. Raises RetryLater."""
    rows = [[*(getattr(row, name) for name in COLUMNS), *texts] for row, *texts in told]
    if rows:
        with errors_sorted():
            client.insert("alerts", rows, column_names=[*COLUMNS, "evidence", "recorded"])


def _by_id(client: Client, sql: str, values: dict[str, Any]) -> dict[str, list[Transition]]:
    with errors_sorted():
        rows = client.query(sql, parameters=values).result_rows
    found: dict[str, list[Transition]] = {}
    for transition in _read(rows):
        found.setdefault(transition.alert_id, []).append(transition)
    return found


def _read(rows: Iterable[Sequence[Any]]) -> Iterable[Transition]:
    for row in rows:
        values = dict(zip(COLUMNS, row, strict=True))
        yield Transition(**values | {"receivers": tuple(values["receivers"])})
