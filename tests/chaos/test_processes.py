"""Whatever happens to real processes, posts and windows end equal to a batch job over the log.

`make chaos` is the long form: 20 seeds of 500 actions, each kind at least five times. Here 30
actions, each kind at least once.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.actions import count, from_json, to_json
from tests.chaos.plan import LEAST
from tests.chaos.process_plan import HITS, process_plan
from tests.chaos.processes import play

pytestmark = pytest.mark.timeout(900)  # some twenty processes are started


def test_posts_and_windows_are_exact_after_everything_happened_to_the_processes(
    tmp_path: Path,
) -> None:
    actions = process_plan(1, 30, least=1)
    assert count(actions).keys() >= HITS.keys()
    outcome = play(tmp_path, actions)
    assert outcome.verdict.status == "PASS", f"{outcome.verdict}\n{outcome.counts}"
    assert (
        outcome.counts["messages"] and outcome.counts["assignments"] and outcome.counts["evicted"]
    )


def test_a_consumer_that_commits_before_it_inserts_is_found(tmp_path: Path) -> None:
    """A planted bug, within five seeds: the runner can fail. Only inserts are hit."""
    kinds = {"produce": 10, "kill_before_insert": 2}
    for seed in range(1, 6):
        plan = process_plan(seed, 12, least=1, weights=kinds)
        outcome = play(tmp_path / str(seed), plan, "commit_before_insert")
        if outcome.verdict.status == "FAIL":
            break
    assert outcome.verdict.status == "FAIL", f"{outcome.verdict}\n{outcome.counts}"
    assert "is missing" in str(outcome.verdict)


def test_a_seed_gives_the_same_plan_for_ever_with_every_kind_five_times() -> None:
    plan = process_plan(7, 500)
    assert plan == process_plan(7, 500) != process_plan(8, 500)
    assert min(count(plan).values()) >= LEAST
    assert [from_json(to_json(action)) for action in plan] == plan
