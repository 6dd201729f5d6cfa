"""Connections kept between requests: to make one takes longer than most answers do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stream.database import Client, connect
from stream.errors import UsageError
from stream.settings import ClickHouse

_KEPT = 4


class Clients:
    """Safe for many threads; each connection is used by one at a time."""

    def __init__(self, settings: ClickHouse) -> None:
        self._settings = settings
        self._idle: list[Client] = []

    @contextmanager
    def one(self) -> Iterator[Client]:
        """A connection for a request; one that failed is not kept. Raises RetryLater."""
        try:
            client = self._idle.pop()
        except IndexError:
            client = connect(self._settings)
        is_well = False
        try:
            yield client
            is_well = True
        except UsageError:
            is_well = True
            raise
        finally:
            if is_well and len(self._idle) < _KEPT:
                self._idle.append(client)
            else:
                client.close()

    def close(self) -> None:
        """Give up what is idle."""
        while self._idle:
            self._idle.pop().close()
