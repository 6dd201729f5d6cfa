"""What a ClickHouse HTTP request asks for: statement, parameters, settings, data, credentials."""

from __future__ import annotations

import base64
import binascii
import hmac
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from email.parser import BytesParser
from email.policy import HTTP
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

from stream.embedded.statement import Kind, Refused, Statement, read_statement

__all__ = ["Request", "decompressed"]

_MAX_BODY = 1 << 30  # bytes after decompression: an INSERT streams, this bounds a bomb
_STEP = 1 << 20  # bytes decompressed at a time
_MAX_TEXT = 8 << 20  # bytes of SQL; the engine's own max_query_size (256 kB) still holds
_FIRST = 64 << 10  # bytes in which an INSERT's text, before its data, must end
# Parameters that are about the transport and no settings. Sessions are not kept; see `statement`.
_TRANSPORT = {
    *("query", "database", "user", "password", "default_format", "query_id", "session_id"),
    *("session_timeout", "session_check", "close_session", "quota_key", "wait_end_of_query"),
    *("buffer_size", "compress", "decompress", "enable_http_compression", "stacktrace", "role"),
    *("client_protocol_version", "send_progress_in_http_headers", "add_http_cors_header"),
    *("http_headers_progress_interval_ms", "http_write_exception_in_output_format"),
}


class Request:
    """One request. Build it from the query string, the headers and the decompressed body.

    Raises Refused, worded and coded like the server's exception, for what cannot be carried.
    """

    def __init__(self, query_string: str, headers: Mapping[str, str], body: Iterable[bytes]):
        try:
            given = parse_qsl(query_string, keep_blank_values=True, errors="strict")
        except (UnicodeError, ValueError):
            raise Refused(36, "BAD_ARGUMENTS", "the URL's parameters are not UTF-8") from None
        self._arguments = dict(given)
        self._headers = headers
        chunks = _bounded(body)
        if headers.get("Content-Type", "").startswith("multipart/form-data"):
            self._arguments.update(_form_fields(headers["Content-Type"], _all(chunks)))
            chunks = iter(())
        _refuse_unsupported(self._arguments)
        self.statement, self.data = _split(self._arguments.get("query", ""), chunks)
        _refuse_session(self.statement, self._arguments)

    @property
    def database(self) -> str:
        return self._arguments.get("database") or self._headers.get("X-ClickHouse-Database", "")

    @property
    def output(self) -> str:
        """The answer's format: the statement's, else the request's, else the server's default."""
        asked = self._headers.get("X-ClickHouse-Format") or self._arguments.get("default_format")
        name = self.statement.format or asked or "TabSeparated"
        if not name.isalnum():
            raise Refused(73, "UNKNOWN_FORMAT", f"Unknown format {name!r}")
        return name

    @property
    def parameters(self) -> dict[str, str]:
        """Values of `{name:Type}`, in ClickHouse's escaped text form."""
        return {k[6:]: text for k, text in self._arguments.items() if k.startswith("param_")}

    @property
    def settings(self) -> dict[str, str]:
        """Everything else: settings of this request, which its own SETTINGS clause overrides."""
        return {
            k: text
            for k, text in self._arguments.items()
            if k not in _TRANSPORT and not k.startswith("param_")
        }

    @property
    def query_id(self) -> str:
        return self._arguments.get("query_id", "")

    @property
    def revision(self) -> int:
        """The protocol version that the client reads Native as; 0: none announced."""
        text = self._arguments.get("client_protocol_version", "0")
        return int(text) if text.isdecimal() else 0

    @property
    def waits_for_end(self) -> bool:
        """Whether the answer may begin only once the query has succeeded."""
        return self._arguments.get("wait_end_of_query", "0") not in ("", "0", "false")


def authenticate(query_string: str, headers: Mapping[str, str], password: str) -> None:
    """Refuse all but user `default` with this password; without a password everyone may.

    Takes the headers X-ClickHouse-User/-Key, HTTP basic and the URL's user and password.
    """
    if not password:
        return
    arguments = dict(parse_qsl(query_string, keep_blank_values=True, errors="replace"))
    user, key = arguments.get("user", "default"), arguments.get("password", "")
    if headers.get("Authorization", "").startswith("Basic "):
        try:
            pair = base64.b64decode(headers["Authorization"][6:], validate=True).decode()
        except (binascii.Error, UnicodeError):
            pair = ""
        user, _, key = pair.partition(":")
    user = headers.get("X-ClickHouse-User") or user or "default"
    key = headers.get("X-ClickHouse-Key") or key
    right = hmac.compare_digest(key.encode(), password.encode())
    if user != "default" or not right:
        reason = f"{user[:64]}: Authentication failed: password is incorrect or there is no user"
        raise Refused(516, "AUTHENTICATION_FAILED", reason)


def decompressed(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Undo a Content-Encoding, at most 1 MiB at a time, however small the bomb.

    Raises Refused if the encoding is unknown or the body broken or cut off.
    """
    if encoding in ("", "identity"):
        yield from chunks
        return
    make = _decompressors().get(encoding)
    if make is None:
        raise Refused(48, "NOT_IMPLEMENTED", f"Content-Encoding {encoding!r} is not supported")
    engine = make()
    for chunk in chunks:
        rest = chunk
        while rest or not (engine.needs_input or engine.eof):
            if engine.eof:  # another frame or member follows
                engine = make()
            try:
                plain = engine.decompress(rest, _STEP)
            except Exception as error:  # each library has its own
                raise Refused(432, "CANNOT_DECOMPRESS", f"broken {encoding}: {error}") from None
            yield plain
            rest = engine.unused_data if engine.eof else b""
    if not engine.eof:
        raise Refused(432, "CANNOT_DECOMPRESS", f"{encoding} body ends too early")


class _Zlib:
    """zlib's decompressor with the manners of the others (bz2's interface)."""

    def __init__(self, wbits: int) -> None:
        self._engine = zlib.decompressobj(wbits)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._engine.decompress(self._engine.unconsumed_tail + data, max_length)

    @property
    def needs_input(self) -> bool:
        return not self._engine.unconsumed_tail

    @property
    def eof(self) -> bool:
        return self._engine.eof

    @property
    def unused_data(self) -> bytes:
        return self._engine.unused_data


def _decompressors() -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {
        "gzip": lambda: _Zlib(31),
        "deflate": lambda: _Zlib(15),
    }
    for encoding, module, name in (
        ("lz4", "lz4.frame", "LZ4FrameDecompressor"),
        ("zstd", "backports.zstd", "ZstdDecompressor"),
        ("zstd", "compression.zstd", "ZstdDecompressor"),  # Python >= 3.14 has its own
    ):
        with suppress(ImportError):
            found[encoding] = getattr(import_module(module), name)
    return found


def _split(query: str, chunks: Iterator[bytes]) -> tuple[Statement, Iterator[bytes]]:
    """The statement, and what of the body is an INSERT's data."""
    head = query.encode("utf-8", "strict")
    if head:
        statement = read_statement(head)
        if statement.kind is Kind.INSERT:
            return statement, chunks
        head += b"\n"
    while len(head) < _FIRST and (chunk := next(chunks, b"")):
        head += chunk
    if read_statement(head).kind is not Kind.INSERT:
        head += _all(chunks, _MAX_TEXT)
    return read_statement(head), chunks


def _bounded(body: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in body:
        size += len(chunk)
        if size > _MAX_BODY:
            raise Refused(307, "TOO_MANY_BYTES", f"the body is larger than {_MAX_BODY} bytes")
        if chunk:
            yield chunk


def _all(chunks: Iterable[bytes], limit: int = 64 << 20) -> bytes:
    parts, size = [], 0
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size > limit:
            raise Refused(307, "TOO_MANY_BYTES", f"the query is larger than {limit} bytes")
    return b"".join(parts)


def _form_fields(content_type: str, body: bytes) -> dict[str, str]:
    """The text fields of a form: the way clients send a query whose parameters are long."""
    form = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body
    )
    fields = {}
    for part in form.iter_parts():
        name = part.get_param("name", header="Content-Disposition")
        if part.get_filename() or not isinstance(name, str):
            raise Refused(48, "NOT_IMPLEMENTED", "external tables are not supported")
        try:
            fields[name] = part.get_payload(decode=True).decode()  # type: ignore[union-attr]
        except UnicodeError:
            raise Refused(36, "BAD_ARGUMENTS", f"field {name} is not UTF-8") from None
    return fields


def _refuse_unsupported(arguments: Mapping[str, str]) -> None:
    for name, reason in (
        ("compress", "ClickHouse's own block compression is not supported: use Content-Encoding"),
        ("decompress", "ClickHouse's own block compression is not supported: use Content-Encoding"),
        ("role", "roles are not supported"),
    ):
        if arguments.get(name, "0") not in ("", "0"):
            raise Refused(48, "NOT_IMPLEMENTED", f"{name}: {reason}")


def _refuse_session(statement: Statement, arguments: Mapping[str, str]) -> None:
    """A session id by itself is harmless; a statement whose effect a session must keep is not."""
    words = statement.sql[:200].upper().split()
    lasting = words[:1] in ([b"SET"], [b"USE"]) or words[:2] == [b"CREATE", b"TEMPORARY"]
    if arguments.get("session_id") and lasting:
        reason = "sessions are not kept: send database and settings with each request"
        raise Refused(48, "NOT_IMPLEMENTED", reason)
