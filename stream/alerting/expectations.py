"""What each step expected, for the band that the board and Grafana draw around a series.

Means and variances of steps add up; their ends do not, so whoever draws wider steps makes the ends
anew (stream/detector/usual_counts.py).

One row per rule, series and step, at the step's first minute: written when the step is judged,
and once more when it is settled if late posts have moved it. Series not heard of for a day have no
chart to draw a band into, and are left out. Writing the same again changes nothing, so a crash
between two writes is mended by the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from stream.alerting.minutes import heard_of
from stream.database import Client, errors_sorted
from stream.detector.folds import Judged, SeriesKey
from stream.detector.usual_counts import usual_counts
from stream.rules import Rule

DRAWN = timedelta(days=1)
"""A series is drawn for this long after its last mention; what is settled later is not drawn."""

Bands = npt.NDArray[np.float32]
"""FIGURES of steps and series: shape (5, steps, series)."""

FIGURES = (
    "expected_low", "expected_high", "expected", "expected_variance", "anomaly_score",
)  # fmt: skip

_STORED = f"""
SELECT brand, topic, minute, {", ".join(FIGURES)} FROM expectations FINAL
WHERE rule = {{rule:String}}
    AND minute >= {{since:DateTime('UTC')}} AND minute < {{until:DateTime('UTC')}}
SETTINGS max_execution_time = {{limit:UInt32}}"""

_COLUMNS = ("rule", "brand", "topic", "minute", *FIGURES)


def bands(judged: Judged) -> Bands:
    """As they are stored."""
    mean, variance, novelty = (
        np.array([getattr(look, name) for look in judged.looks])
        for name in ("mean", "variance", "novelty")
    )
    rows = [*usual_counts(mean, variance), mean, variance, novelty]
    return np.array(rows, np.float32).reshape(len(FIGURES), len(judged.looks), len(judged.keys))


class Expectations:
    """Writes `expectations`, for one thread. Its methods raise RetryLater."""

    def __init__(self, client: Client, limit: int) -> None:
        self._client = client
        self._limit = limit
        self._heard: dict[str, tuple[datetime, set[SeriesKey]]] = {}

    def tell(self, rule: Rule, judged: Judged, begin: datetime) -> None:
        """Write the steps that end at `begin` or later: those judged for the first time."""
        if judged.times:
            whom = self._drawn(rule, judged)
            new = np.array([time >= begin for time in judged.times])
            self._write(rule, judged, bands(judged), whom & new[:, None])

    def settle(self, rule: Rule, judged: Judged, now: datetime) -> None:
        """Write the final values of steps at most a day old, where others are stored or none."""
        final = np.array([time > now - DRAWN for time in judged.times], np.bool_)
        if not final.any():
            return
        told, whom = bands(judged), self._drawn(rule, judged)
        changed = (told != self._stored(rule, judged)).any(0)
        self._write(rule, judged, told, changed & whom & final[:, None])

    def _drawn(self, rule: Rule, judged: Judged) -> npt.NDArray[np.bool_]:
        """Which series are heard of in these minutes, or were in the day before: that is asked
        for once an hour."""
        hour = judged.times[-1].replace(minute=0, second=0, microsecond=0)
        asked, heard = self._heard.get(rule.name, (None, set()))
        if asked != hour:
            heard = heard_of(self._client, rule, hour - DRAWN, hour, self._limit)
            self._heard[rule.name] = (hour, heard)
        return np.array(
            [key in heard or key in judged.minutes.counts for key in judged.keys], np.bool_
        )

    def _stored(self, rule: Rule, judged: Judged) -> Bands:
        """What stands in the database for the same steps; NaN, equal to nothing, where none."""
        first, end = judged.times[0] - judged.size, judged.times[-1]
        values = {"rule": rule.name, "since": first, "until": end, "limit": self._limit}
        with errors_sorted():
            rows = self._client.query(_STORED, parameters=values).result_rows
        column = {key: number for number, key in enumerate(judged.keys)}
        found = np.full((len(FIGURES), len(judged.times), len(judged.keys)), np.nan, np.float32)
        for brand, topic, minute, *band in rows:
            step, rest = divmod(minute - first, judged.size)
            if not rest and (brand, topic) in column:
                found[:, step, column[brand, topic]] = band
        return found

    def _write(self, rule: Rule, judged: Judged, told: Bands, which: npt.NDArray[np.bool_]) -> None:
        steps, series = which.nonzero()
        if not len(steps):
            return
        keys = [judged.keys[number] for number in series.tolist()]
        columns: list[Sequence[Any]] = [
            [rule.name] * len(keys),
            [brand for brand, _ in keys],
            [topic for _, topic in keys],
            [judged.times[number] - judged.size for number in steps.tolist()],
            *(band[steps, series].tolist() for band in told),
        ]
        with errors_sorted():
            self._client.insert(
                "expectations", columns, column_names=_COLUMNS, column_oriented=True
            )
