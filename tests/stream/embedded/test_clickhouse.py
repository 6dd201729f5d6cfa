"""ClickHouse's HTTP interface over the embedded engine, seen by the ordinary http client."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.ctypes import RespBuffCls
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.query import QueryContext
from clickhouse_connect.driver.transform import NativeTransform

from stream.embedded.clickhouse import EmbeddedClickHouse
from stream.embedded.native_blocks import with_headers

pytest.importorskip("chdb", reason="needs the extra 'embedded'")

NOON = datetime(2026, 11, 1, 12, 0, 5, 123_000, tzinfo=UTC)
ALL_ONES = 2**128 - 1
POSTS = """CREATE TABLE posts (
    source LowCardinality(String), post_id String, created_at DateTime64(3, 'UTC'), text String,
    rating Nullable(Float32), text_hash UInt64, mentions Nested(brand LowCardinality(String),
    topics Array(String), negative UInt16, score Int16), version UInt128, is_deleted UInt8,
    ingested_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC'),
    INDEX ingested ingested_at TYPE minmax GRANULARITY 1)
    ENGINE = ReplacingMergeTree(version, is_deleted) PARTITION BY toYYYYMM(created_at)
    ORDER BY (toStartOfMinute(created_at), source, post_id)
    TTL toDateTime(created_at) + INTERVAL 407 DAY"""
KEYS = """CREATE TABLE post_keys (source LowCardinality(String), post_id String,
    first SimpleAggregateFunction(min, Tuple(DateTime64(6, 'UTC'), DateTime64(3, 'UTC'))))
    ENGINE = AggregatingMergeTree ORDER BY (source, post_id) SETTINGS index_granularity = 256"""
WINDOWS = """CREATE TABLE window_scores (window_start DateTime('UTC'), brand String,
    mentions UInt64, score_sum Int64, authors AggregateFunction(uniqExact, String),
    computed_at DateTime64(6, 'UTC')) ENGINE = ReplacingMergeTree(computed_at)
    ORDER BY (window_start, brand)"""
COLUMNS = [
    *("source", "post_id", "created_at", "text", "rating", "text_hash", "mentions.brand"),
    *("mentions.topics", "mentions.negative", "mentions.score", "version", "is_deleted"),
]
HOSTILE = "it's \\ \n\t'\"; DROP TABLE posts; 好 {x:String} \x00"


def row(number: int, version: int = 1, deleted: int = 0) -> list[Any]:
    rating = None if number % 2 else 4.5
    post = ["weibo", f"p{number}", NOON, HOSTILE, rating, 2**64 - 1]
    return [*post, ["Acme", "爱可美"], [["battery"], []], [10, 9000], [7, -8500], version, deleted]


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("clickhouse")) as running:
        yield running


@pytest.fixture
def client(front: EmbeddedClickHouse) -> Iterator[Client]:
    """A client on a fresh database."""
    with connect(front) as admin:
        admin.command("DROP DATABASE IF EXISTS fresh")
        admin.command("CREATE DATABASE fresh")
    with connect(front, database="fresh") as made:
        yield made


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


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_posts_go_in_and_come_back_as_they_were(
    front: EmbeddedClickHouse, client: Client, compress: str | bool
) -> None:
    """Every column type of the tables, nested arrays with them, in every encoding."""
    client.command(POSTS)
    with connect(front, database="fresh", compress=compress) as other:
        written = other.insert("posts", [row(n) for n in range(3)], column_names=COLUMNS)
        assert written.written_rows == 3
        names = ", ".join(f"`{name}`" for name in COLUMNS)
        found = other.query(f"SELECT {names}, ingested_at FROM posts ORDER BY post_id")
    assert [list(found_row[:-1]) for found_row in found.result_rows] == [row(n) for n in range(3)]
    assert abs((datetime.now(UTC) - found.result_rows[0][-1]).total_seconds()) < 60


def test_the_highest_version_wins_and_a_tombstone_beats_all(client: Client) -> None:
    client.command(POSTS)
    client.insert("posts", [row(n) for n in range(4)], column_names=COLUMNS)
    later = [row(1, 2**127 + 5), row(2, ALL_ONES, 1), row(2, ALL_ONES - 1)]
    client.insert("posts", later, column_names=COLUMNS)
    found = client.query("SELECT post_id, version FROM posts FINAL ORDER BY post_id").result_rows
    assert found == [("p0", 1), ("p1", 2**127 + 5), ("p3", 1)]
    above = client.query(
        "SELECT post_id FROM posts FINAL WHERE version > {v:UInt128} AND created_at ="
        " {at:DateTime64(3, 'UTC')}",
        parameters={"v": 2**127, "at": NOON},
    )
    assert above.result_rows == [("p1",)]


@pytest.mark.parametrize("count", [2, 3000])
def test_parameters_of_every_kind_and_length(client: Client, count: int) -> None:
    """Short ones travel in the URL, long ones in a form."""
    keys = [("weibo", f"{HOSTILE}{n}") for n in range(count)]
    found = client.query(
        "SELECT {text:String}, {none:Nullable(String)}, {big:UInt128}, {list:Array(String)},"
        " length({keys:Array(Tuple(String, String))}),"
        " ('weibo', {text:String} || '1') IN {keys:Array(Tuple(String, String))}",
        parameters={"text": HOSTILE, "none": None, "big": ALL_ONES, "list": ["a'b", "\\", "\n"]}
        | {"keys": keys},
    )
    assert found.result_rows == [(HOSTILE, None, ALL_ONES, ["a'b", "\\", "\n"], count, 1)]


def test_a_parameter_reaches_settings_and_inline_values_too(client: Client) -> None:
    """chDB's own parameters do not: its streams say `Substitution is not set`."""
    limited = "SELECT {a:UInt8} SETTINGS max_threads = {threads:UInt8}"
    for fmt in ("TSV", "JSONCompactEachRow"):
        answer = client.raw_query(limited, {"a": 1, "threads": 1}, fmt=fmt)
        assert answer.strip(b"[]\n") == b"1"
    client.command("CREATE TABLE t (text String, n UInt8) ENGINE = Memory")
    client.command("INSERT INTO t VALUES ({text:String}, 1 + 1)", parameters={"text": HOSTILE})
    assert client.query("SELECT * FROM t").result_rows == [(HOSTILE, 2)]


def test_first_keys_and_window_states_are_computed_by_the_server(client: Client) -> None:
    for statement in (POSTS, KEYS, WINDOWS):
        client.command(statement)
    later = NOON.replace(hour=13)
    keys = [["x", "1", (later, NOON)], ["x", "1", (NOON, later)]]
    client.insert("post_keys", keys, column_names=["source", "post_id", "first"])
    first = client.query("SELECT min(first) FROM post_keys GROUP BY source, post_id").result_rows
    assert first == [((NOON, later),)]
    client.insert("posts", [row(n) for n in range(5)], column_names=COLUMNS)
    client.command(
        "INSERT INTO window_scores SELECT toStartOfMinute(created_at), brand, count(), sum(score),"
        " uniqExactState(post_id), {at:DateTime64(6, 'UTC')} FROM posts FINAL"
        " ARRAY JOIN mentions.brand AS brand, mentions.score AS score GROUP BY 1, 2"
        " SETTINGS max_execution_time = 10",
        parameters={"at": NOON},
    )
    found = client.query(
        "SELECT window_start, brand, mentions, score_sum, uniqExactMerge(authors), computed_at"
        " FROM window_scores FINAL GROUP BY ALL ORDER BY brand"
    )
    minute = NOON.replace(second=0, microsecond=0)
    assert found.result_rows == [
        (minute, "Acme", 5, 35, 5, NOON),
        (minute, "爱可美", 5, -42_500, 5, NOON),
    ]


@pytest.mark.parametrize("own", [True, False])
def test_a_time_limit_holds_for_insert_select(client: Client, own: bool) -> None:
    """In the statement's own SETTINGS and in the request's: the sketch dropped the latter."""
    client.command("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    endless = "INSERT INTO t SELECT number FROM numbers(1e12) WHERE sipHash64(number) = 7"
    with pytest.raises(DatabaseError) as refused:
        if own:
            client.command(f"{endless} SETTINGS max_execution_time = 0.2")
        else:
            client.command(endless, settings={"max_execution_time": 0.2})
    assert (refused.value.code, refused.value.name) == (159, "TIMEOUT_EXCEEDED")


def test_settings_and_databases_hold_for_one_request_only(
    front: EmbeddedClickHouse, client: Client
) -> None:
    asked = "SELECT getSetting('max_threads'), currentDatabase()"
    assert client.query(asked, settings={"max_threads": 7}).result_rows == [(7, "fresh")]
    with connect(front) as other:
        threads, database = other.query(asked).result_rows[0]
    assert (threads != 7, database) == (True, "default")
    client.command("CREATE TABLE t (n UInt8) ENGINE = Memory")
    limits = {"max_partitions_per_insert_block": 100, "insert_deduplicate": 0}
    client.insert("t", [[1]], column_names=["n"], settings=limits)
    with pytest.raises(DatabaseError) as refused:
        client.insert("t", [[1]], column_names=["n"], settings={"max_memory_usage": "x"})
    assert refused.value.code is not None


@pytest.mark.parametrize(
    ("text", "code", "name", "status"),
    [
        ("SELECT * FROM nothing", 60, "UNKNOWN_TABLE", 404),
        ("SELEC 1", 62, "SYNTAX_ERROR", 400),
        ("SELECT x", 47, "UNKNOWN_IDENTIFIER", 404),
        ("SELECT 1 SETTINGS bogus = 1", 115, "UNKNOWN_SETTING", 404),
        ("SELECT 1 FORMAT Bogus", 73, "UNKNOWN_FORMAT", 404),
        ("SELECT throwIf(1)", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", 500),
        ("SELECT {a:UInt8}", 456, "UNKNOWN_QUERY_PARAMETER", 400),
        ("SELECT * FROM file('/etc/passwd')", 497, "ACCESS_DENIED", 403),
        ("INSERT INTO nothing FORMAT CSV\n1", 60, "UNKNOWN_TABLE", 404),
        ("SELECT 1; SELECT 2", 62, "SYNTAX_ERROR", 400),
    ],
)
def test_errors_have_the_servers_code_name_and_status(
    front: EmbeddedClickHouse, text: str, code: int, name: str, status: int
) -> None:
    found, headers, body = ask(front, text.encode())
    assert (found, headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
    assert body.startswith(b"Code: %d. DB::Exception: " % code)
    assert f"({name})".encode() in body


def test_a_failed_insert_leaves_nothing_and_the_connection_usable(
    front: EmbeddedClickHouse, client: Client
) -> None:
    client.command("CREATE TABLE t (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    good = client.raw_query("SELECT number, 'x' FROM numbers(1000)", fmt="Native")
    for data in (good[:-10], good + b"garbage" * 50):
        with pytest.raises(DatabaseError):
            client.raw_insert("t", ["n", "s"], data, fmt="Native")
    connection = socket.create_connection((front.host, front.port))
    head = "POST /?database=fresh&query=INSERT+INTO+t+FORMAT+Native HTTP/1.1\r\nHost: x\r\n"
    connection.sendall(f"{head}Content-Length: {len(good) + 1}\r\n\r\n".encode() + good)
    connection.close()  # short of its length by one byte
    assert client.command("SELECT count() FROM t") == 0
    client.raw_insert("t", ["n", "s"], good, fmt="Native")
    assert client.command("SELECT count() FROM t") == 1000


def test_a_stream_that_fails_midway_is_no_result(client: Client) -> None:
    failing = (
        "SELECT number, throwIf(number = 3000000) FROM numbers(4000000)"
        " SETTINGS max_block_size = 1000, max_threads = 1"
    )
    read = 0
    with pytest.raises(StreamFailureError) as failed, client.query_rows_stream(failing) as rows:
        for _ in rows:
            read += 1
    assert failed.value.code == 395
    assert 0 < read < 4_000_000
    with pytest.raises(DatabaseError) as refused:  # and one that waits for the end gets a status
        client.query(failing)
    assert refused.value.code == 395


def test_large_results_do_not_grow_the_process(front: EmbeddedClickHouse, client: Client) -> None:
    """90 MB in two formats, one streamed and one with a head and a foot: held block by block."""
    client.raw_query("SELECT 1", fmt="JSON")
    before = _peak(front)
    sql = "SELECT repeat('x', 1000) AS text FROM numbers(90000) SETTINGS max_block_size = 1000"
    json_body = client.raw_query(sql, fmt="JSONCompact")
    assert len(json_body) > 90_000_000
    assert b'"rows": 90000' in json_body[-500:]
    assert len(client.raw_query(sql, fmt="Native")) > 90_000_000
    assert _peak(front) - before < 90_000  # kB


def _peak(front: EmbeddedClickHouse) -> int:
    status = Path(f"/proc/{front.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def test_clients_work_at_the_same_time(front: EmbeddedClickHouse, client: Client) -> None:
    """A long query of one holds nobody up; every row of the others is there."""
    client.command("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    over = threading.Event()

    def long() -> None:
        with connect(front) as own:
            own.query("SELECT sum(sleepEachRow(0.3)) FROM numbers(4) SETTINGS max_block_size = 1")
        over.set()

    def insert(start: int) -> None:
        with connect(front, database="fresh") as own:
            for batch in range(5):
                first = start + batch * 100
                own.insert("t", [[n] for n in range(first, first + 100)], column_names=["n"])

    threads = [threading.Thread(target=insert, args=(start,)) for start in range(0, 2000, 500)]
    threads.append(threading.Thread(target=long))
    for thread in reversed(threads):
        thread.start()
    for thread in threads[:-1]:
        thread.join()
    assert not over.is_set()
    threads[-1].join()
    assert client.query("SELECT count(), uniqExact(n) FROM t").result_rows == [(2000, 2000)]


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
