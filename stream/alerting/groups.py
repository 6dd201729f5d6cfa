"""Which incidents belong together: one group key for a brand and its topics, or for one storm over
many brands. Pure.

An incident gets its key as it opens and keeps it. It joins the group of an incident of its brand
that stands, or ended within the cool-down; else that of another brand's, if at least half of its
own posts name that brand too; else it begins a group, named by its id. Transitions are looked at in
the order of time, so the same ones give the same keys, whoever watches and however often.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stream.alerting.incidents import Incident, Transition

MOST = 0.5  # of an incident's posts name the other brand: it is one storm


@dataclass(frozen=True, slots=True)
class _Member:
    """An incident; `ended_at` is None while it stands."""

    brand: str
    group_key: str
    opened_at: datetime
    ended_at: datetime | None


class Groups:
    """The groups of what stood before some transitions, and of what they open."""

    def __init__(self, incidents: Iterable[Incident]) -> None:
        self._members = {
            one.alert_id: _Member(
                one.brand,
                one.group_key or one.alert_id,  # it may have opened before there were groups
                one.opened_at,
                one.judged_at if one.resolved else None,
            )
            for one in incidents
        }

    def joined(
        self, row: Transition, named: Mapping[str, int], posts: int, cool_down: timedelta
    ) -> Transition:
        """The transition with its incident's group key; to be asked in the order of time.

        `named`: how many of the incident's `posts` name each other brand.
        """
        member = self._members.get(row.alert_id)
        if member is None:
            key = row.group_key or self._found(row, named, posts, cool_down)
            member = _Member(row.brand, key, row.opened_at, None)
        ended_at = row.changed_at if row.state == "resolved" else None
        self._members[row.alert_id] = replace(member, ended_at=ended_at)
        return replace(row, group_key=member.group_key)

    def _found(
        self, row: Transition, named: Mapping[str, int], posts: int, cool_down: timedelta
    ) -> str:
        # The brand itself before others, then the oldest: there is one answer.
        joinable = [
            (one.brand != row.brand, one.opened_at, alert_id, one.group_key)
            for alert_id, one in self._members.items()
            if (one.ended_at is None or row.opened_at <= one.ended_at + cool_down)
            and (one.brand == row.brand or named.get(one.brand, 0) >= MOST * posts > 0)
        ]
        return min(joinable)[-1] if joinable else row.alert_id
