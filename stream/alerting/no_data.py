"""The life of an alert that tells that nothing is known, as of any incident. Pure.

It opens when a condition stands, ends when data has been back for `resolve_after`, and goes on
under its old id where it stands again within the cool-down. A look that cannot tell is no end, and
none that has heard nothing since: habits are learnt anew each hour, and a silence is not one yet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stream.alerting.advance import catching_up, hush, is_over, whom
from stream.alerting.conditions import Condition, length
from stream.alerting.incidents import Incident, Transition, after, alert_id, next_of
from stream.alerting.silences import Silence
from stream.rules import NO_DATA, Rule


@dataclass(frozen=True, slots=True)
class Told:
    """A transition and its evidence, as JSON."""

    row: Transition
    evidence: str


def live(
    incident: Incident | None,
    condition: Condition,
    rule: Rule,
    now: datetime,
    silence: Silence | None = None,
) -> tuple[Incident | None, Told | None]:
    """The incident after this look, and the transition if there is one.

    `incident` is the last one of the same subject, standing or resolved, or None; `silence` is one
    of people, that covers the subject now.
    """
    if incident is None or is_over(incident, now, rule):
        row = _opened(condition, rule, now, silence) if condition.stands else None
        return (incident, None) if row is None else _told(None, row, condition)
    if now <= incident.judged_at:
        return incident, None
    if incident.resolved:
        if not condition.stands:
            return incident, None
        again = next_of(incident, "reopened", condition.reason, now, ())
        receivers = whom(rule, incident.severity, now, silence)
        again = replace(again, expected=condition.expected, receivers=receivers)
        return _told(incident, again, condition)
    back = condition.stands is False and condition.since > incident.judged_at
    back_since = (incident.calm_since or now) if back else None
    incident = replace(incident, calm_since=back_since)
    if back_since is not None and now - back_since >= rule.resolve_after:
        end = next_of(incident, "resolved", "data_is_back", now, incident.told)
        return _told(incident, end, condition)
    held = hush(incident, now, rule, silence)
    row = held or (None if silence else catching_up(incident, now, rule))
    return _told(incident, row, condition) if row else (incident, None)


def given_up(incident: Incident, now: datetime) -> Told:
    """The end of one whose subject is watched no more, or it would stand for ever."""
    return Told(next_of(incident, "resolved", "rule_removed", now, incident.told), "")


def _opened(condition: Condition, rule: Rule, now: datetime, silence: Silence | None) -> Transition:
    return Transition(
        alert_id=alert_id(NO_DATA, condition.brand, condition.topic, now),
        step=1,
        transition="opened",
        kind="no_data",
        reason=condition.reason,
        actor="",
        comment="",
        rule=NO_DATA,
        brand=condition.brand,
        topic=condition.topic,
        state="open",
        severity=condition.severity,
        opened_at=now,
        changed_at=now,
        observed=0.0,
        expected=condition.expected,
        receivers=whom(rule, condition.severity, now, silence),
        group_key=NO_DATA,
    )


def _told(before: Incident | None, row: Transition, condition: Condition) -> tuple[Incident, Told]:
    incident = after(before, row)
    says = condition.says
    if row.transition == "resolved":
        says = f"data is back; nothing was known for {length(row.changed_at - incident.opened_at)}"
    evidence = {
        "condition": condition.reason,
        "since": condition.since.isoformat(),
        "until": row.changed_at.isoformat(),
        "minutes": (row.changed_at - condition.since) // timedelta(minutes=1),
        "summary": says,
        **condition.facts,
    }
    return incident, Told(row, json.dumps(evidence, ensure_ascii=False))
