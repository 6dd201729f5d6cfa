"""Chaos in one process: seeded plans against the real core, judged by the oracle.

usage: python -m tests.chaos.in_process [--seeds N] [--seed FIRST] [--actions N] [--bug NAME]
       python -m tests.chaos.in_process --play FILE [--bug NAME]

Prints what was done and the result per seed. A failing seed is shrunk; its JSON lines can be
played again. Exit code 0: all pass, 1: a difference, 3: a check could not be made.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import structlog

from stream.database import Client
from stream.errors import RetryLater
from stream.settings import ClickHouse
from tests.chaos.actions import Action, count, from_json, to_json
from tests.chaos.bugs import BUGS
from tests.chaos.compare import Verdict
from tests.chaos.plan import plan
from tests.chaos.shrink import shrink
from tests.chaos.world import World, prepare


@dataclass(frozen=True)
class Outcome:
    """What came of a list of actions."""

    verdict: Verdict
    counts: Counter[str]
    seconds: float


def play(client: Client, actions: Sequence[Action], bug: str = "") -> Outcome:
    """Run actions from an empty start to the drained end; the service must not stop meanwhile."""
    began = time.monotonic()
    with BUGS[bug]() if bug else nullcontext():
        world = World(client)
        try:
            for action in actions:
                world.do(action)
            world.drain()
        except RetryLater as error:
            found = Verdict("UNVERIFIED", (f"the database does not answer: {error}",))
        except Exception as error:
            found = Verdict("FAIL", (f"the service stopped: {type(error).__name__}: {error}",))
        else:
            found = world.verdict()
    return Outcome(found, world.counts, time.monotonic() - began)


def shortest(client: Client, actions: Sequence[Action], bug: str = "") -> list[Action]:
    """A short sub-list of failing actions that fails as well."""
    return shrink(actions, lambda some: play(client, some, bug).verdict.status == "FAIL")


def report(name: str, actions: Sequence[Action], outcome: Outcome) -> None:
    """Print what was asked for, what was done and what came of it."""
    kinds = " ".join(f"{kind}={number}" for kind, number in count(actions).most_common())
    done = " ".join(f"{what.replace(' ', '_')}={n}" for what, n in sorted(outcome.counts.items()))
    print(f"{name}: {len(actions)} actions in {outcome.seconds:.1f} s: {kinds}")
    print(f"  done: {done}")
    print(f"  {outcome.verdict}", flush=True)


def arguments(description: str, actions: int, bugs: Collection[str]) -> argparse.Namespace:
    """What the command line of a level gives; the service's own log is silenced."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seeds", type=int, default=20, help="how many plans")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--actions", type=int, default=actions, help="how many actions a plan")
    parser.add_argument("--play", type=Path, help="play the JSON lines of a file instead")
    parser.add_argument("--bug", choices=bugs, default="", help="plant a bug")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return parser.parse_args()


def saved(file: Path) -> list[Action]:
    """The actions of a file that was kept to be played again."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return [from_json(line) for line in lines if line.startswith("{")]


def main() -> int:
    """The command line."""
    given = arguments("Chaos in one process, judged by the oracle.", 10_000, BUGS)

    with tempfile.TemporaryDirectory() as directory:
        client = prepare(ClickHouse(path=Path(directory), database="chaos"))
        if given.play:
            actions = saved(given.play)
            outcome = play(client, actions, given.bug)
            report(str(given.play), actions, outcome)
            return exit_code({outcome.verdict.status})
        seen = set()
        for seed in range(given.seed, given.seed + given.seeds):
            actions = plan(seed, given.actions)
            outcome = play(client, actions, given.bug)
            report(f"seed {seed}", actions, outcome)
            seen.add(outcome.verdict.status)
            if outcome.verdict.status == "FAIL":
                print("shrinking …", file=sys.stderr, flush=True)
                short = shortest(client, actions, given.bug)
                print(f"# {len(short)} actions of seed {seed} fail too; save them for --play:")
                print("\n".join(to_json(action) for action in short))
                print(f"  {play(client, short, given.bug).verdict}", flush=True)
        print(f"{given.seeds} seeds x {given.actions} actions: {', '.join(sorted(seen))}")
        return exit_code(seen)


def exit_code(seen: set[str]) -> int:
    """0: all pass, 1: a difference, 3: a check could not be made."""
    return 1 if "FAIL" in seen else 3 if "UNVERIFIED" in seen else 0


if __name__ == "__main__":
    sys.exit(main())
