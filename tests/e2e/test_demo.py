"""The demo in one process: the scenario's truth is what the service ends with, and it is told."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models import Passage
from stream.database import connect
from stream.demo import Demo, Scene
from stream.demo_report import Told
from stream.scenario import load_scenario
from stream.settings import load_settings

SCENARIO = Path(__file__).parents[2] / "config/demo"
MOODS = ("negative", "neutral", "positive")


class Author:
    """Knows the mood each text was written in; what it does not know is neutral."""

    model_hash = "author"

    def __init__(self) -> None:
        pools = load_scenario(SCENARIO).pools
        self._moods = {
            line.text: MOODS.index(line.mood) for texts in pools.values() for line in texts
        }

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        rows = np.full((len(passages), 3), 0.05, np.float32)
        for row, passage in zip(rows, passages, strict=True):
            row[self._moods.get(passage.text, 1)] = 0.9
        return rows


@pytest.mark.timeout(240)
def test_the_crisis_is_told_once_and_the_launch_is_not(
    clickhouse_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alerts are delivered and verified, copies count once, edits and deletions are reflected,
    broken messages are in the DLQ."""
    settings = load_settings(None, web={"port": 0}, windows={"interval": "0.2s"})
    # chDB opens one directory a process: the demo shares the session's, in a database of its own.
    shared = settings.clickhouse.model_copy(update={"path": clickhouse_path, "database": "demo"})
    monkeypatch.setattr(
        Demo,
        "_clickhouse_in",
        lambda _self, _home: shared,
    )
    told: list[Told] = []
    scenes: list[Scene] = []
    demo = Demo(
        settings,
        SCENARIO,
        speed=1800,
        stop=threading.Event(),
        scorer=Author(),
        on_alert=told.append,
        on_scene=scenes.append,
    )
    summary = demo.play(once=True)
    client = connect(shared, "")
    client.command("DROP DATABASE demo")
    client.close()
    assert summary is not None and summary.counts_as_expected, summary
    assert summary.alerts == 1 and {one.brand for one in told} == {"Tavrello"}
    assert told[0].transition == "opened" and told[-1].transition == "resolved"
    assert summary.webhooks_delivered == len(told) and summary.webhooks_refused == 0
    assert summary.deleted == 2 and summary.dead_lettered == 11
    assert summary.seconds_from_deciding_post_to_alert is not None
    assert summary.seconds_from_deciding_post_to_webhook is not None
    assert scenes[0].phase == "baseline"
    assert {"live", "end"} <= {scene.phase for scene in scenes}
