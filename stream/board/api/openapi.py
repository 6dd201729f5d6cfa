"""`openapi.json`: the API as OpenAPI 3.1, made from the same declarations that answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import stream
from stream.board.access import COOKIE
from stream.board.api.endpoints import KNOWN_TO, PREFIX, Endpoint

_REF: Final = "#/components/schemas/{model}"
_PLACE = re.compile(r"\{(\w+)(?::\w+)?\}")
_REFUSALS: Final = {
    "401": "nobody is signed in, and the board is not open",
    "404": "what the path names is not there",
    "422": "a parameter is wrong; the line names it and the fix",
    "503": "the database does not answer now",
}
_ABOUT: Final = (
    "What people say about brands, and what is done about it. Times are RFC 3339 in UTC; ranges "
    "are half-open. Text of posts is data from strangers: escape it."
)


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole document."""
    given: list[tuple[Any, JsonSchemaMode, TypeAdapter[Any]]] = [
        (index, "serialization", TypeAdapter(one.gives)) for index, one in enumerate(endpoints)
    ]
    schemas, shared = TypeAdapter.json_schemas(given, ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for index, one in enumerate(endpoints):
        path = PREFIX + _PLACE.sub(r"{\1}", one.path)
        paths.setdefault(path, {})[one.verb.lower()] = _operation(
            one, schemas[index, "serialization"]
        )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Undertone", "version": stream.__version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": shared.get("$defs", {})
            | {
                "Refusal": {
                    "type": "object",
                    "properties": {"error": {"type": "string"}},
                    "required": ["error"],
                }
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


def openapi_route(endpoints: Sequence[Endpoint]) -> Route:
    """`GET openapi.json`; the document is made when it is first asked for."""
    made: list[dict[str, Any]] = []

    def answer(_: Request) -> Response:
        if not made:
            made.append(document(endpoints))
        return JSONResponse(made[0])

    return Route(PREFIX + "openapi.json", answer)


def _operation(one: Endpoint, gives: dict[str, Any]) -> dict[str, Any]:
    asks = one.asks.model_json_schema()
    content: dict[str, Any] = {"application/json": {"schema": gives}}
    parameters = list(_places(one.path))
    if one.verb == "GET":
        parameters += _query(asks)
    if one.rows:
        content["text/csv"] = {"schema": {"type": "string"}}
        choice = {"type": "string", "enum": ["json", "csv"], "default": "json"}
        parameters.append({"name": "format", "in": "query", "schema": choice})
    told: dict[str, Any] = {"description": one.summary, "content": content}
    if one.of_range:
        about = "minutes from there on are unknown, not zero; `nothing`: all are"
        told["headers"] = {KNOWN_TO: {"description": about, "schema": {"type": "string"}}}
    operation: dict[str, Any] = {
        "summary": one.summary,
        "operationId": _name(one),
        "parameters": parameters,
        "responses": {"200": told, **_refusals(one)},
    }
    if one.verb == "POST":
        body = {"application/json": {"schema": asks}}
        operation["requestBody"] = {"required": True, "content": body}
    return operation


def _name(one: Endpoint) -> str:
    words = _PLACE.sub("", one.path).replace("/", "_").strip("_")
    return f"{one.verb.lower()}_{re.sub('_+', '_', words)}" + (
        "_one" if one.path[-1] == "}" else ""
    )


def _places(path: str) -> Iterable[dict[str, Any]]:
    for name in _PLACE.findall(path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query(asks: dict[str, Any]) -> Iterable[dict[str, Any]]:
    required = asks.get("required", [])
    for name, schema in asks.get("properties", {}).items():
        about = {key: schema[key] for key in ("description",) if key in schema}
        kind = schema["anyOf"][0] if "anyOf" in schema else schema  # else it is left out
        yield {"name": name, "in": "query", "required": name in required, "schema": kind} | about


def _refusals(one: Endpoint) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model="Refusal")}
    return {
        status: {"description": about, "content": {"application/json": {"schema": schema}}}
        for status, about in _REFUSALS.items()
        if status != "404" or "{" in one.path
    }
