"""Whether this machine still does what it did, by ratios that hold on others too.

usage: python -m tests.bench_guard [--record]

Runs the cheap parts of `undertone bench`, small, and compares each ratio with the one stored in
tests/bench_guard.json for processors with VNNI or without. Exit code 1 where one is worse by more
than a fifth; `--record` stores what is found instead.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

STORED = Path(__file__).with_suffix(".json")
WORSE = 0.2

RUNS = (
    ("engine", "limit", "--size", "0.2", "--repeats", "3"),
    ("service", "host", "stages", "match", "--size", "0.5", "--repeats", "3"),
    ("windows", "--size", "0.01", "--repeats", "5"),
)

Ratios = dict[str, tuple[float, bool]]
"""Value by name, and whether less is better."""


def ratios(parts: Iterable[Mapping[str, Any]]) -> Ratios:
    """What of the parts does not hang on how quick the machine is."""
    found: Ratios = {}
    medians = {}
    for part in parts:
        for bar in part["bars"]:
            if bar["unit"] == "":
                found[f"{part['part']}: {bar['name']}"] = bar["value"], bar["at_most"]
        for figure in part["figures"]:
            medians[part["part"], figure["name"]] = figure["median"]
    if ("host", "whole service") in medians and ("stages", "decode") in medians:
        share = medians["host", "whole service"] / medians["stages", "decode"]
        found["host: whole service / decoding alone"] = share, False
    return found


def worse(stored: Mapping[str, float], found: Ratios) -> list[str]:
    """A line for each ratio that is worse than the stored one by more than a fifth, or gone."""
    lines = []
    for name, before in stored.items():
        if name not in found:
            lines.append(f"{name}: not measured any more; run with --record if that is meant")
            continue
        now, less_is_better = found[name]
        limit = before * (1 + WORSE) if less_is_better else before * (1 - WORSE)
        if (now > limit) if less_is_better else (now < limit):
            lines.append(f"{name}: {now:.3g}, was {before:.3g}")
    return lines


def _measured() -> list[dict[str, Any]]:
    parts = []
    for names in RUNS:
        command = [sys.executable, "-m", "stream", "bench", *names, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        if not done.stdout:
            raise SystemExit(f"undertone bench {' '.join(names)} said nothing")
        parts += json.loads(done.stdout)
    return parts


def main() -> int:
    from stream.bench.engine import has_vnni

    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--record", action="store_true", help="store what is found")
    record = options.parse_args().record
    kind = "with VNNI" if has_vnni() else "without VNNI"
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    if not record and kind not in stored:
        print(f"nothing is stored for processors {kind}: record it first (RECORD=1)")
        return 2
    found = ratios(_measured())
    for name, (value, _) in found.items():
        before = stored.get(kind, {}).get(name)
        print(f"{name}: {value:.3g}" + (f" (stored {before:.3g})" if before else ""))
    if record:
        stored[kind] = {name: round(value, 3) for name, (value, _) in found.items()}
        STORED.write_text(json.dumps(stored, indent=1) + "\n")
        return 0
    lines = worse(stored[kind], found)
    print("\n".join(f"WORSE {line}" for line in lines) or "nothing is worse by more than a fifth")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
