"""Chaos against real processes: seeded plans of messages and hits, judged by the oracle.

usage: python -m tests.chaos.processes [--seeds N] [--seed FIRST] [--actions N] [--bug NAME]
       python -m tests.chaos.processes --play FILE [--bug NAME]

Prints what was done and the result per seed. What happens within a seed depends on the machine's
time as well, so a failing plan is not shrunk: it is written to out/chaos with the processes' logs
and can be played again. Exit code 0: all pass, 1: a difference, 3: a check could not be made.
"""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kafka.errors import KafkaError

from stream.errors import UndertoneError
from tests.chaos.actions import Action, to_json
from tests.chaos.compare import Verdict
from tests.chaos.in_process import Outcome, arguments, exit_code, report, saved
from tests.chaos.process_plan import process_plan
from tests.chaos.process_world import ProcessWorld
from tests.faults.member import BUGS

_FAILED = Path("out/chaos")


def play(directory: Path, actions: Sequence[Action], bug: str = "") -> Outcome:
    """Run actions from an empty start to the drained end. Main thread only."""
    began = time.monotonic()
    counts: Counter[str] = Counter()
    try:
        with ProcessWorld(directory, bug) as world:
            counts = world.counts
            try:
                for action in actions:
                    world.do(action)
                world.drain()
            except AssertionError as error:
                found = Verdict("FAIL", (*world.troubles(), f"it was not drained: {error}"))
            else:
                found = world.verdict()
    except (UndertoneError, KafkaError, OSError) as error:  # of what the service stands on
        found = Verdict("UNVERIFIED", (f"{type(error).__name__}: {error}",))
    return Outcome(found, counts, time.monotonic() - began)


def _play_and_report(name: str, actions: Sequence[Action], bug: str) -> str:
    with tempfile.TemporaryDirectory() as place:
        outcome = play(Path(place), actions, bug)
        report(name, actions, outcome)
        if outcome.verdict.status != "PASS":
            _keep(name, actions, Path(place))
    return outcome.verdict.status


def _keep(name: str, actions: Sequence[Action], place: Path) -> None:
    kept = _FAILED / name
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for log in place.rglob("*.log"):
        shutil.copy(log, kept)
    file = kept / "actions.jsonl"
    file.write_text("".join(to_json(one) + "\n" for one in actions), encoding="utf-8")
    print(f"  logs are in {kept}; to play it again: --play {file}", flush=True)


def main() -> int:
    """The command line."""
    given = arguments("Chaos against processes, judged by the oracle.", 500, BUGS)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)

    if given.play:
        return exit_code({_play_and_report("played", saved(given.play), given.bug)})
    seen = set()
    for seed in range(given.seed, given.seed + given.seeds):
        seen.add(_play_and_report(f"seed-{seed}", process_plan(seed, given.actions), given.bug))
    print(f"{given.seeds} seeds x {given.actions} actions: {', '.join(sorted(seen))}")
    return exit_code(seen)


if __name__ == "__main__":
    sys.exit(main())
