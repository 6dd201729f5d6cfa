"""Where the commands on incidents get and do things: the database, or whoever holds it.

An embedded database belongs to one process. While `undertone run` or `demo` has one, the board of
that process is asked instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from stream.alerting import acts
from stream.alerting.silences import Scope
from stream.cli.board_client import Board, database_or_board
from stream.database import Client
from stream.errors import UsageError
from stream.settings import Settings


class Desk(Protocol):
    """What can be seen and done; answers are plain values (`acts.as_json`)."""

    def incidents(self, since: datetime) -> Any: ...
    def life(self, alert: str) -> Any: ...
    def acknowledge(self, alert: str, by: str, comment: str) -> Any: ...
    def comment(self, alert: str, by: str, text: str) -> Any: ...
    def silences(self) -> Any: ...
    def silence(self, alert: str, scope: Scope, lasts: timedelta, by: str, comment: str) -> Any: ...
    def end_silence(self, silence: str, by: str) -> Any: ...


@contextmanager
def desk(settings: Settings) -> Iterator[Desk]:
    """The database of the settings, or the board of the process that holds it."""
    with database_or_board(settings) as at:
        yield OverBoard(at) if isinstance(at, Board) else OverDatabase(at)


class OverDatabase:
    """Straight to the tables."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def incidents(self, since: datetime) -> Any:
        return acts.as_json(acts.incidents(self._client, since))

    def life(self, alert: str) -> Any:
        return acts.as_json(acts.life(self._client, alert))

    def acknowledge(self, alert: str, by: str, comment: str) -> Any:
        return acts.as_json(acts.acknowledge(self._client, alert, by, comment, _now()))

    def comment(self, alert: str, by: str, text: str) -> Any:
        return acts.as_json(acts.comment(self._client, alert, by, text, _now()))

    def silences(self) -> Any:
        return acts.as_json(acts.silences(self._client, _now()))

    def silence(self, alert: str, scope: Scope, lasts: timedelta, by: str, comment: str) -> Any:
        scope = acts.scope_of(self._client, alert) if alert else scope
        return acts.as_json(acts.silence(self._client, scope, lasts, by, comment, _now()))

    def end_silence(self, silence: str, by: str) -> Any:
        return acts.as_json(acts.end_silence(self._client, silence, by, _now()))


class OverBoard:
    """Through the board of the process that holds the database."""

    def __init__(self, board: Board) -> None:
        self._ask = board.ask

    def incidents(self, since: datetime) -> Any:
        return self._ask("GET", "incidents", {"from": since.isoformat()})

    def life(self, alert: str) -> Any:
        found = self._ask("GET", f"incidents/{_part(alert)}")
        return {name: found[name] for name in ("incident", "transitions", "evidence")}

    def acknowledge(self, alert: str, by: str, comment: str) -> Any:
        said = {"by": by, "comment": comment}
        return self._ask("POST", f"incidents/{_part(alert)}/acknowledge", said)

    def comment(self, alert: str, by: str, text: str) -> Any:
        return self._ask("POST", f"incidents/{_part(alert)}/comment", {"by": by, "comment": text})

    def silences(self) -> Any:
        return self._ask("GET", "silences")

    def silence(self, alert: str, scope: Scope, lasts: timedelta, by: str, comment: str) -> Any:
        said = {"by": by, "comment": comment, "lasts": lasts.total_seconds(), "alert": alert}
        named = {"rule": scope.rule, "brand": scope.brand, "topic": scope.topic}
        return self._ask("POST", "silences", said | named)

    def end_silence(self, silence: str, by: str) -> Any:
        return self._ask("POST", f"silences/{_part(silence)}/end", {"by": by})


def _part(text: str) -> str:
    """An id within a path: nothing in it may lead elsewhere."""
    found = text.strip()
    if not found.isalnum():
        raise UsageError(f"{text!r} is no id; `undertone alerts` lists them")
    return found


def _now() -> datetime:
    return datetime.now(UTC)
