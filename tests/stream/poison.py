"""Messages that break the contract, of every kind that has been seen or thought of (T15)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.stream.consuming import post

DEPTH = 100_000
TEN_MEGABYTES = 10 * 1024 * 1024


def _post(number: int, **fields: Any) -> bytes:
    return post(f"bad {number}", **fields)


def _with(number: int, raw: bytes) -> bytes:
    """A post with these bytes in it, which Python would not write."""
    return _post(number)[:-1] + raw + b"}"


SMALL: dict[str, Callable[[int], bytes | None]] = {
    "invalid UTF-8": lambda number: _post(number).replace(b"Acme", b"Acme \xff\xc3("),
    "a surrogate in UTF-8": lambda number: _post(number).replace(b"Acme", b"Acme \xed\xa0\x80"),
    "a lone surrogate": lambda number: _post(number).replace(b"Acme", b"Acme \\ud83d"),
    "a NUL": lambda number: _post(number).replace(b"Acme", b"Acme \\u0000"),
    "a raw NUL": lambda number: _post(number).replace(b"Acme", b"Acme \x00"),
    "NaN": lambda number: _with(number, b',"rating":NaN'),
    "1e400": lambda number: _with(number, b',"rating":1e400'),
    "an endless number": lambda number: _with(number, b',"rating":' + b"9" * 5_000),
    "a field twice": lambda number: _with(number, b',"post_id":"other"'),
    "text that is a number": lambda number: _post(number, text=number),
    "a date that is none": lambda number: _post(number, created_at=["yesterday", number]),
    "an author that is a list": lambda number: _post(number, author=[number]),
    "a list": lambda number: json.dumps([number]).encode(),
    "nothing": lambda _: b"",
    "no JSON": lambda number: _post(number)[:-20],
    "null": lambda _: None,
}
DEEP: dict[str, Callable[[int], bytes | None]] = {
    "brackets that open": lambda _: b"[" * DEPTH,
    "brackets that close": lambda n: _with(n, b',"a":' + b"[" * DEPTH + b"]" * DEPTH),
    "objects in objects": lambda _: b'{"a":' * DEPTH + b"1" + b"}" * DEPTH,
}
LARGE: dict[str, Callable[[int], bytes | None]] = {
    "ten megabytes": lambda n: _post(n, text="x" * TEN_MEGABYTES),
}
