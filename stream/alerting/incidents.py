"""An incident is the fold of its transitions (DESIGN §4). Pure.

The watcher's transitions follow from verdicts (`advance`), people's from what they do (`acts`).
Both are rows of one table, and each says where the incident stands after it:

    opened        the watcher saw a spike
    escalated     the severity rose (`severity`), or nobody acknowledged it (`unacknowledged`)
    updated       it grew, or is told now because it could not be told before (`not_told_before`)
    resolved      it ended (`calm`), or nobody watches it any more (`rule_removed`)
    reopened      it came back within the cool-down: the same incident goes on, under its old id
    silenced      a silence began to cover it; `actor` is whose
    unsilenced    the silence ended
    acknowledged  `actor` has taken it
    commented     `actor` has said something
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from stream.severities import Severity

Kind = Literal["mood", "no_data"]
State = Literal["open", "acknowledged", "silenced", "resolved"]
TransitionName = Literal[
    "opened",
    "updated",
    "escalated",
    "resolved",
    "reopened",
    "silenced",
    "unsilenced",
    "acknowledged",
    "commented",
]
BY_PEOPLE: frozenset[TransitionName] = frozenset({"acknowledged", "commented"})
_NEWS: frozenset[TransitionName] = frozenset({"opened", "updated", "escalated", "reopened"})
UNACKNOWLEDGED = "unacknowledged"


@dataclass(frozen=True, slots=True)
class Transition:
    """What happened to an incident, and where it stands after it: a row of `alerts`.

    `reason` is why, by name; `actor` who did it, '' for the watcher; `receivers` who is told.
    `observed` and `expected` are negative mentions. `changed_at` is the service's time: a verdict's
    end for the watcher, the moment of the act for people.
    """

    alert_id: str
    step: int
    transition: TransitionName
    kind: Kind
    reason: str
    actor: str
    comment: str
    rule: str
    brand: str
    topic: str
    state: State
    severity: Severity
    opened_at: datetime
    changed_at: datetime
    observed: float
    expected: float
    receivers: tuple[str, ...]
    group_key: str

    @property
    def by_people(self) -> bool:
        return self.transition in BY_PEOPLE


@dataclass(frozen=True, slots=True)
class Incident:
    """Where an incident stands after its transitions so far.

    `judged_at`, `observed` and `expected` are of the watcher's last transition. `told` are those
    who were told since it began last, `untold` whether its last news were held back, `reminders`
    how often it escalated for want of an acknowledgement. `calm_since` is kept between verdicts and
    not stored: a restart starts counting calm anew.
    """

    alert_id: str
    kind: Kind
    rule: str
    brand: str
    topic: str
    group_key: str
    step: int
    resolved: bool
    severity: Severity
    opened_at: datetime
    judged_at: datetime
    observed: float
    expected: float
    began_at: datetime
    acknowledged_by: str = ""
    silenced: bool = False
    told: tuple[str, ...] = ()
    untold: bool = False
    reminders: int = 0
    calm_since: datetime | None = None

    @property
    def state(self) -> State:
        """In one word; what hides the rest comes first."""
        if self.resolved:
            return "resolved"
        if self.silenced:
            return "silenced"
        return "acknowledged" if self.acknowledged_by else "open"


def alert_id(rule: str, brand: str, topic: str, opened_at: datetime) -> str:
    """32 hexadecimal digits, the same wherever and whenever it is worked out."""
    minute = opened_at.astimezone(UTC).replace(second=0, microsecond=0).isoformat()
    text = "\x1f".join((rule, brand, topic, minute))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def after(incident: Incident | None, row: Transition) -> Incident:
    """The incident once this has happened to it."""
    if incident is None:
        incident = Incident(
            alert_id=row.alert_id,
            kind=row.kind,
            rule=row.rule,
            brand=row.brand,
            topic=row.topic,
            group_key=row.group_key,
            step=row.step,
            resolved=False,
            severity=row.severity,
            opened_at=row.opened_at,
            judged_at=row.changed_at,
            observed=row.observed,
            expected=row.expected,
            began_at=row.changed_at,
        )
    name = row.transition
    if name == "reopened":
        incident = replace(
            incident, acknowledged_by="", told=(), reminders=0, began_at=row.changed_at
        )
    if not row.by_people:
        incident = replace(
            incident,
            judged_at=row.changed_at,
            severity=row.severity,
            observed=row.observed,
            expected=row.expected,
            resolved=name == "resolved",
            calm_since=None if name in _NEWS or name == "resolved" else incident.calm_since,
        )
    new = tuple(one for one in row.receivers if one not in incident.told)
    return replace(
        incident,
        step=row.step,
        told=incident.told + new,
        untold=not row.receivers if name in (*_NEWS, "unsilenced") else incident.untold,
        acknowledged_by=row.actor if name == "acknowledged" else incident.acknowledged_by,
        silenced=name == "silenced" or (incident.silenced and name != "unsilenced"),
        reminders=incident.reminders + (row.reason == UNACKNOWLEDGED),
    )


def fold(rows: Iterable[Transition]) -> Incident | None:
    """The incident of these rows, whatever their order; None of none.

    A person and the watcher may have written the same step at the same time: both count.
    """
    incident = None
    for row in sorted(
        rows, key=lambda row: (row.step, row.transition in BY_PEOPLE, row.changed_at)
    ):
        incident = after(incident, row)
    return incident


def next_of(
    incident: Incident,
    transition: TransitionName,
    reason: str,
    changed_at: datetime,
    receivers: tuple[str, ...],
    *,
    actor: str = "",
    comment: str = "",
) -> Transition:
    """A next transition of an incident that changes none of its figures; it says where the incident
    stands after it."""
    row = Transition(
        alert_id=incident.alert_id,
        step=incident.step + 1,
        transition=transition,
        kind=incident.kind,
        reason=reason,
        actor=actor,
        comment=comment,
        rule=incident.rule,
        brand=incident.brand,
        topic=incident.topic,
        state="open",
        severity=incident.severity,
        opened_at=incident.opened_at,
        changed_at=changed_at,
        observed=incident.observed,
        expected=incident.expected,
        receivers=receivers,
        group_key=incident.group_key,
    )
    return replace(row, state=after(incident, row).state)
