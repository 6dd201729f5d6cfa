"""Taking a statement apart: its kind, its FORMAT, where its data begin, what it may not reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.embedded.statement import Kind, Refused, read_statement


@pytest.mark.parametrize(
    ("text", "sql", "output"),
    [
        (b"SELECT 1", b"SELECT 1", None),
        (b"select 1 format Native", b"select 1", "Native"),
        (b"SELECT 1;\n ; -- end", b"SELECT 1", None),
        (b"SELECT 1\n FORMAT JSON SETTINGS max_threads = 1", b"SELECT 1\n \nSETTINGS", "JSON"),
        (b"SELECT 'FORMAT JSON', format FROM t", b"SELECT 'FORMAT JSON', format FROM t", None),
        (b"SELECT 1 -- FORMAT CSV\nFORMAT TSV", b"SELECT 1 -- FORMAT CSV", "TSV"),
        (b"SELECT (SELECT 1 FORMAT x)", b"SELECT (SELECT 1 FORMAT x)", None),
        (b"/* a */ WITH 1 AS x SELECT x", b"/* a */ WITH 1 AS x SELECT x", None),
        (b"(SELECT 1) UNION ALL (SELECT 2) FORMAT CSV", b"(SELECT 1) UNION ALL", "CSV"),
        (b"SELECT `a``FORMAT x`, $$ FORMAT y $$", b"SELECT `a``FORMAT x`, $$ FORMAT y $$", None),
    ],
)
def test_a_select_loses_its_format_and_nothing_else(
    text: bytes, sql: bytes, output: str | None
) -> None:
    found = read_statement(text)
    assert found.kind is Kind.SELECT
    assert found.returns_rows
    assert found.sql.strip().startswith(sql)
    assert found.format == output


@pytest.mark.parametrize(
    ("text", "sql", "output", "data"),
    [
        (b"INSERT INTO t (a) FORMAT Native\n\xff'", b"INSERT INTO t (a) ", "Native", b"\xff'"),
        (b"INSERT INTO t FORMAT CSV\n\n1", b"INSERT INTO t ", "CSV", b"\n1"),
        (b'INSERT INTO t FORMAT JSONEachRow {"a":1}', b"INSERT INTO t ", "JSONEachRow", b'{"a":1}'),
        (b"INSERT INTO t (a) VALUES (1), (2)", b"INSERT INTO t (a) ", "Values", b" (1), (2)"),
        (b"insert into t format Values (1)", b"insert into t ", "Values", b"(1)"),
        (
            b"INSERT INTO t SETTINGS x='FROM' FORMAT TSV\n1",
            b"INSERT INTO t SETTINGS x=",
            "TSV",
            b"1",
        ),
    ],
)
def test_an_insert_is_parted_from_its_data(
    text: bytes, sql: bytes, output: str, data: bytes
) -> None:
    found = read_statement(text)
    assert (found.kind, found.format, found.inline) == (Kind.INSERT, output, data)
    assert found.sql.startswith(sql)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (b"INSERT INTO t SELECT number FROM numbers(3)", False),
        (b"INSERT INTO t (a) SELECT number FROM numbers(3) FORMAT Null", False),
        (b"INSERT INTO t (SELECT 1)", False),
        (b"CREATE TABLE url (url String) ENGINE = Memory", False),
        (b"OPTIMIZE TABLE t FINAL", False),
        (b"SHOW TABLES", True),
        (b"EXISTS TABLE t FORMAT JSON", True),
    ],
)
def test_other_statements_run_whole(text: bytes, rows: bool) -> None:
    found = read_statement(text)
    assert found.kind is Kind.OTHER
    assert found.returns_rows is rows


@pytest.mark.parametrize("text", [b"", b" \n", b";", b"-- nothing\n;"])
def test_an_empty_query_is_a_syntax_error(text: bytes) -> None:
    with pytest.raises(Refused, match="Code: 62"):
        read_statement(text)


@pytest.mark.parametrize(
    "text",
    [
        b"SELECT * FROM file('/etc/passwd')",
        b"SELECT * FROM `file`('/etc/passwd', 'LineAsString')",
        b"SELECT * FROM \"URL\" /* x */ ('http://169.254.169.254')",
        b"SELECT (SELECT file ('/etc/passwd'))",
        b"CREATE TABLE x (a String) ENGINE = File(CSV)",
        b"CREATE DICTIONARY d (a String) SOURCE(EXECUTABLE(COMMAND 'id'))",
        b"INSERT INTO FUNCTION s3Cluster('c', 'x') SELECT 1",
        b"BACKUP TABLE t TO Disk('d', 'x')",
        b"SELECT 1 INTO OUTFILE '/tmp/x'",
        b"INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV",
    ],
)
def test_what_reaches_the_machine_is_refused(text: bytes) -> None:
    with pytest.raises(Refused) as refused:
        read_statement(text)
    assert refused.value.code in (344, 491, 497)


def test_our_own_column_called_url_is_no_reach() -> None:
    for text in (
        b"SELECT any(url) FROM posts WHERE url IN ('x')",
        b"INSERT INTO t (url) FORMAT CSV\nx",
    ):
        read_statement(text)


@given(st.text(alphabet="'\"`$-/*#\\;()[]{} \nab1é", max_size=60).map(str.encode))
def test_only_comments_and_semicolons_are_cut_off_the_end(text: bytes) -> None:
    whole = b"SELECT " + text
    found = read_statement(whole)
    assert whole.startswith(found.sql)
    with pytest.raises(Refused, match="empty query"):
        read_statement(whole[len(found.sql) :])


@pytest.mark.timeout(10)
@pytest.mark.parametrize("piece", [b"\\'", b"$$ ", b"/* ", b"`", b"(", b"--\n"])
def test_scanning_is_linear_in_hostile_text(piece: bytes) -> None:
    """An unclosed string of 200 kB once took two minutes."""
    read_statement(b"SELECT '" + piece * (200_000 // len(piece)))
    read_statement(b"SELECT " + piece * (200_000 // len(piece)))
