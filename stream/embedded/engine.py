"""chDB, the embedded ClickHouse, as one engine that serves one request after another.

Each request has a connection of its own (0.1 ms), so a database chosen or a setting made for one
never reaches another. Any number run at the same time. Nothing here may be forked: the engine's
threads do not survive a fork, and the child hangs.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from stream.embedded.http_codes import error_text
from stream.embedded.statement import Kind, Refused, Statement
from stream.errors import UsageError

__all__ = ["Answer", "Engine", "EngineError", "Session"]

# Formats whose blocks, one after the other, are the whole: these need no file in between.
_STREAMED = {"Native", "TabSeparated", "TSV", "CSV", "RowBinary", "JSONEachRow", "Null"}
_SETTING = re.compile(r"[A-Za-z_]\w*")
_CHUNK = 1 << 20  # bytes
_LONG = 100_000  # characters of parameters; the engine takes statements of 256 kB
# Bounds for one machine: the default of either is 5 GB.
_SERVER_SETTINGS = {"mark_cache_size": 64 << 20, "primary_index_cache_size": 64 << 20}


class EngineError(Exception):
    """The engine's own exception, worded as a server would: `Code: N. DB::Exception: …`."""


@dataclass
class Answer:
    """What a statement gave: chunks of `format` (None: no rows to speak of) and its counts."""

    format: str | None
    chunks: Iterator[bytes]
    size: int | None = None  # bytes, where known before the last chunk
    summary: dict[str, str] = field(default_factory=dict)
    close: Callable[[], object] = lambda: None  # ends a query whose rows nobody wants any more


class Engine:
    """The one engine of this process, on `path`. Take a PathLock first.

    Raises UsageError without the extra `embedded`.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._chdb = import_module("chdb")
        except ImportError:
            raise UsageError(
                "embedded ClickHouse is not installed: pip install 'undertone[embedded]' "
                "or set clickhouse.interface to http"
            ) from None
        options = "&".join(f"{name}={value}" for name, value in _SERVER_SETTINGS.items())
        self._address = f"{path.resolve()}?{options}"
        self._scratch = path / "answers"  # results on their way out; a crash may leave some
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(mode=0o700)
        self._keeper = self._chdb.connect(self._address)  # the engine lives while one is open
        facts = self._keeper.query("SELECT version(), timezone()", "TabSeparated").bytes().decode()
        self.version, self.timezone = facts.rstrip("\n").split("\t")

    def close(self) -> None:
        """Shut the engine down; no session may be open."""
        self._keeper.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    @contextmanager
    def session(
        self,
        database: str = "",
        settings: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
        readonly: bool = False,
    ) -> Iterator[Session]:
        """A connection for one request: its database, its settings, values of its `{name:Type}`.

        Raises EngineError: unknown database, unknown setting, unreadable value.
        """
        connection = self._chdb.connect(self._address)
        try:
            with _as_engine_error():
                if database:
                    connection.query("USE " + _quoted_name(database))
                # By SET, not by chDB's own `params`: those do not reach a SETTINGS clause.
                values = {f"param_{name}": text for name, text in (parameters or {}).items()}
                if sum(map(len, values.values())) > _LONG:
                    connection.query("SET max_query_size = 1000000000")
                for changes in (values, settings or {}):
                    if changes:
                        connection.query(_set_statement(changes))
                if readonly:
                    connection.query("SET readonly = 2")
            yield Session(connection, self._scratch)
        finally:
            connection.close()


class Session:
    """One request's connection."""

    def __init__(self, connection: Any, scratch: Path) -> None:
        self._connection = connection
        self._scratch = scratch

    def run(self, statement: Statement, output: str, data: Iterable[bytes] = ()) -> Answer:
        """Run it; rows come in format `output`, an INSERT takes `data` after its inline part.

        The first chunk is there on return, so what is wrong with a query is raised here and not in
        the middle of its answer. Raises EngineError; whatever `data` raises cancels the INSERT.
        """
        if statement.kind is Kind.INSERT:
            return self._insert(statement, data)
        with _as_engine_error():
            if statement.kind is Kind.SELECT and output in _STREAMED:
                return self._stream(statement, output)
            if statement.kind is Kind.SELECT:
                return self._by_file(statement, output)
            return self._whole(statement, output)

    def _insert(self, statement: Statement, data: Iterable[bytes]) -> Answer:
        with _as_engine_error():
            inserter = self._connection.send_insert(statement.sql.decode(), statement.format)
        with inserter:  # leaving without finish() cancels
            for chunk in _chain(statement.inline, data):
                with _as_engine_error():
                    inserter.append(chunk)
            with _as_engine_error():
                done = inserter.finish()
        counts = {
            "written_rows": str(done.rows_written),
            "written_bytes": str(done.bytes_written),
            "elapsed_ns": str(int(done.elapsed * 1e9)),
        }
        return Answer(None, iter(()), 0, counts)

    def _stream(self, statement: Statement, output: str) -> Answer:
        result = self._connection.send_query(statement.sql.decode(), output)
        first = next(result, None)
        begun = [first.bytes()] if first is not None else []

        def chunks() -> Iterator[bytes]:
            yield from begun
            while True:
                with _as_engine_error():
                    block = next(result, None)
                if block is None:
                    return
                yield block.bytes()

        return Answer(output, chunks(), close=result.close)

    def _by_file(self, statement: Statement, output: str) -> Answer:
        """Formats with a head and a foot: the engine writes a file, block by block.

        Asked for such a result in memory, it holds it more than twice over.
        """
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            file = Path(folder) / "answer"
            target = f"\nINTO OUTFILE {_quoted(str(file))} COMPRESSION 'none' FORMAT {output}"
            result = self._connection.query(statement.sql.decode() + target, output)
            opened = file.open("rb")
        size = opened.seek(0, 2)
        opened.seek(0)

        def chunks() -> Iterator[bytes]:
            while chunk := opened.read(_CHUNK):
                yield chunk

        return Answer(output, chunks(), size, _read_counts(result), opened.close)

    def _whole(self, statement: Statement, output: str) -> Answer:
        result = self._connection.query(statement.sql.decode(), output)
        body = result.bytes() or b""
        rows = output if body or statement.returns_rows else None
        return Answer(rows, iter([body] if body else []), len(body), _read_counts(result))


@contextmanager
def _as_engine_error() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # chDB's own are of this kind; text that is no SQL is not
        raise EngineError(error_text(str(error))) from None
    except UnicodeError:
        reason = "Code: 62. DB::Exception: Syntax error: the query is not UTF-8 (SYNTAX_ERROR)"
        raise EngineError(reason) from None


def _chain(first: bytes, rest: Iterable[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def _read_counts(result: Any) -> dict[str, str]:
    return {
        "read_rows": str(result.rows_read()),
        "read_bytes": str(result.bytes_read()),
        "elapsed_ns": str(int(result.elapsed() * 1e9)),
    }


def _set_statement(changes: Mapping[str, str]) -> str:
    for name in changes:
        if not _SETTING.fullmatch(name):
            raise Refused(115, "UNKNOWN_SETTING", f"Unknown setting {name!r}")
    return "SET " + ", ".join(f"{name} = {_quoted(text)}" for name, text in changes.items())


def _quoted(text: str) -> str:
    """A string literal; the engine turns it into the setting's own type."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _quoted_name(name: str) -> str:
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"
