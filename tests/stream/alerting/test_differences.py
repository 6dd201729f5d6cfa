"""Each post that counts otherwise is told once, with its cause."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.alerting.counted_posts import CountedPost, Fate, Fingerprints
from stream.alerting.differences import Cause, compare

JUDGED = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
SAID = JUDGED - timedelta(minutes=20)


def version(said: datetime = SAID, delivered: datetime = SAID, generation: int = 1) -> int:
    own, kafka = (int(time.timestamp() * 1000) for time in (said, delivered))
    return own << 84 | kafka << 40 | generation


def counted(key: int, negative: bool = True, **of: int | datetime) -> CountedPost:
    return CountedPost(key, version(**of), negative, "reddit", f"p{key}")  # type: ignore[arg-type]


def fate(key: int, deleted: bool = False, moved: bool = False, **of: int | datetime) -> Fate:
    return Fate("reddit", f"p{key}", version(**of), deleted, moved)  # type: ignore[arg-type]


THEN = [counted(1), counted(2, negative=False)]


def causes(
    now: list[CountedPost],
    fates: dict[int, Fate] | None = None,
    seen: dict[tuple[str, str], datetime] | None = None,
) -> dict[str, Cause]:
    found = compare(Fingerprints.of(THEN, 2), now, fates or {}, seen or {}, JUDGED)
    return {one.post_id: one.cause for one in found}


def test_nothing_changed_is_no_difference() -> None:
    assert causes(THEN) == {}


LATER = JUDGED + timedelta(hours=1)


@pytest.mark.parametrize(
    ("post", "seen", "cause"),
    [
        (counted(3, delivered=LATER), LATER, "late"),
        (counted(3), LATER, "late"),
        (counted(3, said=LATER, delivered=LATER), SAID, "edited"),
        (counted(3, generation=2), SAID, "re-scored"),
    ],
)
def test_what_counts_now_and_did_not(post: CountedPost, seen: datetime, cause: Cause) -> None:
    assert causes([*THEN, post], seen={("reddit", "p3"): seen}) == {"p3": cause}


@pytest.mark.parametrize(
    ("gone", "cause"),
    [
        (fate(2, said=LATER), "edited"),
        (fate(2, generation=2), "re-scored"),
        (fate(2, deleted=True), "deleted"),
        (fate(2, deleted=True, moved=True), "moved"),
    ],
)
def test_what_counted_and_does_no_more(gone: Fate, cause: Cause) -> None:
    assert causes([counted(1)], {2: gone}) == {"p2": cause}


def test_of_what_was_erased_nothing_is_known_but_that_it_counted() -> None:
    assert causes([counted(1)]) == {"": "erased"}


def test_another_mood_is_an_edit_or_a_new_score() -> None:
    assert causes([counted(1, False, generation=2), THEN[1]]) == {"p1": "re-scored"}
    assert causes([counted(1, False, said=LATER), THEN[1]]) == {"p1": "edited"}


posts = st.lists(
    st.builds(counted, st.integers(0, 40), st.booleans(), generation=st.integers(1, 2)),
    unique_by=lambda post: post.key,
).map(lambda several: sorted(several, key=lambda post: post.key))


@given(then=posts, now=posts, most=st.integers(1, 50))
def test_the_differences_sum_up_to_the_change(
    then: list[CountedPost], now: list[CountedPost], most: int
) -> None:
    """Of negative posts and of all, within what the recorded sample reaches."""
    kept = Fingerprints.of(then[:most], len(then))
    reach = 50 if kept.reach is None else kept.reach
    found = list(compare(kept, now, {}, {}, JUDGED))
    within = [post for post in now if post.key <= reach]
    assert sum(one.mentions for one in found) == len(within) - len(then[:most])
    negative = sum(p.negative for p in within) - sum(p.negative for p in then[:most])
    assert sum(one.negative for one in found) == negative
