"""The 128 tokens around the target."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from models import Passage
from models.encode import Encoder
from models.passage import MAX_TOKENS, WINDOW, window

_encoders: dict[Path, Encoder] = {}


def encoder(path: Path) -> Encoder:
    """Tokens of the tiny model are characters; ids 0-3 are special."""
    if path not in _encoders:
        _encoders[path] = Encoder(AutoTokenizer.from_pretrained(path, local_files_only=True))
    return _encoders[path]


def spelt(ids: list[int]) -> str:
    return "".join(chr(i + 28) if i > 3 else "|" for i in ids)


def test_short_texts_are_whole(tiny_path: Path) -> None:
    rows = encoder(tiny_path).encode([Passage("good"), Passage("good", "it")])
    assert [spelt(row.ids) for row in rows] == ["|good|", "|good||it|"]


def marked(path: Path, passage: Passage) -> str:
    """The passage as the network sees it, what belongs to the target in upper case."""
    tokens = Encoder(AutoTokenizer.from_pretrained(path, local_files_only=True), marks=True).encode(
        [passage]
    )[0]
    letters = zip(spelt(tokens.ids), tokens.types, strict=True)
    return "".join(letter.upper() if mark else letter for letter, mark in letters)


@pytest.mark.parametrize(
    ("passage", "seen"),
    [
        (Passage("an ant or a nut", "ant", 3), "|an ANT or a nut||ANT|"),
        (Passage("an ant or a nut", "nut", 12), "|an ant or a NUT||NUT|"),
        (Passage("an ant", "bee"), "|an ant||BEE|"),
        (Passage("an ant"), "|an ant|"),
        (Passage("", "ant"), "|||ANT|"),
    ],
)
def test_the_target_is_marked_where_it_stands(tiny_path: Path, passage: Passage, seen: str) -> None:
    assert marked(tiny_path, passage) == seen


def test_the_mark_stays_on_the_target_when_the_text_is_cut(tiny_path: Path) -> None:
    seen = marked(tiny_path, Passage("." * 300 + "acme" + "," * 300, "acme", 300))
    assert len(seen) == MAX_TOKENS
    assert ".ACME," in seen
    assert seen.endswith("||ACME|")


def test_nothing_is_marked_where_the_model_knows_no_marks(tiny_path: Path) -> None:
    assert set(encoder(tiny_path).encode([Passage("an ant", "ant", 3)])[0].types) == {0}


@pytest.mark.parametrize("at", [0, 40, 300, 560, 599])
def test_the_excerpt_holds_the_target_with_context_on_both_sides(tiny_path: Path, at: int) -> None:
    text = "." * at + "ACME" + "," * (600 - at)
    found = spelt(encoder(tiny_path).encode([Passage(text, "ACME", at)])[0].ids)
    assert len(found) == MAX_TOKENS
    body, _, target = found[1:-1].partition("||")
    assert target == "ACME"
    assert body in text
    assert "ACME" in body
    before = body.index("ACME")
    after = len(body) - before - len("ACME")
    assert before >= min(at, 50)
    assert after >= min(600 - at, 50)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=700), st.none() | st.text(max_size=300), st.integers(-5, 10**6))
def test_never_more_than_128_tokens(
    tiny_path: Path, text: str, target: str | None, at: int
) -> None:
    tokens = encoder(tiny_path).encode([window(Passage(text, target, at))])[0]
    assert 2 <= len(tokens.ids) == len(tokens.types) <= MAX_TOKENS


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.none() | st.text(max_size=9), st.integers(0, 300))
def test_a_trace_is_what_the_network_gets_with_the_places_in_the_text(
    tiny_path: Path, text: str, target: str | None, at: int
) -> None:
    passage = window(Passage(text, target, at))
    traced = encoder(tiny_path).trace(passage)
    assert traced.tokens == encoder(tiny_path).encode([passage])[0]
    assert len(traced.spans) == len(traced.tokens.ids)
    start, end = traced.seen
    places = [span for span in traced.spans if span is not None]
    assert all(start <= first < last <= end for first, last in places)
    for token, span in zip(traced.tokens.ids, traced.spans, strict=True):
        if span is not None and token > 3:  # a token of the tiny model is a character
            assert spelt([token]) == passage.text[slice(*span)]


def test_a_trace_of_a_cut_text_says_which_part_was_seen(tiny_path: Path) -> None:
    """Also where the same words stand elsewhere in the text."""
    traced = encoder(tiny_path).trace(Passage("ab" * 300, "b", 301))
    start, end = traced.seen
    assert 0 < start < 301 < end < 600
    assert end - start == len([span for span in traced.spans if span]) == MAX_TOKENS - 5


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_a_window_keeps_its_place(size: int, at: int) -> None:
    """Whatever is cut, `at` points at the same character as before."""
    text = "".join(chr(0x4E00 + i) for i in range(size))
    cut = window(Passage(text, "t", at))
    assert len(cut.text) == min(size, 2 * WINDOW)
    if at < size:
        assert cut.text[cut.at] == text[at]


def test_a_window_has_nothing_a_tokenizer_refuses() -> None:
    cut = window(Passage("a\0b\ud800c", "\0x\udfff", 4))
    assert cut == Passage("a b c", "x", 4)
    assert window(Passage("a", " \0 ")).target is None
