"""Group keys: one for what belongs together, decided at the opening and kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stream.alerting.groups import Groups
from stream.alerting.incidents import Incident, Transition, fold

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
COOL_DOWN = timedelta(hours=1)


def row(alert_id: str, minute: float = 0, brand: str = "Acme", **changed: Any) -> Transition:
    """The opening of an incident so many minutes after noon."""
    at = NOON + timedelta(minutes=minute)
    opening = Transition(
        alert_id, 1, "opened", "mood", "share", "", "", "mood", brand, "", "open", "high", at, at,
        9, 1, (), "",
    )  # fmt: skip
    return replace(opening, **changed)


def ended(opening: Transition, minute: float) -> Transition:
    at = NOON + timedelta(minutes=minute)
    return replace(opening, step=2, transition="resolved", state="resolved", changed_at=at)


def incident(*rows: Transition) -> Incident:
    found = fold(rows)
    assert found is not None
    return found


def keys(groups: Groups, *rows: Transition, **named: int) -> list[str]:
    """The keys of these transitions, whose incidents have ten posts each."""
    return [groups.joined(one, named, 10, COOL_DOWN).group_key for one in rows]


def test_a_brand_and_its_topics_are_one_group() -> None:
    rows = [row("a"), row("b", 5, topic="battery"), row("c", 9, rule="other"), row("d", 9, "Bolt")]
    assert keys(Groups([]), *rows) == ["a", "a", "a", "d"]


def test_a_group_is_joined_until_the_cool_down_after_its_end() -> None:
    first = row("a")
    rows = [first, ended(first, 30), row("b", 90), row("c", 400)]
    assert keys(Groups([]), *rows[:3]) == ["a", "a", "a"]
    known = incident(replace(first, group_key="g"), replace(rows[1], group_key="g"))
    assert keys(Groups([known]), row("b", 90)) == ["g"]
    assert keys(Groups([known]), row("b", 91)) == ["b"]


def test_one_storm_over_many_brands_is_one_group() -> None:
    groups = Groups([])
    assert keys(groups, row("a")) == ["a"]
    assert keys(groups, row("b", 1, "Bolt"), Acme=5) == ["a"]
    assert keys(groups, row("c", 2, "Core"), Acme=4) == ["c"]
    assert keys(groups, row("d", 3, "Dune"), Bolt=10) == ["a"]
    assert keys(groups, row("e", 4, "Core", topic="price"), Acme=10) == ["c"]  # its own brand first


def test_a_key_is_kept_whatever_opens_later() -> None:
    opening = row("b", 5, "Bolt")
    groups = Groups([])
    assert keys(groups, opening) == ["b"]
    later = replace(opening, step=2, transition="updated", changed_at=NOON + timedelta(hours=1))
    assert keys(groups, row("a", 9), later, ended(opening, 70), Acme=10) == ["a", "b", "b"]


def test_after_a_restart_the_stored_key_goes_on() -> None:
    opening = replace(row("a"), group_key="of old")
    later = replace(opening, step=2, transition="updated", group_key="of old")
    assert keys(Groups([incident(opening)]), later, row("b", 1)) == ["of old", "of old"]
    without = incident(row("a"))  # from before there were groups
    assert keys(Groups([without]), row("b", 1)) == ["a"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["Acme", "Bolt"])), max_size=7),
    st.integers(0, 7),
)
def test_a_restart_between_two_transitions_changes_no_key(
    openings: list[tuple[int, str]], cut: int
) -> None:
    rows = [row(str(i), at, brand) for i, (at, brand) in enumerate(sorted(openings))]
    rows = [one for opening in rows for one in (opening, ended(opening, 301))]
    rows.sort(key=lambda one: (one.changed_at, one.alert_id))
    groups = Groups([])
    whole = [groups.joined(one, {}, 10, COOL_DOWN) for one in rows]
    stored: dict[str, list[Transition]] = {}
    for one in whole[:cut]:
        stored.setdefault(one.alert_id, []).append(one)
    after = Groups(incident(*of_one) for of_one in stored.values())
    assert [after.joined(one, {}, 10, COOL_DOWN) for one in rows[cut:]] == whole[cut:]
