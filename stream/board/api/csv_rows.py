"""The rows of an answer as CSV that a spreadsheet opens and does not run (FAULTS T27). Pure.

A cell that begins like a formula gets an apostrophe before it (OWASP, "CSV Injection"), and so does
what follows a semicolon, a tab or a new line within a cell: a spreadsheet that splits there would
begin a cell with it. Whoever needs the text to the letter asks for JSON.
"""

from __future__ import annotations

import csv
import io
import json
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel
from typing_extensions import is_typeddict

CSV: Final = "text/csv; charset=utf-8; header=present"
_BYTE_ORDER_MARK = "\ufeff"  # Excel takes the rest for UTF-8 by it
_ROWS = ("rows", "points")

# Wide forms too: some spreadsheets fold them.
_LIKE_A_FORMULA = re.compile(r"(^|[;\t\r\n])(\s*)([=+\-@\uff1d\uff0b\uff0d\uff20])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def rows_in(gives: Any) -> tuple[str, list[str]] | None:
    """Under which key an answer of this type has its rows ('' for a list of them), and their
    columns; None where it has none."""
    if typing.get_origin(gives) is list:
        (row,) = typing.get_args(gives)
        if isinstance(row, type) and issubclass(row, BaseModel):
            return "", list(row.model_fields)
        return ("", list(typing.get_type_hints(row))) if is_typeddict(row) else None
    if is_typeddict(gives):
        for name, kind in typing.get_type_hints(gives).items():
            if name in _ROWS and (found := rows_in(kind)):
                return name, found[1]
    return None


def as_csv(pages: Iterable[Any], where: tuple[str, list[str]]) -> Iterator[str]:
    """The rows of answers, at the place that `rows_in` tells of, page by page."""
    key, columns = where
    text = io.StringIO()
    text.write(_BYTE_ORDER_MARK)
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    for found in pages:
        rows: Iterable[Mapping[str, Any]] = found[key] if key else found
        writer.writerows([cell(row.get(column)) for column in columns] for row in rows)
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def cell(value: Any) -> str:
    """A value as a spreadsheet may have it; nothing known is an empty cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)  # ours, whatever its sign
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = ", ".join(value)
    return harmless(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def harmless(text: str) -> str:
    """The text with an apostrophe wherever a spreadsheet might begin a formula, and without
    control characters, which a terminal might obey."""
    marked = _LIKE_A_FORMULA.sub(r"\1\2'\3", _CONTROLS.sub("", text))
    return "'" + marked if marked.startswith(("\t", "\r", "\n")) else marked
