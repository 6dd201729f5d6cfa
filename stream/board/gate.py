"""Before every answer: who asks. Strangers get the empty page to sign in on, and no data."""

from __future__ import annotations

from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from stream.board.access import COOKIE, SESSION_SECONDS, Access, Caller, person
from stream.board.json_requests import body_of, from_elsewhere
from stream.errors import UsageError

_OPEN: Final = frozenset({"/", "/healthz", "/readyz", "/login", "/api/v1/me"})
_OPEN_FILES: Final = "/static/"


class Gate:
    """ASGI middleware: `request.state.caller` is who asks; a stranger is answered 401 here."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        caller = self._access.caller(HTTPConnection(scope))
        path = scope["path"]
        if caller is None and path not in _OPEN and not path.startswith(_OPEN_FILES):
            await problem(
                401,
                "who asks: send `Authorization: Bearer` with the token of web.token, or sign in "
                "on the board's page",
                {"WWW-Authenticate": "Bearer"},
            )(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)


def caller_of(request: Request) -> Caller | None:
    """Who asks, as the gate found; None for a stranger."""
    found: Caller | None = request.state.caller
    return found


def problem(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    """An answer that is a refusal."""
    return JSONResponse({"error": reason}, status, headers)


def sign_in_routes(access: Access) -> list[Route]:
    """`POST /login {token, name}` gives a cookie, `POST /logout` takes it back."""

    async def login(request: Request) -> Response:
        if refusal := from_elsewhere(request):
            return problem(*refusal)
        if not access.token:
            return problem(422, "token: this board has none; everybody who reaches it may use it")
        try:
            body = await body_of(request)
            token, name = body.get("token"), body.get("name")
            if not isinstance(token, str) or not isinstance(name, str):
                raise UsageError("token, name: give both, as text")
            session = access.session(name)
        except UsageError as error:
            return problem(422, str(error))
        if not access.knows(token):
            return problem(401, "token: it is not this board's; see web.token where it runs")
        signed = {"name": person(name, "name")}
        answer = JSONResponse(signed, headers={"Cache-Control": "no-store"})
        answer.set_cookie(
            COOKIE,
            session,
            max_age=SESSION_SECONDS,
            httponly=True,
            secure=access.https,
            samesite="strict",
        )
        return answer

    async def logout(request: Request) -> Response:
        if refusal := from_elsewhere(request):
            return problem(*refusal)
        answer = JSONResponse({})
        answer.delete_cookie(COOKIE, httponly=True, secure=access.https, samesite="strict")
        return answer

    return [
        Route("/login", login, methods=["POST"]),
        Route("/logout", logout, methods=["POST"]),
    ]
