"""Changes that leave what a text says as it is."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import Passage
from models.perturb import (
    ADDED,
    WITHIN,
    emoji,
    full_width,
    hashtags,
    link,
    lookalikes,
    lower_case,
    perturb,
    repeated_letters,
    typos,
    upper_case,
)


@pytest.mark.parametrize(
    ("change", "text", "expected"),
    [
        (typos, "great", {"gerat", "graet", "greta"}),
        (typos, "质量太差", {"质太量差", "质量差太"}),
        (typos, "an old tv", {"an old tv"}),  # too short to be mistyped
        (upper_case, "Groß 1a", {"GROSS 1A"}),
        (lower_case, "Acme ÄÖ", {"acme äö"}),
        (repeated_letters, "great", {"greaaaat"}),
        (repeated_letters, "pssst", {"pssstttt"}),
        (repeated_letters, "很好", {"很好好好好"}),
        (repeated_letters, "جدا", {"جداااا"}),
        (repeated_letters, "42 !", {"42 !"}),
        (full_width, "Ab 1!质", {"Ａｂ\u3000１！质"}),
        (lookalikes, "cope", {"соре"}),  # all four letters are Cyrillic now
        (lookalikes, "ми 质量", {"ми 质量"}),
        (emoji, "ok", {f"ok {one}" for one in "📦📱🕒🤖📷🏠"}),
    ],
)
def test_changes_by_value(change: object, text: str, expected: set[str]) -> None:
    assert callable(change)
    found = {change(text, random.Random(seed)) for seed in range(40)}
    assert found == expected


def test_what_is_added_comes_after_the_text() -> None:
    assert link("ok", random.Random(1)).startswith("ok https://example.org/")
    words = hashtags("ok", random.Random(1)).split()
    assert words[0] == "ok" and len(set(words)) == 3
    assert all(word.startswith("#") for word in words[1:])


def test_a_fifth_of_the_words_is_changed() -> None:
    text = " ".join(["word"] * 20)
    changed = [word for word in typos(text, random.Random(1)).split() if word != "word"]
    assert len(changed) == 4


def test_links_names_and_hashtags_are_left_alone() -> None:
    text = "https://example.org/abcdef @someone #something"
    for change in (typos, repeated_letters, lookalikes):
        assert change(text, random.Random(1)) == text


@pytest.mark.parametrize("name", [*WITHIN, *ADDED])
@given(before=st.text(max_size=30), after=st.text(max_size=30))
def test_the_target_stays_and_is_found_again(name: str, before: str, after: str) -> None:
    passage = Passage(f"{before}Acme Fön{after}", "acme fön", len(before))
    found = perturb(passage, name, seed=7)
    assert found.text[found.at : found.at + 8] == "Acme Fön"
    assert found.target == "acme fön"
    assert found == perturb(passage, name, seed=7)  # nothing but text and seed decides


@pytest.mark.parametrize("name", [*WITHIN, *ADDED])
@given(text=st.text(max_size=60))
def test_any_text_can_be_changed(name: str, text: str) -> None:
    assert perturb(Passage(text), name, seed=7).target is None


def test_another_seed_changes_otherwise() -> None:
    passage = Passage("The battery of my phone died again")
    assert len({perturb(passage, "typos", seed).text for seed in range(20)}) > 5
