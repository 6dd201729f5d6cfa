"""Near-copies, who carries a rise, and which posts tell most."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.alerting.carried import carried_by
from stream.alerting.near_copies import NEAR_COPY, bare, most_copied, shingled, similarity
from stream.alerting.telling import Candidate, most_telling

TEXTS = st.lists(st.text(alphabet="abc电池 !1", max_size=20), max_size=8)


@pytest.mark.parametrize(
    "copy",
    [
        "THE  battery of my phone burns, never again!!!",
        "the battery of my phone burns, never again 😡 https://x.example/77",
        "@someone the battery of my phone burns, never again (4711)",
        "the battery of my phone burns, never ever again",
        "ｔｈｅ battery of my phone burns, never again",
    ],
)
def test_a_varied_copy_is_one(copy: str) -> None:
    one, other = shingled(["The battery of my phone burns, never again", copy])
    assert similarity(one, other) >= NEAR_COPY


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the battery of my phone burns", "my battery is swelling and the phone is hot"),
        ("电池过热了真危险", "电池充不进去电"),
        ("😡😡", "👍"),
        ("", "a"),
    ],
)
def test_two_texts_on_one_topic_are_not(one: str, other: str) -> None:
    assert similarity(*shingled([one, other])) < NEAR_COPY


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_likeness_is_symmetric_and_one_with_itself(texts: list[str]) -> None:
    numbers = shingled(texts)
    assert all(similarity(one, one) == 1 for one in numbers)
    for one, other in combinations(numbers, 2):
        assert similarity(one, other) == similarity(other, one) <= 1


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.randoms(use_true_random=False))
def test_the_most_copied_are_at_least_the_equal_ones(texts: list[str], mix: random.Random) -> None:
    found = most_copied(texts)
    equal = max((list(map(bare, texts)).count(bare(text)) for text in texts), default=0)
    assert equal <= found <= len(texts)
    assert most_copied(mix.sample(texts, len(texts))) == found


def test_many_people_in_their_own_words_carry_it_themselves() -> None:
    texts = ["it burns", "never came at all", "refund please", "screen is dead", "so loud"]
    found = carried_by(5, [2, 1, 1], texts)
    assert (found.few_authors, found.one_text, found.words) == (False, False, "")


@pytest.mark.parametrize(
    ("posts", "busiest", "words"),
    [
        (52, [12, 10, 9], "3 authors wrote 60 % of it"),
        (10, [6, 1, 1], "1 author wrote 60 % of it"),
        (52, [10, 8, 7], ""),  # not half
        (5, [2, 1, 1], ""),  # not often
        (0, [], ""),
    ],
)
def test_few_authors_are_named_by_their_share(posts: int, busiest: list[int], words: str) -> None:
    assert carried_by(posts, busiest, []).words == words


def test_copies_of_one_text_are_counted_and_a_sample_is_called_one() -> None:
    texts = [f"sign here no. {i}: it is a fraud" for i in range(40)]
    texts += [letter * 9 for letter in "abcdefghijkl"]
    assert carried_by(52, [], texts).words == "40 of 52 are near-copies of one text"
    assert carried_by(999, [], texts).words == "40 of 52 looked at are near-copies of one text"
    assert carried_by(4, [], texts[:4]).one_text is False


def candidate(text: str, author: str = "", weight: float = 1) -> Candidate:
    return Candidate(text, author, weight)


def test_the_heaviest_post_tells_first_and_repeats_are_left_out() -> None:
    posts = [
        candidate("it burns like hell", "a", 2),
        candidate("it burns like hell!!", "b", 9),
        candidate("never arrived, no answer", "c", 1),
        candidate("again, this is a scandal", "b", 8),
    ]
    assert most_telling(posts, 5) == [1, 2]


def test_of_two_as_heavy_the_one_that_says_something_new_comes_first() -> None:
    posts = [
        candidate("the battery of this phone burns", weight=3),
        candidate("the battery of this phone is swelling up now", weight=2),
        candidate("nobody answers my letters", weight=2),
    ]
    assert most_telling(posts, 2) == [0, 2]


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.lists(st.sampled_from(["", "x", "y"]), min_size=8, max_size=8), st.integers(0, 6))
def test_no_two_chosen_are_near_copies_or_of_one_author(
    texts: list[str], authors: list[str], number: int
) -> None:
    posts = [candidate(text, authors[i], 1 + i % 3) for i, text in enumerate(texts)]
    chosen = most_telling(posts, number)
    numbers = shingled(texts)
    assert len(chosen) <= number
    assert bool(chosen) == bool(posts and number)
    for one, other in combinations(chosen, 2):
        assert similarity(numbers[one], numbers[other]) < NEAR_COPY
        assert posts[one].author == "" or posts[one].author != posts[other].author
