"""What a request asks for, whichever way the client put it."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import lz4.frame
import pytest
from backports import zstd

from stream.embedded.http_codes import error_code, error_text, http_status
from stream.embedded.http_request import Request, authenticate, decompressed
from stream.embedded.statement import Kind, Refused

PLAIN = bytes(range(256)) * 3000


def request(body: bytes = b"", headers: dict[str, str] | None = None, **arguments: str) -> Request:
    return Request(urlencode(arguments), headers or {}, iter([body]) if body else ())


def test_settings_parameters_and_transport_are_told_apart() -> None:
    found = request(
        b"SELECT {x:String}",
        query_id="q",
        database="d",
        session_id="s",
        param_x="a'b",
        max_threads="2",
        wait_end_of_query="1",
        client_protocol_version="54405",
    )
    assert found.settings == {"max_threads": "2"}
    assert found.parameters == {"x": "a'b"}
    assert (found.database, found.query_id, found.waits_for_end) == ("d", "q", True)


@pytest.mark.parametrize(
    ("arguments", "headers", "body", "output"),
    [
        ({}, {}, b"SELECT 1", "TabSeparated"),
        ({"default_format": "Native"}, {}, b"SELECT 1", "Native"),
        ({"default_format": "CSV"}, {"X-ClickHouse-Format": "JSON"}, b"SELECT 1", "JSON"),
        ({"default_format": "CSV"}, {}, b"SELECT 1 FORMAT TSV", "TSV"),
    ],
)
def test_the_statements_own_format_wins(
    arguments: dict[str, str], headers: dict[str, str], body: bytes, output: str
) -> None:
    assert request(body, headers, **arguments).output == output


def test_query_and_body_join_to_one_select() -> None:
    assert request(b"numbers(3)", query="SELECT * FROM").statement.sql == (
        b"SELECT * FROM\nnumbers(3)"
    )


@pytest.mark.parametrize("size", [10, 64 << 10, 300_000])
def test_an_inserts_data_are_what_follows_its_text(size: int) -> None:
    """In the URL or in the body, in pieces of any size."""
    data = (PLAIN * 2)[:size]
    text = "INSERT INTO t (a) FORMAT Native"
    by_url = Request(urlencode({"query": text}), {}, iter([data]))
    in_body = Request("", {}, _pieces(text.encode() + b"\n" + data, 999))
    for found in (by_url, in_body):
        assert found.statement.kind is Kind.INSERT
        assert found.statement.inline + b"".join(found.data) == data


def test_long_parameters_come_as_a_form() -> None:
    parts = {"query": "SELECT {k:String}\n FORMAT Native", "param_k": "好\r\n" * 3}
    body = b"".join(
        b'--XX\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        % (name.encode(), text.encode())
        for name, text in parts.items()
    )
    kind = {"Content-Type": "multipart/form-data; boundary=XX"}
    found = request(body + b"--XX--\r\n", kind, database="d")
    assert found.statement.sql.strip() == b"SELECT {k:String}"
    assert found.parameters == {"k": parts["param_k"]}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"compress": "1"}, 48),
        ({"decompress": "1"}, 48),
        ({"role": "admin"}, 48),
        ({"session_id": "1", "query": "SET max_threads = 1"}, 48),
        ({"session_id": "1", "query": "CREATE TEMPORARY TABLE t (a Int8)"}, 48),
        ({"default_format": "Native'"}, 73),
    ],
)
def test_what_cannot_be_done_is_refused_and_not_ignored(
    arguments: dict[str, str], code: int
) -> None:
    with pytest.raises(Refused) as refused:
        _ = request(b"" if "query" in arguments else b"SELECT 1", **arguments).output
    assert refused.value.code == code


@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "deflate", "lz4", "zstd"])
@pytest.mark.parametrize("piece", [7_777, 1 << 20])
def test_every_encoding_comes_back_in_pieces(encoding: str, piece: int) -> None:
    body = _compressed(PLAIN, encoding)
    assert b"".join(decompressed(_pieces(body, piece), encoding)) == PLAIN


def test_frames_in_a_row_are_one_body() -> None:
    for encoding in ("gzip", "lz4", "zstd"):
        body = _compressed(b"one", encoding) + _compressed(b"two", encoding)
        assert b"".join(decompressed(iter([body]), encoding)) == b"onetwo"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4", "zstd", "br"])
def test_broken_cut_and_unknown_encodings_are_refused(encoding: str) -> None:
    cut = _compressed(PLAIN, encoding)[:-5]
    for body in (cut, b"garbage" * 100):
        with pytest.raises(Refused) as refused:
            list(decompressed(iter([body]), encoding))
        assert refused.value.code == (48 if encoding == "br" else 432)


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "lz4"])
def test_a_bomb_unpacks_a_little_at_a_time(encoding: str) -> None:
    body = _compressed(bytes(64 << 20), encoding)
    assert max(map(len, decompressed(iter([body]), encoding))) <= 1 << 20


def test_with_a_password_only_its_bearer_comes_in() -> None:
    basic = base64.b64encode(b"default:secret").decode()
    for query, headers in (
        ("password=secret", {}),
        ("user=default&password=secret", {}),
        ("", {"X-ClickHouse-User": "default", "X-ClickHouse-Key": "secret"}),
        ("", {"Authorization": f"Basic {basic}"}),
    ):
        authenticate(query, headers, "secret")
    refusals: list[tuple[str, dict[str, str]]] = [
        ("", {}),
        ("password=Secret", {}),
        ("user=admin&password=secret", {}),
        ("", {"X-ClickHouse-User": "x", "X-ClickHouse-Key": "secret"}),
        ("", {"Authorization": "Basic !!!"}),
    ]
    for query, headers in refusals:
        with pytest.raises(Refused) as refused:
            authenticate(query, headers, "secret")
        assert refused.value.code == 516
        authenticate(query, headers, "")  # no password: everyone on this machine may


def test_engine_messages_are_worded_as_a_servers() -> None:
    once = "Code: 115. DB::Exception: Unknown setting 'x'. (UNKNOWN_SETTING)"
    assert error_text(f"Streaming query failed: Code: 115. DB::Exception: {once}\n") == once
    assert (error_code(once), http_status(115), http_status(241)) == (115, 404, 500)
    assert error_code(error_text("gone")) == 1001


def _pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def _compressed(plain: bytes, encoding: str) -> bytes:
    tools: dict[str, Any] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "lz4": lz4.frame.compress,
        "zstd": zstd.compress,
    }
    return bytes(tools[encoding](plain)) if encoding in tools else plain
