"""The life of an incident, as a table of verdicts and what is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stream.alerting.incidents import Change, Incident, advance, alert_id
from stream.detector.verdict import Verdict
from stream.rules import Rule

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
RULE = Rule(name="mood")


def at(minute: float, score: float, observed: int = 20, expected: float = 3) -> Verdict:
    """A verdict `minute` minutes after noon."""
    end = NOON + timedelta(minutes=minute)
    return Verdict(
        at=end,
        since=end - timedelta(minutes=5),
        score=score,
        alarm=score >= 0.5,
        reason="share" if score >= 0.5 else "calm",
        observed=observed,
        mentions=observed + 10,
        expected=expected,
        expected_low=0,
        expected_high=2 * expected,
        expected_share=0.2,
        share_evidence=9.0,
        count_evidence=9.0,
    )


def told(*verdicts: Verdict) -> tuple[Incident | None, list[Change]]:
    """The incident and the transitions that a row of verdicts leads to."""
    incident: Incident | None = None
    found = []
    for verdict in verdicts:
        incident, transition = advance(incident, verdict, RULE, "Acme", "")
        if transition:
            found.append(transition)
    return incident, found


CALM = [at(minute, 0.1) for minute in range(5, 41, 5)]


@pytest.mark.parametrize(
    ("name", "verdicts", "names"),
    [
        ("calm tells nothing", [at(0, 0.4), at(5, 0.1)], []),
        ("a standing alarm is told once", [at(0, 0.6), at(1, 0.6), at(40, 0.6)], ["opened"]),
        ("it grew", [at(0, 0.6, 10), at(30, 0.6, 15)], ["opened", "updated"]),
        ("it grew, but was told just now", [at(0, 0.6, 10), at(29, 0.6, 15)], ["opened"]),
        ("more severe", [at(0, 0.6, 20), at(1, 0.6, 70)], ["opened", "escalated"]),
        (
            "never less severe",
            [at(0, 0.6, 70), at(1, 0.6, 20), at(2, 0.6, 70)],
            ["opened"],
        ),
        ("calm long enough", [at(0, 0.6), *CALM], ["opened", "resolved"]),
        ("calm not long enough", [at(0, 0.6), *CALM[:6]], ["opened"]),
        (
            "a score just under the line starts the calm anew",
            [at(0, 0.6), *CALM[:5], at(28, 0.4), at(31, 0.1), at(60, 0.1)],
            ["opened"],
        ),
        (
            "again within the cool-down",
            [at(0, 0.6), *CALM, at(60, 0.7)],
            ["opened", "resolved", "reopened"],
        ),
        ("calm after the end", [at(0, 0.6), *CALM, at(60, 0.1)], ["opened", "resolved"]),
        (
            "again after the cool-down",
            [at(0, 0.6), *CALM, at(120, 0.7)],
            ["opened", "resolved", "opened"],
        ),
    ],
)
def test_what_is_told(name: str, verdicts: list[Verdict], names: list[str]) -> None:
    _, transitions = told(*verdicts)
    assert [transition.transition for transition in transitions] == names, name


def test_steps_count_and_the_id_stays_until_a_new_incident() -> None:
    _, found = told(at(0, 0.6), *CALM, at(60, 0.7, 90), *[at(60 + m, 0.1) for m in (5, 35)])
    assert [transition.incident.step for transition in found] == [1, 2, 3, 4]
    assert {transition.incident.alert_id for transition in found} == {
        alert_id("mood", "Acme", "", NOON)
    }
    assert [t.incident.state for t in found] == ["open", "resolved", "open", "resolved"]
    assert [t.incident.severity for t in found] == ["warning", "warning", "critical", "critical"]


def test_judging_again_what_was_told_repeats_nothing() -> None:
    """As a restart does, and late posts do."""
    verdicts = [at(0, 0.6, 10), at(10, 0.6, 90), *[at(10 + m, 0.1) for m in range(5, 41, 5)]]
    incident, _ = told(*verdicts)
    for verdict in verdicts:
        same, transition = advance(incident, verdict, RULE, "Acme", "")
        assert (same, transition) == (incident, None)


def test_the_id_depends_on_rule_brand_topic_and_minute() -> None:
    whole: dict[str, Any] = {"rule": "r", "brand": "b", "topic": "t", "opened_at": NOON}
    first = alert_id(**whole)
    assert len(first) == 32
    assert first == alert_id(**(whole | {"opened_at": NOON + timedelta(seconds=59)}))
    others = {"rule": "r2", "brand": "b2", "topic": "", "opened_at": NOON + timedelta(minutes=1)}
    assert len({first} | {alert_id(**(whole | {k: v})) for k, v in others.items()}) == 5
    assert alert_id("a", "bc", "", NOON) != alert_id("ab", "c", "", NOON)
