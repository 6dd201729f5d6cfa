"""The board of the process that holds an embedded database, asked in its place.

An embedded database belongs to one process. While `undertone run` or `demo` has it, its board
answers instead, on this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx

from stream.cli.options import database_from
from stream.database import Client
from stream.errors import InUse, StopService, UsageError
from stream.settings import Settings

_TIMEOUT = 30.0  # seconds


@contextmanager
def board_client(settings: Settings) -> Iterator[httpx.Client]:
    """A client of the board that the settings name, with its token if they have one; no proxy of
    the environment is used."""
    token = settings.web.token.get_secret_value() if settings.web.token else ""
    host = f"[{settings.web.host}]" if ":" in settings.web.host else settings.web.host
    with httpx.Client(
        base_url=f"http://{host}:{settings.web.port}",
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=_TIMEOUT,
        trust_env=False,
    ) as client:
        yield client


class Board:
    """`held` says who holds the database, for whoever finds no board there."""

    def __init__(self, client: httpx.Client, held: str) -> None:
        self._client = client
        self._held = held

    def ask(self, verb: str, path: str, said: dict[str, Any] | None = None) -> Any:
        """The answer's JSON; `said` is the body, or of a GET the query.

        Raises UsageError for what the board takes for wrong, StopService for all else.
        """
        given = {"params" if verb == "GET" else "json": said}
        try:
            answer = self._client.request(verb, f"/api/v1/{path}", **given)  # type: ignore[arg-type]
            found = answer.json()
        except (httpx.HTTPError, ValueError):
            raise StopService(
                f"{self._held}; no board answers at {self._client.base_url}: start "
                "`undertone run` here, or set UNDERTONE_WEB__PORT to the board's port"
            ) from None
        if answer.status_code in (httpx.codes.UNPROCESSABLE_ENTITY, httpx.codes.NOT_FOUND):
            raise UsageError(str(found.get("error")))
        if not answer.is_success:
            raise StopService(f"the board refused: {found.get('error')}")
        return found


@contextmanager
def database_or_board(settings: Settings) -> Iterator[Client | Board]:
    """The database of the settings; the board of the process that has it, where it is embedded."""
    with ExitStack() as closing:
        try:
            found: Client | Board = closing.enter_context(database_from(settings))
        except InUse as error:
            found = Board(closing.enter_context(board_client(settings)), str(error))
        yield found
