"""Rows as the page's shapes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.board.present import (
    EXCERPT,
    carried,
    excerpt,
    figures,
    label_of,
    marks_of,
    safe_url,
    telling_keys,
    unusual,
)


@pytest.mark.parametrize(
    ("chances", "label"),
    [
        ((5000, 5000, 0), "negative"),
        ((0, 5000, 5000), "neutral"),
        ((4000, 2000, 4000), "negative"),
        ((3333, 3333, 3334), "positive"),
    ],
)
def test_ties_go_to_negative_then_neutral(chances: tuple[int, int, int], label: str) -> None:
    assert label_of(*chances) == label


@given(
    st.lists(st.lists(st.integers(0, 60), max_size=9), max_size=5),
    st.integers(0, 50),
)
def test_marks_are_sorted_disjoint_and_inside_the_text(spans: list[list[int]], length: int) -> None:
    flat = [bound for mark in marks_of(spans, length) for bound in mark]
    assert flat == sorted(flat)
    assert all(0 <= bound <= length for bound in flat)
    assert all(start < end for start, end in marks_of(spans, length))


@given(st.text(max_size=1500), st.integers(0, 1490), st.integers(1, 10))
def test_an_excerpt_shows_its_first_mark_whole(text: str, start: int, size: int) -> None:
    marks = marks_of([[start, start + size]], len(text))
    shown, cut, inside = excerpt(text, marks)
    assert len(shown) == min(len(text), EXCERPT)
    assert cut[0] or text.startswith(shown)
    assert cut[1] or text.endswith(shown)
    if marks:
        (a, b), (c, d) = marks[0], inside[0]
        assert shown[c:d] == text[a:b]


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "//evil.example/x",
        "http://[::1",
        "https:",
        "",
    ],
)
def test_only_http_addresses_lead_out_of_the_page(url: str) -> None:
    assert safe_url(url) == ""


def test_an_ordinary_address_is_kept() -> None:
    assert safe_url("https://example.com/a?b=1#c") == "https://example.com/a?b=1#c"


def test_no_mention_has_no_mean() -> None:
    assert figures(0, 0, 0, 0)["net"] is None
    assert figures(1, 0, 1, 5000)["net"] == 0.25


@pytest.mark.parametrize("evidence", ["", "[]", "{", '{"posts": [1, {}, {"source": "x"}]}', "null"])
def test_evidence_of_another_make_breaks_nothing(evidence: str) -> None:
    assert telling_keys(evidence) == []


def test_who_carries_an_incident_is_told_only_where_few_do() -> None:
    told = {"authors": 3, "authors_share": 0.6, "near_copies": 40, "looked_at": 52}
    few = {**told, "few_authors": True, "one_text": True}
    assert carried({"carried_by": few}) == {"authors": (3, 0.6), "copies": (40, 52)}
    many = {"authors": None, "copies": None}
    for other in ({**told, "few_authors": False}, {"few_authors": True}, [1], None, "<b>"):
        assert carried({"carried_by": other}) == many
    assert carried({}) == many


def test_only_what_has_notably_grown_is_unusual() -> None:
    def share(name: object, z: object, usual: object = 0.1) -> dict[str, object]:
        return {"name": name, "share": 0.8, "usual_share": usual, "z": z}

    found = unusual(
        {
            "source_shares": [share("weibo", 3.1), share("x", 1.9), share("new", 9, None)],
            "language_shares": [share("zh", 5), share("de", 2), 7, share("<b>", "9")],
        }
    )
    assert [one["name"] for one in found] == ["zh", "weibo"]
    assert found[1] == {"name": "weibo", "share": 0.8, "usual_share": 0.1}
    assert unusual({"source_shares": None}) == []


def test_telling_posts_are_named_by_source_id_and_time() -> None:
    post = {"source": "s", "post_id": "1", "created_at": "2026-01-01T00:00:00+00:00"}
    assert [key[:2] for key in telling_keys(json.dumps({"posts": [post]}))] == [("s", "1")]
