"""ClickHouse's error codes as HTTP statuses, and its formats as content types (src/Server/HTTP)."""

from __future__ import annotations

import re

__all__ = ["content_type", "error_code", "error_text", "http_status"]

_STATUSES = {
    400: (6, 26, 27, 33, 36, 38, 41, 42, 43, 53, 62, 69, 70, 72, 117, 130, 131, 456, 457, 636),
    403: (164, 497, 516, 491, 344),
    404: (16, 46, 47, 50, 55, 56, 60, 63, 73, 75, 81, 82, 115, 511),
    408: (159,),
    413: (307, 308),
    501: (48,),
    503: (202, 439),
}
_STATUS_OF = {code: status for status, codes in _STATUSES.items() for code in codes}
_CODE = re.compile(r"Code: (\d+)\. DB::")
_REPEATED = re.compile(r"^(?:Code: \d+\. DB::Exception: )+(?=Code: \d+\. DB::)")
_JSON = "application/json; charset=UTF-8"
_CONTENT_TYPES = {
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "NDJSON": "application/x-ndjson; charset=UTF-8",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "Parquet": "application/octet-stream",
    "Arrow": "application/octet-stream",
    "XML": "application/xml; charset=UTF-8",
}


def http_status(code: int) -> int:
    """The HTTP status a server answers with for this exception code."""
    return _STATUS_OF.get(code, 500)


def error_code(message: str) -> int:
    """The code in an engine's message; 1001 (an exception of the library) if it names none."""
    found = _CODE.search(message)
    return int(found[1]) if found else 1001


def error_text(message: str) -> str:
    """The engine's message as a server words it, from its own `Code: N. DB::Exception:` on."""
    place = message.find("Code: ")
    if place < 0:
        return f"Code: {error_code(message)}. DB::Exception: {message.strip()} (STD_EXCEPTION)"
    return _REPEATED.sub("", message[place:].strip(), count=1)


def content_type(output: str) -> str:
    """Content-Type of an answer in this output format."""
    if output in _CONTENT_TYPES:
        return _CONTENT_TYPES[output]
    return _JSON if output.startswith("JSON") else "text/plain; charset=UTF-8"
