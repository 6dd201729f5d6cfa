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
    ids = encoder(tiny_path).encode([Passage("good"), Passage("good", "it")])
    assert [spelt(i) for i in ids] == ["|good|", "|good||it|"]


@pytest.mark.parametrize("at", [0, 40, 300, 560, 599])
def test_the_excerpt_holds_the_target_with_context_on_both_sides(tiny_path: Path, at: int) -> None:
    text = "." * at + "ACME" + "," * (600 - at)
    found = spelt(encoder(tiny_path).encode([Passage(text, "ACME", at)])[0])
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
    ids = encoder(tiny_path).encode([window(Passage(text, target, at))])[0]
    assert 2 <= len(ids) <= MAX_TOKENS


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
