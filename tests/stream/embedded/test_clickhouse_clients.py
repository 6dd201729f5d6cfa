"""The HTTP front as others see it: dashboards, Go clients, web pages, crowds."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.ctypes import RespBuffCls
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.query import QueryContext
from clickhouse_connect.driver.transform import NativeTransform

from stream.embedded.clickhouse import EmbeddedClickHouse
from stream.embedded.native_blocks import with_headers
from tests.stream.embedded.asking import ask

pytest.importorskip("chdb", reason="needs the extra 'embedded'")


def test_what_a_dashboard_asks_for(front: EmbeddedClickHouse) -> None:
    """Grafana's plugin and its like: format by header or parameter, GET, summary, time zone."""
    status, headers, body = ask(front, b"SELECT 1 AS a", headers={"X-ClickHouse-Format": "JSON"})
    assert (status, json.loads(body)["data"]) == (200, [{"a": 1}])
    assert headers["X-ClickHouse-Format"] == "JSON"
    assert headers["Content-Type"].startswith("application/json")
    assert headers["X-ClickHouse-Timezone"] == "UTC"
    assert json.loads(headers["X-ClickHouse-Summary"])["read_rows"] == "1"
    path = "/?query=SELECT+2+AS+b&default_format=CSVWithNames&max_threads=1&query_id=mine"
    status, headers, body = ask(front, method="GET", path=path)
    assert (status, body, headers["X-ClickHouse-Query-Id"]) == (200, b'"b"\n2\n', "mine")
    assert json.loads(ask(front, b"SELECT 1 WHERE 0 FORMAT JSON")[2])["data"] == []
    assert ask(front, method="GET", path="/ping")[::2] == (200, b"Ok.\n")
    assert ask(front, method="GET")[::2] == (200, b"Ok.\n")
    assert ask(front, method="GET", path="/etc")[0] == 404
    assert ask(front, method="HEAD")[0] == 200


EVERY_LAYOUT = [
    *("number", "toString(number)", "toNullable(number)", "if(number % 2, NULL, 'x')", "true"),
    *("toLowCardinality(toString(number % 3))", "[toString(number), 'x']", "(number, 'a', [1, 2])"),
    "if(number % 2, NULL, 'x')::LowCardinality(Nullable(String))",
    "arrayMap(x -> toLowCardinality(toString(x)), range(number % 4))",
    "tuple(number, 'z')::Tuple(first UInt64, `the, (second` Nullable(String))",
    *("map('a', number)", "map('k', [map('x', toLowCardinality('y'))])", "[]", "NULL", "today()"),
    *("toDateTime64('2026-01-01 00:00:00', 3, 'UTC')", "toDateTime('2026-01-01 00:00:00', 'UTC')"),
    *("toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')", "toIPv4('1.2.3.4')", "toIPv6('::1')"),
    *("toDecimal64(1.5, 3)", "toDecimal128(1.5, 20)", "toFixedString('abc', 4)", "toFloat32(1)"),
    *("CAST('a', 'Enum8(\\'a\\' = 1, \\'b,(\\' = 2)')", "toUInt128(number)", "toInt256(number)"),
]


@pytest.mark.parametrize("rows", [7, 0])
def test_native_blocks_get_the_headers_that_go_clients_expect(client: Client, rows: int) -> None:
    """Grafana's driver announces a protocol version and cannot read blocks without them."""
    names = ", ".join(f"{layout} AS c{place}" for place, layout in enumerate(EVERY_LAYOUT))
    sql = f"SELECT {names} FROM numbers({rows})"
    plain = client.raw_query(sql, fmt="Native")
    upgraded = b"".join(with_headers([plain], 54405))
    assert rows_of(upgraded, block_info=True) == rows_of(plain, block_info=False)
    assert len(rows_of(upgraded, block_info=True)) == rows


def rows_of(native: bytes, *, block_info: bool) -> list[Any]:
    context = QueryContext("SELECT 1")
    context.block_info = block_info
    source = RespBuffCls(_Source(iter([native])))
    return list(NativeTransform().parse_response(source, context).result_rows)


class _Source:
    last_message = exception_tag = None

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.gen = chunks

    def close(self) -> None: ...


def test_a_go_client_is_greeted_in_its_own_revision(front: EmbeddedClickHouse) -> None:
    path = "/?default_format=Native&client_protocol_version=54460"
    block = b"\x01\x00\x02\xff\xff\xff\xff\x00\x01\x01\x01a\x05UInt8\x00\x01"
    assert ask(front, b"SELECT 1 AS a", path=path)[2] == block
    hello = ask(front, b"SELECT displayName(), version(), revision(), timezone()", path=path)
    assert (hello[0], hello[2][:8]) == (200, block[:8])
    assert ask(front, b"EXISTS TABLE nothing", path=path)[2].startswith(block[:10])
    assert b"NOT_IMPLEMENTED" in ask_until_cut(front, "SELECT uniqExactState('a')", path)


def ask_until_cut(front: EmbeddedClickHouse, sql: str, path: str) -> bytes:
    """All bytes of an answer whose connection the server cuts."""
    with socket.create_connection((front.host, front.port), timeout=10) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(sql)}\r\n\r\n{sql}"
        connection.sendall(head.encode())
        with connection.makefile("rb") as answer:
            return answer.read()


def test_a_get_changes_nothing_and_web_pages_get_nothing(front: EmbeddedClickHouse) -> None:
    status, headers, _ = ask(front, method="GET", path="/?query=CREATE+DATABASE+evil")
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (403, "164")
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert ask(front, b"SELECT 1", headers=headers)[0] == 403


def test_a_session_id_is_accepted_for_what_needs_no_session(front: EmbeddedClickHouse) -> None:
    """It is what the client sends by default."""
    with clickhouse_connect.get_client(host=front.host, port=front.port) as own:
        assert own.command("SELECT 1") == 1
        with pytest.raises(DatabaseError) as refused:
            own.command("SET max_threads = 1")
        assert refused.value.code == 48


def test_more_connections_than_there_are_places_are_turned_away(
    front: EmbeddedClickHouse,
) -> None:
    held = [socket.create_connection((front.host, front.port)) for _ in range(70)]
    seen = set()
    for connection in held:
        connection.settimeout(5)
        connection.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        seen.add(connection.recv(12))
    for connection in held:
        connection.close()
    assert seen == {b"HTTP/1.1 200", b"HTTP/1.1 503"}
