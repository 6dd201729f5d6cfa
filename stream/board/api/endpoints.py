"""One endpoint of `/api/v1`: what it asks, what it gives, and how it is answered over HTTP.

The same declaration makes the route and its part of the OpenAPI document.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, urlencode

import structlog
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from stream.board.access import Caller, person
from stream.board.api.asks import Asks
from stream.board.api.clients import Clients
from stream.board.api.csv_rows import CSV, as_csv, rows_in
from stream.board.api.known import known_to
from stream.board.context import BoardContext
from stream.board.gate import caller_of, problem
from stream.board.json_requests import LARGEST, body_of, from_elsewhere
from stream.board.present import iso
from stream.database import Client, errors_sorted
from stream.errors import NotFound, RetryLater, StopService, UsageError

log = structlog.get_logger()

PREFIX: Final = "/api/v1/"
KNOWN_TO: Final = "Known-To"
_PAGE = 500  # rows asked for at a time where a file holds all of a range


@dataclass(frozen=True)
class Asked:
    """What an answer is made from, beside the parameters. `places` are what the path names."""

    context: BoardContext
    now: datetime
    caller: Caller | None
    places: dict[str, str]
    connect: Callable[[], Client]

    @cached_property
    def client(self) -> Client:
        """Connected when it is first needed: a stranger who asks who they are needs none."""
        return self.connect()

    @cached_property
    def known_to(self) -> datetime | None:
        """Minutes from there on are unknown."""
        return known_to(self.client, self.context, self.now)

    def actor(self, by: str) -> str:
        """Who acts: whoever signed in, else who they say they are. Raises UsageError."""
        signed_in = self.caller.name if self.caller else ""
        return signed_in or person(by, "by")


@dataclass(frozen=True)
class Endpoint:
    """`gives` is a type that pydantic knows; `answer` returns such a value.

    `of_range`: it tells of a range of time, so it says up to when that is known.
    """

    verb: Literal["GET", "POST"]
    path: str
    summary: str
    asks: type[Asks]
    gives: Any
    answer: Callable[[Asked, Any], Any]
    of_range: bool = False
    largest: int = LARGEST

    def route(self, context: BoardContext, clients: Clients) -> Route:
        async def answer(request: Request) -> Response:
            try:
                return await self._answered(request, context, clients)
            except NotFound as error:
                return problem(404, str(error))
            except (UsageError, ValidationError) as error:
                return problem(422, _line(error, self.asks))
            except RetryLater as error:
                return problem(503, str(error), {"Retry-After": "5"})
            except StopService as error:
                log.error("board.request_failed", path=self.path, reason=str(error))
                return problem(500, str(error))

        return Route(PREFIX + self.path, answer, methods=[self.verb])

    async def _answered(
        self, request: Request, context: BoardContext, clients: Clients
    ) -> Response:
        as_rows = False
        if self.verb == "GET":
            given: dict[str, Any] = _query(request)
            if self.rows is not None:
                as_rows = _wants_csv(given)
        else:
            if refusal := from_elsewhere(request):
                return problem(*refusal)
            given = await body_of(request, self.largest)
        whole = as_rows and self.is_paged and not {"limit", "cursor"} & given.keys()
        asks = self.asks.model_validate(given | ({"limit": _PAGE} if whole else {}))
        places = {name: str(value) for name, value in request.path_params.items()}

        def find(asks: Asks) -> tuple[Any, datetime | None]:
            with errors_sorted(), ExitStack() as used:
                connect = partial(used.enter_context, clients.one())
                asked = Asked(context, context.clock.now(), caller_of(request), places, connect)
                return self.answer(asked, asks), asked.known_to if self.of_range else None

        found, known = await run_in_threadpool(find, asks)
        headers = {"Cache-Control": "no-store"}
        if self.of_range:
            headers[KNOWN_TO] = iso(known) if known else "nothing"
        if isinstance(found, dict) and found.get("next") and not whole:
            headers["Link"] = f'<{_next(request.url, found["next"])}>; rel="next"'
        if as_rows and self.rows:
            name = self.path.rpartition("/")[2]
            headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
            pages = _pages(found, asks, find) if whole else [found]
            return StreamingResponse(as_csv(pages, self.rows), media_type=CSV, headers=headers)
        return JSONResponse(found, headers=headers)

    @cached_property
    def rows(self) -> tuple[str, list[str]] | None:
        """Where in an answer its rows are, and their columns; None where it has none."""
        return rows_in(self.gives) if self.verb == "GET" else None

    @property
    def is_paged(self) -> bool:
        """Whether its answer may have a `next`."""
        return "cursor" in self.asks.model_fields


def _pages(
    found: Any, asks: Asks, find: Callable[[Asks], tuple[Any, datetime | None]]
) -> Iterator[Any]:
    """A page and all after it. What fails on the way ends the answer without its end, so that half
    a file never looks whole."""
    yield found
    while found["next"]:
        found, _ = find(asks.model_copy(update={"cursor": found["next"]}))
        yield found


def _query(request: Request) -> dict[str, Any]:
    """Raises UsageError where a parameter is given twice: which is meant?"""
    pairs = request.query_params.multi_items()
    for name, times in Counter(name for name, _ in pairs).items():
        if times > 1:
            raise UsageError(f"{name}: is given twice; give it once")
    return dict(pairs)


def _wants_csv(given: dict[str, Any]) -> bool:
    wanted = given.pop("format", "json")
    if wanted not in ("json", "csv"):
        raise UsageError("format: json or csv")
    return bool(wanted == "csv")


def _next(url: URL, cursor: str) -> str:
    """The path of the next page; without the host, which may be a proxy's."""
    given = parse_qsl(url.query, keep_blank_values=True)
    pairs = [(name, value) for name, value in given if name != "cursor"]
    return f"{url.path}?{urlencode([*pairs, ('cursor', cursor)])}"


def _line(error: UsageError | ValidationError, asks: type[Asks]) -> str:
    """One line: the field, what is wrong, and what would be right."""
    if isinstance(error, UsageError):
        return str(error)
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    fields = {field.alias or name: field for name, field in asks.model_fields.items()}
    if first["type"] == "extra_forbidden":
        return f"{place}: no such parameter; there are {', '.join(fields) or 'none'}"
    told = getattr(fields.get(place), "description", None)
    if first["type"] == "missing":
        return f"{place}: is needed" + (f"; {told}" if told else "")
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"
