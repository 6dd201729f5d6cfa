"""Where the commands on deliveries get and do things: the database, or whoever holds it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from stream.cli.board_client import Board, database_or_board
from stream.delivery import attempts as kept
from stream.settings import Settings


def attempts(
    settings: Settings, alert: str, receiver: str, failed: bool, limit: int
) -> list[dict[str, Any]]:
    """The latest attempts, the newest first, as `kept.as_plain` tells them."""
    meant = {"alert": alert, "receiver": receiver}
    with database_or_board(settings) as at:
        if isinstance(at, Board):
            asked = meant | {"failed": str(failed).lower(), "limit": str(limit)}
            return list(at.ask("GET", "deliveries", asked))
        found = kept.attempts(at, failed=failed, limit=limit, **meant)
    return [kept.as_plain(one) for one in found]


def ask_again(settings: Settings, alert: str, receiver: str, by: str) -> dict[str, int]:
    """`kept.Asked` as a dictionary."""
    meant = {"alert": alert, "receiver": receiver, "by": by}
    with database_or_board(settings) as at:
        if isinstance(at, Board):
            return dict(at.ask("POST", "deliveries/retry", meant))
        return asdict(kept.ask_again(at, now=datetime.now(UTC), **meant))
