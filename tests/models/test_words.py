"""Words as a reader sees them, with their places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import Passage
from models.words import Span, split, without


def words(text: str, pieces: set[int] | None = None) -> list[str]:
    return [text[start:end] for start, end in split(text, pieces)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The new Acme is great!", ["The", "new", "Acme", "is", "great", "!"]),
        (
            "I don't like well-known 3.5 snake_case",
            ["I", "don't", "like", "well-known", "3.5", "snake_case"],
        ),
        ("so bad...!! :( 1,000.", ["so", "bad", "...!!", ":(", "1,000", "."]),
        ("#love @acme_help (#tag) # C#", ["#love", "@acme_help", "(", "#tag", ")", "#", "C", "#"]),
        ("see https://a.example/b?c=d-e 好", ["see", "https://a.example/b?c=d-e", "好"]),
        ("👍🏽👩‍💻🇩🇪🇫🇷❤️ok", ["👍🏽", "👩‍💻", "🇩🇪", "🇫🇷", "❤️", "ok"]),
        ("यह बहुत अच्छा है।", ["यह", "बहुत", "अच्छा", "है", "।"]),
        ("هذا الهاتف سيئ، جدًا", ["هذا", "الهاتف", "سيئ", "،", "جدًا"]),
        ("质量太差，iPhone手机", ["质", "量", "太", "差", "，", "iPhone", "手", "机"]),
        ("สวยมาก ดี", ["สวยมาก", "ดี"]),
        ("배송이 빨라요", ["배송이", "빨라요"]),
        ("a\0b\ud800c\u2028d", ["a", "b", "c", "d"]),
        ("e\u0301te\u0301 \u0301", ["e\u0301te\u0301", "\u0301"]),
        (" \n\t\u3000", []),
    ],
)
def test_words_by_value(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "pieces", "expected"),
    [
        ("质量太差", {0, 2}, ["质量", "太差"]),
        ("ดีมาก", {0, 2, 3}, ["ดี", "ม", "าก"]),
        ("ดีมาก", {0, 1}, ["ดีมาก"]),  # never between a letter and the sign above it
        ("とても好", set(), ["とても好"]),
        ("greatly", {0, 5}, ["greatly"]),  # no pieces of words where there are spaces
    ],
)
def test_scripts_without_spaces_are_cut_where_tokens_begin(
    text: str, pieces: set[int], expected: list[str]
) -> None:
    assert words(text, pieces) == expected


@given(st.text(max_size=80), st.none() | st.sets(st.integers(0, 80)))
def test_words_and_the_blanks_between_them_rebuild_the_text(
    text: str, pieces: set[int] | None
) -> None:
    rebuilt, end_before = "", 0
    for start, end in split(text, pieces):
        assert end_before <= start < end
        gap = text[end_before:start]
        assert not any(c.isalnum() or (c.isprintable() and not c.isspace()) for c in gap)
        rebuilt += gap + text[start:end]
        end_before = end
    assert rebuilt + text[end_before:] == text
    assert not any(c.isalnum() for c in text[end_before:])


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        ([], Passage("an old Acme fails", "Acme", 7)),
        ([Span(3, 6)], Passage("an  Acme fails", "Acme", 4)),
        ([Span(12, 17), Span(0, 2)], Passage(" old Acme ", "Acme", 5)),
        ([Span(7, 11)], Passage("an old  fails", "Acme", 7)),
        ([Span(3, 11)], Passage("an  fails", "Acme", 3)),
    ],
)
def test_a_passage_without_some_words_keeps_its_place(gone: list[Span], expected: Passage) -> None:
    assert without(Passage("an old Acme fails", "Acme", 7), gone) == expected
