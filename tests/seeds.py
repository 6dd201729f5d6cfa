"""The detector on made series: `python -m tests.seeds FOLDER… [--sensitivity 0.25]`

Each folder is one that ../shared/tools/make_spikes.py wrote. All series of a folder are stepped at
once, by the code of production, and the rising edges of what stands are scored as
../shared/tools/score_spikes.py scores a column `alert`: that tool reads what is written here.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from stream.detect_csv import rule_for
from stream.detector.detect import step
from stream.detector.folds import limits_of
from stream.detector.moment import Counts
from stream.detector.state import State

STEP = timedelta(minutes=5)
SCORER = Path(__file__).parents[2] / "shared/tools/score_spikes.py"


def judge(folder: Path, out: Path, sensitivity: float) -> None:
    """Write timestamp,value,alert of each series of the folder to `out`."""
    series = {file.stem: list(csv.DictReader(file.open())) for file in sorted(folder.glob("*.csv"))}
    first = min(datetime.fromisoformat(rows[0]["timestamp"]) for rows in series.values())
    places = {
        name: [round((datetime.fromisoformat(row["timestamp"]) - first) / STEP) for row in rows]
        for name, rows in series.items()
    }
    steps = max(place[-1] for place in places.values()) + 1
    negative, mentions = np.zeros((2, steps, len(series)))
    known = np.zeros((steps, len(series)), np.bool_)
    for number, (name, rows) in enumerate(series.items()):
        negative[places[name], number] = [float(row["value"]) for row in rows]
        mentions[places[name], number] = [float(row["total"]) for row in rows]
        known[places[name], number] = True
    state, bare = State.new(len(series)), np.zeros(len(series), np.bool_)
    limits = limits_of(rule_for(STEP, sensitivity), np.full(len(series), sensitivity))
    start = first.replace(tzinfo=UTC)
    stands = np.array(
        [
            step(
                state,
                start + (at + 1) * STEP,
                Counts(negative[at], mentions[at], bare, known[at]),
                limits,
            ).stands
            for at in range(steps)
        ]
    )
    for number, (name, rows) in enumerate(series.items()):
        with (out / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("timestamp", "value", "anomaly_score", "alert"))
            writer.writerows(
                (row["timestamp"], row["value"], 0, int(stands[place, number]))
                for row, place in zip(rows, places[name], strict=True)
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--sensitivity", type=float, default=0.25)
    given = parser.parse_args()
    caught, crises, false, delays = 0, 0, [], []
    for folder in given.folders:
        with tempfile.TemporaryDirectory() as out:
            judge(folder, Path(out), given.sensitivity)
            command = [sys.executable, str(SCORER), str(folder / "labels.json"), out]
            found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        print(folder, found, flush=True)
        of = [int(part) for part in found["caught"].split("/")]
        caught, crises = caught + of[0], crises + of[1]
        false.append(found["false_alarms_per_week"])
        delays.append(found["median_delay_min"])
    print(
        json.dumps(
            {
                "recall": round(caught / crises, 4) if crises else None,
                "caught": f"{caught}/{crises}",
                "false_alarms_per_week": round(sum(false) / len(false), 3),
                "median_delay_min": delays,
            }
        )
    )


if __name__ == "__main__":
    main()
