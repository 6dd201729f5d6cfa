"""The life of an incident: open, resolved, and what is told in between. Pure.

An incident is the fold of its transition rows (DESIGN §4). One verdict leads to at most one
transition, each with a named reason:

    opened      nothing stood, and the verdict alarms
    escalated   the severity rose; never falls while the incident lasts
    updated     it grew by half since last told, and was last told long enough ago
    resolved    calm for `resolve_after`; a score just under the line does not count as calm
    reopened    it alarms again within the cool-down: the same incident goes on, under its old id

A verdict on a time at or before the last transition changes nothing, so that judging again after a
restart, or for late posts, repeats nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from stream.detector.verdict import Verdict
from stream.rules import Rule
from stream.severities import SEVERITIES, Severities, Severity

State = Literal["open", "resolved"]
TransitionName = Literal["opened", "updated", "escalated", "resolved", "reopened"]

CALM_BELOW = 0.25  # a score is calm from here down; an alarm begins at 0.5
GROWN = 1.5  # times what was last told
HANDFUL = 3.0  # added to what is expected, so that five instead of none is no catastrophe


@dataclass(frozen=True, slots=True)
class Incident:
    """Where an incident stands after transition number `step`.

    `observed` and `expected` are of the last transition. `calm_since` is kept between verdicts
    and not stored: a restart starts counting calm anew.
    """

    alert_id: str
    rule: str
    brand: str
    topic: str
    step: int
    state: State
    severity: Severity
    opened_at: datetime
    changed_at: datetime
    observed: float
    expected: float
    calm_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A transition: what happened, where it leads, and the verdict that made it."""

    transition: TransitionName
    incident: Incident
    verdict: Verdict


def alert_id(rule: str, brand: str, topic: str, opened_at: datetime) -> str:
    """32 hexadecimal digits, the same wherever and whenever it is worked out."""
    minute = opened_at.astimezone(UTC).replace(second=0, microsecond=0).isoformat()
    text = "\x1f".join((rule, brand, topic, minute))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def severity(verdict: Verdict, limits: Severities) -> Severity:
    """How severe, by how many times the usual number of negative mentions there are."""
    times = verdict.observed / (verdict.expected + HANDFUL)
    if times >= limits.critical:
        return "critical"
    return "high" if times >= limits.high else "warning"


def advance(
    incident: Incident | None, verdict: Verdict, rule: Rule, brand: str, topic: str
) -> tuple[Incident | None, Change | None]:
    """The incident after this verdict, and the transition if there is one to tell.

    `incident` is the last one of the rule, brand and topic, open or resolved, or None.
    """
    if incident is None or _is_over(incident, verdict, rule):
        return _open(verdict, rule, brand, topic) if verdict.alarm else (incident, None)
    if verdict.at <= incident.changed_at:
        return incident, None
    if incident.state == "resolved":
        return _tell("reopened", incident, verdict, rule) if verdict.alarm else (incident, None)
    if verdict.score > CALM_BELOW:
        stands = replace(incident, calm_since=None)
        name = _news(stands, verdict, rule) if verdict.alarm else None
        return _tell(name, stands, verdict, rule) if name else (stands, None)
    calm_since = incident.calm_since or verdict.at
    if verdict.at - calm_since >= rule.resolve_after:
        return _tell("resolved", incident, verdict, rule)
    return replace(incident, calm_since=calm_since), None


def _is_over(incident: Incident, verdict: Verdict, rule: Rule) -> bool:
    """Whether it ended so long ago that a new alarm is a new incident."""
    return incident.state == "resolved" and verdict.at > incident.changed_at + rule.cool_down


def _news(incident: Incident, verdict: Verdict, rule: Rule) -> TransitionName | None:
    """Whether a standing alarm has something new to tell."""
    if _rank(severity(verdict, rule.severities)) > _rank(incident.severity):
        return "escalated"
    grown = verdict.observed >= GROWN * incident.observed
    if grown and verdict.at - incident.changed_at >= rule.update_every:
        return "updated"
    return None


def _open(verdict: Verdict, rule: Rule, brand: str, topic: str) -> tuple[Incident, Change]:
    incident = Incident(
        alert_id=alert_id(rule.name, brand, topic, verdict.at),
        rule=rule.name,
        brand=brand,
        topic=topic,
        step=1,
        state="open",
        severity=severity(verdict, rule.severities),
        opened_at=verdict.at,
        changed_at=verdict.at,
        observed=verdict.observed,
        expected=verdict.expected,
    )
    return incident, Change("opened", incident, verdict)


def _tell(
    name: TransitionName, incident: Incident, verdict: Verdict, rule: Rule
) -> tuple[Incident, Change]:
    now = severity(verdict, rule.severities)
    after = replace(
        incident,
        step=incident.step + 1,
        state="resolved" if name == "resolved" else "open",
        severity=max(incident.severity, now, key=_rank),
        changed_at=verdict.at,
        observed=verdict.observed,
        expected=verdict.expected,
        calm_since=None,
    )
    return after, Change(name, after, verdict)


def _rank(name: Severity) -> int:
    return SEVERITIES.index(name)
