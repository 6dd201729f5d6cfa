"""What one step says of one series, in the words of a rule and an incident. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stream.detector.detect import JUST_NOT, REASONS, Look, Reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one step says of one series.

    Counts are of the rise that the evidence is of, in [`since`, `at`); `expected_low` and
    `expected_high` hold 95 % of usual negative counts over that time. `score` is in 0..1 and
    comparable across series; an alarm begins at 0.5. The two kinds of evidence are logarithms: how
    much better a rise explains what was counted than no rise does.
    """

    at: datetime
    since: datetime
    score: float
    alarm: bool
    reason: Reason
    observed: int
    mentions: int
    expected: float
    expected_low: float
    expected_high: float
    expected_share: float
    share_evidence: float
    count_evidence: float


def verdict(look: Look, series: int, at: datetime, size: timedelta) -> Verdict:
    """One series of a look at steps of this size."""
    expected = float(look.expected[series])
    spread = 1.96 * math.sqrt(expected + float(look.wander[series]) * expected**2)
    return Verdict(
        at=at,
        since=at - max(1, round(float(look.steps[series]))) * size,
        score=float(look.score[series]),
        alarm=bool(look.alarm[series]),
        reason=REASONS[int(look.reason[series])],
        observed=round(float(look.negative[series])),
        mentions=round(float(look.mentions[series])),
        expected=expected,
        expected_low=max(0.0, expected - spread),
        expected_high=expected + spread,
        expected_share=float(look.share[series]),
        share_evidence=float(look.share_evidence[series]),
        count_evidence=float(look.count_evidence[series]),
    )


def heard_from(verdict: Verdict, authors: int, fewest: int) -> Verdict:
    """The verdict once it is known how many distinct authors the negative mentions are by.

    Asked only of alarms, because counting authors is the dearer question.
    """
    if not verdict.alarm or authors >= fewest:
        return verdict
    return replace(verdict, alarm=False, reason="few_authors", score=min(verdict.score, JUST_NOT))
