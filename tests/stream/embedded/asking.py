"""Requests to the HTTP front, by the ordinary client and by hand."""

from __future__ import annotations

import http.client
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from stream.embedded.clickhouse import EmbeddedClickHouse


def connect(front: EmbeddedClickHouse, **more: Any) -> Client:
    return clickhouse_connect.get_client(
        host=front.host, port=front.port, tz_mode="aware", autogenerate_session_id=False, **more
    )


def ask(
    front: EmbeddedClickHouse,
    body: bytes = b"",
    method: str = "POST",
    path: str = "/",
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(front.host, front.port, timeout=10)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    found = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return found
