"""Native blocks for clients that announce a protocol version, as clickhouse-go (Grafana) does.

The engine writes Native as revision 0. A client that sent `client_protocol_version` expects what a
server then adds: a block header, and a byte per column that says whether its serialization is the
usual one. Both are put in here, which takes just enough of each type's layout to find where a
column ends. Other clients (clickhouse-connect among them) read revision 0 and never come here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from stream.embedded.statement import Refused

__all__ = ["CUSTOM_SERIALIZATION", "with_headers"]

CUSTOM_SERIALIZATION = 54454  # the first revision with the byte per column
# Field 1, is_overflows: 0; field 2, bucket_num: -1; end of fields.
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
_WIDTHS = {
    **dict.fromkeys(("Int8", "UInt8", "Bool", "Enum8", "Nothing"), 1),
    **dict.fromkeys(("Int16", "UInt16", "Date", "Enum16", "BFloat16"), 2),
    **dict.fromkeys(("Int32", "UInt32", "Float32", "Date32", "DateTime", "IPv4", "Time"), 4),
    **dict.fromkeys(("Int64", "UInt64", "Float64", "DateTime64", "Time64", "Decimal64"), 8),
    **dict.fromkeys(("Int128", "UInt128", "UUID", "IPv6"), 16),
    **dict.fromkeys(("Int256", "UInt256"), 32),
}
_HEAD = re.compile(r"(\w+)(?:\((.*)\))?", re.DOTALL)


def with_headers(chunks: Iterable[bytes], revision: int) -> Iterator[bytes]:
    """Chunks of whole revision-0 blocks, each block as `revision` wants it.

    Raises Refused for a type whose layout is not known here.
    """
    for chunk in chunks:
        place = 0
        while place < len(chunk):
            block, place = _block(chunk, place, b"\0" if revision >= CUSTOM_SERIALIZATION else b"")
            yield block


def _block(data: bytes, start: int, flag: bytes) -> tuple[bytes, int]:
    columns, place = _varint(data, start)
    rows, place = _varint(data, place)
    parts = [_BLOCK_INFO, data[start:place]]
    for _ in range(columns):
        begin = place
        _, place = _text(data, place)
        type_name, place = _text(data, place)
        parts += [data[begin:place], flag]
        if rows:
            end = _after_values(type_name, data, _after_prefix(type_name, data, place), rows)
            parts.append(data[place:end])
            place = end
    return b"".join(parts), place


def _after_prefix(type_name: str, data: bytes, place: int) -> int:
    """Skip what a column begins with: dictionaries name their version before all else."""
    name, inner = _parse(type_name)
    if name == "LowCardinality":
        return place + 8
    if name == "SimpleAggregateFunction":
        inner = inner[1:]
    if name in ("Array", "Nullable", "Tuple", "Map", "Nested", "SimpleAggregateFunction"):
        for one in inner:
            place = _after_prefix(one, data, place)
    return place


def _after_values(type_name: str, data: bytes, place: int, rows: int) -> int:  # noqa: PLR0911
    name, inner = _parse(type_name)
    if rows == 0:
        return place
    if name == "String":
        for _ in range(rows):
            size, place = _varint(data, place)
            place += size
        return place
    if name == "Nullable":
        return _after_values(inner[0], data, place + rows, rows)
    if name in ("Array", "Map", "Nested"):
        ends = place + 8 * rows
        count = int.from_bytes(data[ends - 8 : ends], "little")
        for one in inner:
            ends = _after_values(one, data, ends, count)
        return ends
    if name == "Tuple":
        for one in inner:
            place = _after_values(one, data, place, rows)
        return place
    if name == "SimpleAggregateFunction":
        return _after_values(inner[1], data, place, rows)
    if name == "LowCardinality":
        return _after_dictionary(inner[0], data, place)
    return place + rows * _width(name, inner, type_name)


def _after_dictionary(type_name: str, data: bytes, place: int) -> int:
    index_width = 1 << data[place]
    keys = int.from_bytes(data[place + 8 : place + 16], "little")
    plain = (
        type_name.removeprefix("Nullable(").removesuffix(")") if "Nullable(" in type_name else ""
    )
    place = _after_values(plain or type_name, data, place + 16, keys)
    rows = int.from_bytes(data[place : place + 8], "little")
    return place + 8 + rows * index_width


def _width(name: str, inner: list[str], type_name: str) -> int:
    if name in _WIDTHS:
        return _WIDTHS[name]
    if name.startswith("Interval"):
        return 8
    if name == "FixedString":
        return int(inner[0])
    if name == "Decimal":
        precision = int(inner[0])
        return next(
            size for size, most in ((4, 9), (8, 18), (16, 38), (32, 76)) if precision <= most
        )
    reason = f"type {type_name} in Native with client_protocol_version: use another FORMAT"
    raise Refused(48, "NOT_IMPLEMENTED", reason)


def _parse(type_name: str) -> tuple[str, list[str]]:
    """`Tuple(a String, Array(UInt8))` → `Tuple`, [`String`, `Array(UInt8)`]."""
    found = _HEAD.fullmatch(type_name.strip())
    if found is None:
        raise Refused(48, "NOT_IMPLEMENTED", f"type {type_name} in Native")
    name, inside = found[1], found[2]
    if inside is None or name in ("Enum8", "Enum16", "DateTime", "DateTime64"):
        return name, []
    parts = _arguments(inside)
    if name in ("Tuple", "Nested"):
        parts = [_without_label(part) for part in parts]
    return name, parts


def _arguments(inside: str) -> list[str]:
    parts, depth, quote, begin, place = [], 0, "", 0, 0
    while place < len(inside):
        letter = inside[place]
        if letter == "\\":
            place += 1
        elif quote:
            quote = "" if letter == quote else quote
        elif letter in "'`\"":
            quote = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "," and depth == 0:
            parts.append(inside[begin:place].strip())
            begin = place + 1
        place += 1
    return [*parts, inside[begin:].strip()]


def _without_label(part: str) -> str:
    """Drop the element's name: `first DateTime('UTC')`, or with the name in backticks."""
    return re.sub(r"^(?:`(?:[^`\\]|\\.)*`|[A-Za-z_]\w*)\s+(?=\w)", "", part)


def _varint(data: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
        shift += 7


def _text(data: bytes, place: int) -> tuple[str, int]:
    size, place = _varint(data, place)
    return data[place : place + size].decode(errors="replace"), place + size
