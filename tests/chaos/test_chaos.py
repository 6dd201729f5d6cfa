"""Whatever happens, posts and windows end equal to a batch job over the log: short form in process.

`make chaos` is the long form: 20 seeds of 10,000 actions.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from stream.database import Client
from tests.chaos.actions import Action, count, from_json, to_json
from tests.chaos.bugs import BUGS
from tests.chaos.in_process import play, shortest
from tests.chaos.plan import LEAST, plan
from tests.chaos.shrink import shrink

SEEDS = [1, 2]
ACTIONS = 300
SHORT = 150  # each kind at least five times, as in any plan


@pytest.mark.parametrize("seed", SEEDS)
def test_posts_and_windows_are_exact_after_a_plan_of_everything(
    chaos_client: Client, seed: int
) -> None:
    actions = plan(seed, ACTIONS)
    assert min(count(actions).values()) >= LEAST
    outcome = play(chaos_client, actions)
    assert outcome.verdict.status == "PASS", str(outcome.verdict)
    assert outcome.counts["hit at pass"] and outcome.counts["hit at before_keys"]


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found_within_five_seeds(chaos_client: Client, bug: str) -> None:
    assert any(
        play(chaos_client, plan(seed, SHORT), bug).verdict.status == "FAIL" for seed in range(1, 6)
    )


def test_a_failing_plan_shrinks_to_a_few_actions_that_can_be_played_again(
    chaos_client: Client,
) -> None:
    bug = "wall_clock_version"
    failing = next(
        actions
        for seed in range(1, 6)
        if play(chaos_client, actions := plan(seed, 20), bug).verdict.status == "FAIL"
    )
    short = shortest(chaos_client, failing, bug)
    assert len(short) <= 4
    again = [from_json(to_json(action)) for action in short]
    assert again == short
    assert play(chaos_client, again, bug).verdict.status == "FAIL"
    assert play(chaos_client, again).verdict.status == "PASS"


def test_a_seed_gives_the_same_plan_for_ever() -> None:
    first = plan(7, 400)
    assert first == plan(7, 400) != plan(8, 400)
    assert [from_json(to_json(action)) for action in first] == first


@pytest.mark.parametrize("needed", [{0}, {99}, {3, 50, 51}, set(range(40, 45)), {0, 99}])
def test_shrinking_keeps_exactly_what_is_needed(needed: set[int]) -> None:
    def fails(items: Sequence[int]) -> bool:
        return needed <= set(items)

    assert shrink(range(100), fails) == sorted(needed)


def test_shrinking_ends_where_failures_come_and_go() -> None:
    draw = random.Random(1)
    actions: Sequence[Action] = plan(1, 10)
    assert shrink(actions, lambda items: draw.random() < 0.5)
