"""The board's routes.

`/` the page, `/static/*` its files, `/api/snapshot` and `/api/events` what it shows (shapes.py),
`/api/v1/*` all else, for the page and for programs (api/), `/login` and `/logout`, `/healthz`,
`/readyz` and `/metrics` for machines.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from stream.board.api import Clients, api_routes
from stream.board.context import BoardContext
from stream.board.gate import Gate, sign_in_routes
from stream.board.guard import Guard
from stream.board.reader import Reader
from stream.metrics import REGISTRY

STATIC = Path(__file__).with_name("static")
MAX_PAGES = 500


def create_app(context: BoardContext) -> Starlette:
    """The board as an ASGI application; its reader runs from start-up to shutdown.

    `app.state.reader` is the reader; `app.state.reader.feed.close()` ends the open event streams,
    which a server must do before it waits for its connections to end.
    """
    reader = Reader(context)
    feed = reader.feed
    clients = Clients(context.clickhouse)

    async def page(_: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def snapshot(_: Request) -> Response:
        return _json(feed.snapshot())

    async def events(request: Request) -> Response:
        if feed.pages >= MAX_PAGES:
            return PlainTextResponse("too many open pages; try later\n", 503)
        last = request.headers.get("last-event-id") or request.query_params.get("after")
        return StreamingResponse(
            feed.stream(last),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    def healthz(_: Request) -> Response:
        return _verdict(context.healthy())

    def readyz(_: Request) -> Response:
        return _verdict([*context.ready(), *reader.problems()])

    def metrics(_: Request) -> Response:
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        reader.start()
        try:
            yield
        finally:
            feed.close()
            reader.stop()
            clients.close()

    app = Starlette(
        routes=[
            Route("/", page),
            Mount("/static", StaticFiles(directory=STATIC)),
            Route("/api/snapshot", snapshot),
            Route("/api/events", events),
            *sign_in_routes(context.access),
            *api_routes(context, clients),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
        ],
        middleware=[
            Middleware(Guard, hosts=context.hosts),
            Middleware(Gate, access=context.access),
        ],
        lifespan=lifespan,
    )
    app.state.reader = reader
    return app


def _json(value: object, status: int = 200) -> Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(
        body, status, media_type="application/json", headers={"Cache-Control": "no-store"}
    )


def _verdict(problems: list[str]) -> Response:
    return _json({"ok": not problems, "problems": problems}, 503 if problems else 200)
