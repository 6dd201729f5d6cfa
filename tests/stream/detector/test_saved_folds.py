"""The detector's memory in the database: what is loaded is what was saved, to the bit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from stream.database import Client
from stream.detector import saved_folds
from stream.detector.folds import Fold
from stream.rules import Rule
from tests.stream.detector.test_folds import HOUR, NOON, RULE, minutes


def test_what_is_loaded_is_what_was_saved(client: Client) -> None:
    fold = Fold(RULE, NOON, NOON - HOUR).settle(minutes(2))
    for _ in range(2):  # the same again changes nothing
        saved_folds.save(client, fold)
    found = saved_folds.load(client, RULE, fold.at + timedelta(minutes=59), 20)
    assert found is not None
    assert (found.at, found.first, found.keys) == (fold.at, fold.first, fold.keys)
    assert found.saved().tobytes() == fold.saved().tobytes()


def test_the_newest_that_is_not_too_new_is_loaded(client: Client) -> None:
    early = Fold(RULE, NOON, NOON).settle(minutes(1))
    late = early.settle(minutes(1, since=NOON + HOUR))
    for fold in (early, late):
        saved_folds.save(client, fold)
    for latest, at in ((late.at, late.at), (late.at - timedelta(minutes=1), early.at)):
        found = saved_folds.load(client, RULE, latest, 20)
        assert found is not None and found.at == at
    assert saved_folds.load(client, RULE, NOON, 20) is None


@pytest.mark.parametrize("other", [{"name": "else"}, {"granularity": "5m"}])
def test_another_rule_or_step_begins_without_memory(client: Client, other: dict[str, str]) -> None:
    saved_folds.save(client, Fold(RULE, NOON, NOON).settle(minutes(1)))
    rule = Rule.model_validate(RULE.model_dump() | other)
    assert saved_folds.load(client, rule, NOON + 9 * HOUR, 20) is None


@pytest.mark.parametrize(
    "changed", [{"topics": ("",)}, {"brands": ("Acme", "Bolt")}, {"languages": ("zh",)}]
)
def test_a_rule_that_watches_something_else_learns_anew(
    client: Client, changed: dict[str, Any]
) -> None:
    """What is added has a past too, and other sources make other series."""
    saved_folds.save(client, Fold(RULE, NOON, NOON).settle(minutes(1)))
    assert saved_folds.load(client, RULE.model_copy(update={"sensitivity": 1}), NOON, 20) is None
    later = NOON + HOUR
    same = saved_folds.load(client, RULE.model_copy(update={"sensitivity": 1}), later, 20)
    assert same is not None
    assert saved_folds.load(client, RULE.model_copy(update=changed), later, 20) is None
