"""What a verdict was made from, kept beside its transition in `alerts.recorded`. Pure.

JSON with a version. It holds all that the detector was given for the one series: its state before
the first minute that could still change, the minutes since, its share of the budget, the rule. The
verdict comes out of it again by the code of production, to the same bits.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from stream.alerting.counted_posts import Fingerprints
from stream.detector.detect import DETECTOR_VERSION
from stream.detector.folds import MINUTE, Judged, Minutes, SeriesKey, judge_from
from stream.detector.verdict import Verdict
from stream.errors import StopService
from stream.rules import WHO_IS_TOLD, Rule


class Recorded(BaseModel):
    """The grounds of one verdict.

    `state` is the series' saved row at `settled_to` (float64, little-endian, base64); `negative`
    and `mentions` are by minute from there to the verdict's end; `closed_to` is up to when minutes
    were closed; `authors` is None where nobody asked, because the incident stood already.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    version: Literal[1] = 1
    detector_version: str
    rule: dict[str, Any]
    brand: str
    topic: str
    closed_to: datetime
    settled_to: datetime
    state: str
    alarms_a_week: float
    negative: tuple[int, ...]
    mentions: tuple[int, ...]
    authors: int | None
    verdict: Verdict
    posts: Fingerprints

    @property
    def series(self) -> SeriesKey:
        return self.brand, self.topic

    def minutes(self) -> Minutes:
        """What was counted."""
        until = self.settled_to + len(self.negative) * MINUTE
        counts = np.array([self.negative, self.mentions], dtype=np.int64)
        return Minutes(self.settled_to, until, {self.series: counts})

    def rule_then(self) -> Rule:
        """Raises StopService where this version reads it no more."""
        try:
            return Rule.model_validate(self.rule)
        except ValidationError as error:
            raise StopService(
                f"the recorded rule cannot be read by this version: {_first_of(error)}; "
                "replay it with the version that wrote it"
            ) from None


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a verdict was made from: one of the series judged, and its authors if they were asked
    for."""

    judged: Judged
    series: int
    authors: int | None


def record(rule: Rule, grounds: Grounds, verdict: Verdict, posts: Fingerprints) -> Recorded:
    """What is kept of the grounds of a verdict."""
    judged, series = grounds.judged, grounds.series
    brand, topic = key = judged.keys[series]
    minutes = judged.minutes
    none = np.zeros((2, (minutes.until - minutes.since) // MINUTE), dtype=np.int64)
    counted = minutes.counts.get(key, none)[:, : (verdict.at - minutes.since) // MINUTE]
    return Recorded(
        detector_version=DETECTOR_VERSION,
        rule=rule.model_dump(mode="json", exclude=WHO_IS_TOLD),
        brand=brand,
        topic=topic,
        closed_to=minutes.until,
        settled_to=minutes.since,
        state=base64.b64encode(judged.began[series].astype("<f8").tobytes()).decode(),
        alarms_a_week=float(judged.alarms_a_week[series]),
        negative=tuple(counted[0].tolist()),
        mentions=tuple(counted[1].tolist()),
        authors=grounds.authors,
        verdict=verdict,
        posts=posts,
    )


def judge_again(recorded: Recorded, minutes: Minutes) -> Verdict:
    """What the detector says at the recorded time on these minutes, which begin where the recorded
    ones do. Who spoke is another question. Raises StopService where this version cannot tell."""
    rule = recorded.rule_then()
    state = np.frombuffer(base64.b64decode(recorded.state), "<f8")[None]
    budget = np.array([recorded.alarms_a_week])
    try:
        _, judged = judge_from(rule, [recorded.series], state, minutes, budget)
        return judged.verdict(judged.times.index(recorded.verdict.at), 0)
    except ValueError as error:
        raise StopService(
            f"what detector {recorded.detector_version} recorded cannot be judged by detector "
            f"{DETECTOR_VERSION}: {error}; replay it with the version that wrote it"
        ) from None


def read_recorded(text: str) -> Recorded:
    """Raises StopService on what another version wrote, or nobody."""
    try:
        return Recorded.model_validate_json(text)
    except ValidationError as error:
        raise StopService(
            f"what was recorded cannot be read by this version: {_first_of(error)}"
        ) from None


def _first_of(error: ValidationError) -> str:
    """The first misfit: its place and what is wrong."""
    first = error.errors(include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
