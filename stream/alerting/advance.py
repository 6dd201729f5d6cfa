"""What a verdict makes of an incident: at most one transition, each with a named reason. Pure.

A verdict on a time at or before the watcher's last transition changes nothing, so that judging
again after a restart, or for late posts, repeats nothing.

Who is told: the rule's receivers, unless a silence or quiet hours hold it back. What was held back
is told once they end, if it still stands. Whoever was told that it began is told that it ended,
whatever the hour, or it would stand open for ever where they work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from stream.alerting.incidents import (
    UNACKNOWLEDGED,
    Incident,
    Transition,
    TransitionName,
    after,
    alert_id,
    next_of,
)
from stream.alerting.recorded import Grounds
from stream.alerting.silences import Silence
from stream.detector.verdict import Verdict
from stream.rules import Rule
from stream.severities import Severities, Severity, rank

CALM_BELOW = 0.25  # a score is calm from here down; an alarm begins at 0.5
GROWN = 1.5  # times what was last told
HANDFUL = 3.0  # added to what is expected, so that five instead of none is no catastrophe


@dataclass(frozen=True, slots=True)
class Change:
    """A transition, the verdict that made it, if one did, and what that was made from."""

    row: Transition
    verdict: Verdict | None
    grounds: Grounds | None = None

    @property
    def tells_alarm(self) -> bool:
        """Whether it tells the figures of an alarm, and not of a silence or a deadline that came
        with it."""
        verdict, told = self.verdict, (self.row.observed, self.row.expected)
        return bool(verdict and verdict.alarm and told == (verdict.observed, verdict.expected))


def severity(verdict: Verdict, limits: Severities) -> Severity:
    """How severe, by how many times the usual number of negative mentions there are."""
    times = verdict.observed / (verdict.expected + HANDFUL)
    if times >= limits.critical:
        return "critical"
    return "high" if times >= limits.high else "warning"


def advance(
    incident: Incident | None,
    verdict: Verdict,
    rule: Rule,
    brand: str,
    topic: str,
    silence: Silence | None = None,
) -> tuple[Incident | None, Change | None]:
    """The incident after this verdict, and the transition if there is one.

    `incident` is the last one of the rule, brand and topic, standing or resolved, or None;
    `silence` one that covers them at the time of the verdict.
    """
    if incident is None or is_over(incident, verdict.at, rule):
        if not verdict.alarm:
            return incident, None
        return _told(None, _opened(verdict, rule, brand, topic, silence), verdict)
    if verdict.at <= incident.judged_at:
        return incident, None
    if incident.resolved:
        again = _news("reopened", verdict.reason, incident, verdict, rule, silence)
        return _told(incident, again, verdict) if verdict.alarm else (incident, None)
    stands = _still(incident, verdict)
    row = _happened(stands, verdict, rule, silence)
    return _told(stands, row, verdict) if row else (stands, None)


def is_over(incident: Incident, at: datetime, rule: Rule) -> bool:
    """Whether it ended so long ago that what comes now is a new incident."""
    return incident.resolved and at > incident.judged_at + rule.cool_down


def whom(rule: Rule, severity: Severity, at: datetime, silence: Silence | None) -> tuple[str, ...]:
    """Who is told now of something this severe: nobody in a silence or in quiet hours."""
    held = silence is not None or rule.is_quiet(at, severity)
    return () if held else rule.receivers


def _still(incident: Incident, verdict: Verdict) -> Incident:
    """The incident with its calm counted: a score just under the line does not count as calm."""
    calm = verdict.score <= CALM_BELOW
    return replace(incident, calm_since=(incident.calm_since or verdict.at) if calm else None)


def _happened(
    incident: Incident, verdict: Verdict, rule: Rule, silence: Silence | None
) -> Transition | None:
    """What is to be told of a standing incident: one thing, the most important first."""
    return (
        _end(incident, verdict, rule, silence)
        or hush(incident, verdict.at, rule, silence)
        or _growth(incident, verdict, rule, silence)
        or (None if silence else catching_up(incident, verdict.at, rule))
    )


def _end(
    incident: Incident, verdict: Verdict, rule: Rule, silence: Silence | None
) -> Transition | None:
    if not incident.calm_since or verdict.at - incident.calm_since < rule.resolve_after:
        return None
    row = _news("resolved", "calm", incident, verdict, rule, silence)
    return replace(row, receivers=incident.told)


def hush(
    incident: Incident, at: datetime, rule: Rule, silence: Silence | None
) -> Transition | None:
    """A silence that begins to cover it, or does no longer."""
    if silence and not incident.silenced:
        by, why = silence.actor, silence.comment
        return next_of(incident, "silenced", "silence", at, (), actor=by, comment=why)
    if incident.silenced and not silence:
        told = whom(rule, incident.severity, at, None)
        return next_of(incident, "unsilenced", "silence_over", at, told)
    return None


def _growth(
    incident: Incident, verdict: Verdict, rule: Rule, silence: Silence | None
) -> Transition | None:
    if not verdict.alarm:
        return None
    if rank(severity(verdict, rule.severities)) > rank(incident.severity):
        return _news("escalated", "severity", incident, verdict, rule, silence)
    grown = verdict.observed >= GROWN * incident.observed
    if grown and verdict.at - incident.judged_at >= rule.update_every:
        return _news("updated", "grown", incident, verdict, rule, silence)
    return None


def catching_up(incident: Incident, at: datetime, rule: Rule) -> Transition | None:
    """News that were held back, or the next step of an escalation that is due."""
    if incident.calm_since or rule.is_quiet(at, incident.severity):
        return None
    if incident.untold and rule.receivers:
        return next_of(incident, "updated", "not_told_before", at, rule.receivers)
    if incident.acknowledged_by or incident.reminders >= len(rule.escalation):
        return None
    due = rule.escalation[incident.reminders]
    if at - incident.began_at < due.after:
        return None
    return next_of(incident, "escalated", UNACKNOWLEDGED, at, due.receivers)


def _opened(
    verdict: Verdict, rule: Rule, brand: str, topic: str, silence: Silence | None
) -> Transition:
    """The first transition of an incident. Its group is found when it is written."""
    severe = severity(verdict, rule.severities)
    return Transition(
        alert_id=alert_id(rule.name, brand, topic, verdict.at),
        step=1,
        transition="opened",
        kind="mood",
        reason=verdict.reason,
        actor="",
        comment="",
        rule=rule.name,
        brand=brand,
        topic=topic,
        state="open",
        severity=severe,
        opened_at=verdict.at,
        changed_at=verdict.at,
        observed=verdict.observed,
        expected=verdict.expected,
        receivers=whom(rule, severe, verdict.at, silence),
        group_key="",
    )


def _news(
    name: TransitionName,
    reason: str,
    incident: Incident,
    verdict: Verdict,
    rule: Rule,
    silence: Silence | None,
) -> Transition:
    """A transition with the verdict's figures; the severity never falls."""
    severe = max(incident.severity, severity(verdict, rule.severities), key=rank)
    told = whom(rule, severe, verdict.at, silence)
    return replace(
        next_of(incident, name, reason, verdict.at, told),
        severity=severe,
        observed=verdict.observed,
        expected=verdict.expected,
    )


def _told(incident: Incident | None, row: Transition, verdict: Verdict) -> tuple[Incident, Change]:
    return after(incident, row), Change(row, verdict)
