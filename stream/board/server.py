"""The board served by uvicorn in a thread of its own."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn

from stream.board.access import is_loopback, unasked
from stream.board.app import create_app
from stream.board.context import BoardContext
from stream.board.reader import Reader
from stream.errors import StopService, UsageError

_STARTS_WITHIN = 20.0
_STOPS_WITHIN = 2.0


class BoardServer:
    """Serves a board from `start` to `stop`. It takes no signals: those are the service's.

    `port` 0 takes a free one; `port` and `url` tell which, once started. Raises UsageError where
    strangers could reach it and nothing asks who they are.
    """

    def __init__(self, context: BoardContext, host: str = "127.0.0.1", port: int = 8080) -> None:
        if context.access.is_open and not is_loopback(host):
            raise unasked(host)
        self.host = host
        self.port = port
        app = create_app(context)
        self._reader: Reader = app.state.reader
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,  # who the peer is decides whether its word is taken
                lifespan="on",
                ws="none",
                timeout_graceful_shutdown=1,
            )
        )
        self._thread: threading.Thread | None = None
        self._socket: socket.socket | None = None

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        anywhere = self.host in ("0.0.0.0", "::", "")
        name = "127.0.0.1" if anywhere else self.host
        return f"http://[{name}]:{self.port}" if ":" in name else f"http://{name}:{self.port}"

    @property
    def pages(self) -> int:
        """How many pages are open."""
        return self._reader.feed.pages

    def start(self) -> None:
        """Listen and serve; returns when it answers.

        Raises UsageError if the address cannot be bound, StopService if the server does not start.
        """
        self._socket = self._bind()
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="board-server", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _STARTS_WITHIN
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise StopService(f"the board did not start on {self.host}:{self.port}")
            time.sleep(0.01)

    def stop(self) -> None:
        """End the open event streams, then the server; within two seconds."""
        self._reader.feed.close()
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_STOPS_WITHIN)
            if self._thread.is_alive():
                self._server.force_exit = True
                self._thread.join(1)
        if self._socket is not None:
            self._socket.close()

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.host, self.port))
        except OSError as error:
            listener.close()
            raise UsageError(
                f"web.host {self.host}, web.port {self.port}: cannot listen there "
                f"({error.strerror or error}); set UNDERTONE_WEB__PORT to a free port"
            ) from None
        return listener
