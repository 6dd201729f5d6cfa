"""ClickHouse's HTTP interface over the embedded engine, seen by the ordinary http client."""

from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from stream.embedded.clickhouse import EmbeddedClickHouse
from tests.stream.embedded.asking import ask, connect

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
