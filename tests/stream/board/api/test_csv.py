"""CSV: the same rows, which a spreadsheet opens and never runs (FAULTS T27)."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from stream.board.api import endpoints, post_list
from stream.board.api.csv_rows import as_csv, cell, harmless
from stream.errors import RetryLater

CORPUS = [
    '=HYPERLINK("http://evil.example","click")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "  =1+1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "a\n=1+1",
    "a;=1+1",
    "a; @x",
    "\uff1d1+1",
    "\x00=1+1",
    "\x1b[31m=red",
    '"=1+1',
    '";=1+1',
    "a\u2028=1+1",
]
# What some spreadsheet takes for the beginning of a formula, in any cell it may cut this into.
FORMULA = re.compile(r"^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")
ROWS = ("", ["text"])


def cells_of(text: str) -> list[str]:
    """The cells that spreadsheets may make of it: by commas, or with semicolons and tabs too."""
    body = text.removeprefix("\ufeff")
    found = [one for row in csv.reader(io.StringIO(body, newline="")) for one in row]
    return found + [part for one in found for part in re.split(r"[;\t\r\n]", one) if part]


@pytest.mark.parametrize("text", CORPUS)
def test_no_cell_begins_like_a_formula(text: str) -> None:
    written = "".join(as_csv([[{"text": text}]], ROWS))
    assert not [one for one in cells_of(written) if FORMULA.match(one)]


@given(st.text(alphabet="=+-@;,\t\r\n \"'a\x00\x1b\uff1d\u2028") | st.text())
def test_whatever_is_written_begins_no_formula_and_obeys_no_terminal(text: str) -> None:
    written = "".join(as_csv([[{"text": text}]], ROWS))
    assert not [one for one in cells_of(written) if FORMULA.match(one)]
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", written)
    assert len(list(csv.reader(io.StringIO(written, newline="")))) == 2


@pytest.mark.parametrize("text", ["Acme 很好", "it costs 5-6 = much", "me@acme.example", "a, -b"])
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


def test_numbers_stay_numbers_and_what_is_unknown_is_empty() -> None:
    assert [cell(value) for value in (-0.5, 3, None, True, ["a", "b"], [], [{"a": 1}])] == [
        "-0.5", "3", "", "true", "a, b", "", '[{"a": 1}]',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "rows", "columns"),
    [
        ("posts?limit=5", 5, ["key", "source", "kind", "text"]),
        ("scores?brand=Acme&step=3600&rule=", 25, ["at", "mentions", "negative", "neutral"]),
        ("topics?brand=Acme", 1, ["mentions", "negative", "neutral", "positive"]),
        ("breakdown?brand=Acme&by=lang", 2, ["mentions", "negative", "neutral", "positive"]),
        ("posts?q=nothing+like+it", 0, ["key", "source", "kind", "text"]),
    ],
)
def test_every_list_is_given_as_csv_too(
    web: TestClient, path: str, rows: int, columns: list[str]
) -> None:
    answer = web.get(f"/api/v1/{path}&format=csv")
    assert answer.headers["content-type"].startswith("text/csv; charset=utf-8")
    name = path.partition("?")[0]
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.csv"'
    assert answer.headers["known-to"].endswith("Z")
    assert answer.text.startswith("\ufeff")
    head, *body = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"), newline=""))
    assert (head[:4], len(body)) == (columns, rows)


def test_a_file_holds_all_posts_of_the_range_whatever_their_number(
    web: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "_PAGE", 5)
    answer = web.get("/api/v1/posts?brand=Acme&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))
    assert len({row["key"] for row in rows}) == len(rows) == 22
    assert rows == sorted(rows, key=lambda row: row["created_at"], reverse=True)
    assert "link" not in answer.headers


def test_a_file_that_fails_on_the_way_does_not_look_whole(
    web: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(cursor: str) -> Any:
        raise RetryLater("ClickHouse does not answer")

    monkeypatch.setattr(endpoints, "_PAGE", 5)
    monkeypatch.setattr(post_list, "place_of", away)
    with pytest.raises(RetryLater):
        web.get("/api/v1/posts?brand=Acme&format=csv")


def test_a_page_of_posts_as_csv_says_where_the_next_one_is(web: TestClient) -> None:
    answer = web.get("/api/v1/posts?limit=5&format=csv&brand=Acme")
    following: Any = web.get(answer.links["next"]["url"])
    assert following.headers["content-type"].startswith("text/csv")
    assert "brand=Acme" in answer.links["next"]["url"]
