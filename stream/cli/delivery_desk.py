"""Where the commands on deliveries get and do things: the database, or whoever holds it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from stream.cli.board_client import Board, board_client
from stream.cli.options import database_from
from stream.delivery import attempts as kept
from stream.errors import InUse
from stream.settings import Settings


def attempts(
    settings: Settings, alert: str, receiver: str, failed: bool, limit: int
) -> list[dict[str, Any]]:
    """The latest attempts, the newest first, as `kept.as_plain` tells them."""
    meant = {"alert": alert, "receiver": receiver}
    try:
        with database_from(settings) as client:
            found = kept.attempts(client, failed=failed, limit=limit, **meant)
    except InUse as error:
        asked = meant | {"failed": str(failed).lower(), "limit": str(limit)}
        with board_client(settings) as board:
            return list(Board(board, str(error)).ask("GET", "deliveries", asked))
    return [kept.as_plain(one) for one in found]


def ask_again(settings: Settings, alert: str, receiver: str, by: str) -> dict[str, int]:
    """`kept.Asked` as a dictionary."""
    meant = {"alert": alert, "receiver": receiver, "by": by}
    try:
        with database_from(settings) as client:
            return asdict(kept.ask_again(client, now=datetime.now(UTC), **meant))
    except InUse as error:
        with board_client(settings) as board:
            return dict(Board(board, str(error)).ask("POST", "deliveries/retry", meant))
