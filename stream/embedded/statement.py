"""Just enough of ClickHouse's SQL to carry one statement over HTTP: its kind, FORMAT, and data.

A scanner over words, strings, quoted names, comments and brackets; no parser. It works on bytes,
because an INSERT's data follows its text in the same body and need not be text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

__all__ = ["Kind", "Refused", "Statement", "read_statement"]


class Kind(Enum):
    """What a statement needs from whoever carries it."""

    SELECT = "select"  # rows, possibly many
    INSERT = "insert"  # data follows the text
    OTHER = "other"  # runs to its end; a few rows at most


class Refused(Exception):
    """A statement this front does not carry, with ClickHouse's own error code."""

    def __init__(self, code: int, name: str, reason: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {reason} ({name})")
        self.code = code


@dataclass(frozen=True)
class Statement:
    """One statement without its FORMAT clause, and what was cut off."""

    kind: Kind
    sql: bytes
    format: str | None = None
    inline: bytes = b""  # data that stood behind an INSERT's text
    returns_rows: bool = False  # even if there are none


# What is not closed takes all the rest, so that scanning stays linear; the engine names the error.
_TOKEN = re.compile(
    rb"""(?P<space>\s++|--[^\n]*+|\#[!\ ][^\n]*+|/\*.*?(?:\*/|\Z))
    | (?P<string>'(?:[^'\\]++|\\.|'')*+(?:'|\\?\Z)|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z))
    | (?P<quoted>`(?:[^`\\]++|\\.|``)*+(?:`|\\?\Z)|"(?:[^"\\]++|\\.|"")*+(?:"|\\?\Z))
    | (?P<word>[A-Za-z_]\w*+)
    | (?P<open>[(\[{]) | (?P<close>[)\]}])
    | (?P<other>\d[\w.]*+|.)""",
    re.VERBOSE | re.DOTALL,
)
_SELECTS = {b"SELECT", b"WITH", b"FROM", b"("}
_SHOWS = {b"SHOW", b"DESCRIBE", b"DESC", b"EXISTS", b"EXPLAIN", b"CHECK", b"KILL"}
_INSERT_TURNS = {b"SELECT", b"WITH", b"FROM", b"WATCH"}  # its rows come from elsewhere
# Functions, engines and sources that reach this machine's files, programs or network. A server
# fences them by configuration; here an open local port must not become a way to read files.
_REACHING = re.compile(
    rb"(?i)(?:file(?:system|cluster)?|executable(?:pool)?|disk|url(?:cluster)?|http|python"
    rb"|(?:s3|gcs|oss|cosn|hdfs|azureblobstorage|iceberg|deltalake|hudi|paimon)\w*"
    rb"|remote(?:secure)?|mysql|postgresql|mongodb|redis|sqlite|odbc|jdbc|ytsaurus|arrowflight)"
)
_NAMES_A_TABLE = {b"INTO", b"TABLE", b"EXISTS", b"VIEW", b"DICTIONARY", b"DATABASE"}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: bytes
    start: int
    end: int
    depth: int  # brackets around it

    @property
    def upper(self) -> bytes:
        return self.text.upper() if self.kind in ("word", "open") else b""


def read_statement(text: bytes) -> Statement:
    """Take the statement apart; `text` may go on with an INSERT's data of any kind.

    Raises Refused for what reads or writes the machine's files or network.
    """
    tokens: list[_Token] = []
    for token in _tokens(text):
        tokens.append(token)
        _refuse_reaching(tokens)
        if tokens[0].upper == b"INSERT" and token.depth == 0:
            found = _insert_with_data(text, tokens)
            if found is not None:
                return found
    if not tokens:
        raise Refused(62, "SYNTAX_ERROR", "Syntax error: empty query")
    while tokens[-1].text == b";":
        tokens.pop()
        if not tokens:
            raise Refused(62, "SYNTAX_ERROR", "Syntax error: empty query")
    _refuse_outfile(tokens)
    first = tokens[0].upper
    kind = Kind.SELECT if first in _SELECTS else Kind.OTHER
    sql, output = _without_format(text, tokens)
    return Statement(kind, sql, output, returns_rows=kind is Kind.SELECT or first in _SHOWS)


def _tokens(text: bytes) -> Iterator[_Token]:
    depth = 0
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup or ""
        if kind == "tag":
            kind = "string"
        if kind == "space":
            continue
        if kind == "close":
            depth = max(0, depth - 1)
        yield _Token(kind, found.group(), found.start(), found.end(), depth)
        if kind == "open":
            depth += 1


def _insert_with_data(text: bytes, tokens: list[_Token]) -> Statement | None:
    """The INSERT if the last token shows that data comes now; None to read on."""
    last = tokens[-1]
    if len(tokens) > 3 and tokens[-2].upper == b"FORMAT" and last.kind == "word":
        if any(token.upper in _INSERT_TURNS for token in tokens[:-2]):
            return None
        # Blanks and one newline still belong to the statement, all else is data.
        data = re.sub(rb"\A[ \t\r]*(?:;[ \t\r]*)?\n?", b"", text[last.end :], count=1)
        return Statement(Kind.INSERT, text[: tokens[-2].start], last.text.decode(), data)
    if last.upper == b"VALUES":
        return Statement(Kind.INSERT, text[: last.start], "Values", text[last.end :])
    return None


def _without_format(text: bytes, tokens: list[_Token]) -> tuple[bytes, str | None]:
    """Cut `FORMAT name` out of the end, where SETTINGS may still follow it."""
    end = tokens[-1].end
    for place in range(len(tokens) - 2, 0, -1):
        token, name = tokens[place], tokens[place + 1]
        if token.depth == 0 and token.upper == b"FORMAT" and name.kind == "word":
            rest = tokens[place + 2 :]
            if not rest or rest[0].upper == b"SETTINGS":
                after = text[name.end : end]
                # On a line of its own: what stood before may have been a comment.
                return text[: token.start] + b"\n" + after.strip(), name.text.decode()
    return text[:end], None


def _refuse_outfile(tokens: list[_Token]) -> None:
    words = [token.upper for token in tokens]
    for one, two in pairwise(words):
        if (one, two) == (b"INTO", b"OUTFILE"):
            reason = "INTO OUTFILE is not allowed over HTTP: read the answer's body"
            raise Refused(491, "INTO_OUTFILE_NOT_ALLOWED", reason)
        if (one, two) == (b"FROM", b"INFILE"):
            reason = "FROM INFILE is not allowed over HTTP: send the data in the body"
            raise Refused(344, "SUPPORT_IS_DISABLED", reason)


def _refuse_reaching(tokens: list[_Token]) -> None:
    if len(tokens) < 2 or tokens[-1].text != b"(":
        return
    name = tokens[-2]
    bare = name.text[1:-1] if name.kind == "quoted" else name.text
    before = tokens[-3].upper if len(tokens) > 2 else b""
    if name.kind not in ("word", "quoted") or before in _NAMES_A_TABLE:
        return
    if _REACHING.fullmatch(bare):
        reason = f"{bare.decode()}(…) reaches outside the database, which this front does not allow"
        raise Refused(497, "ACCESS_DENIED", reason)
