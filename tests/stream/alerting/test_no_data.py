"""An alert that nothing is known opens once, is not ended by a look that cannot tell, and ends."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.alerting.conditions import Condition
from stream.alerting.incidents import Incident, Transition, fold
from stream.alerting.no_data import Told, given_up, live
from stream.alerting.silences import Silence
from stream.receivers import Receiver
from stream.rules import NoData, Rule, Rules

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULE = NoData(receivers=("ops",), resolve_after="5m", cool_down="1h")
SILENT = Condition(
    "", "source:weibo", True, "silent", NOON - 20 * MINUTE, "nothing from weibo", 61.0, "warning"
)


class Story:
    """Looks at one subject, a minute apart."""

    def __init__(self, rule: NoData = RULE) -> None:
        self.rule = rule.life
        self.now = NOON
        self.incident: Incident | None = None
        self.told: list[Told] = []

    def look(self, *stands: bool | None, silence: Silence | None = None) -> list[Transition]:
        """What is told in these looks."""
        before = len(self.told)
        for one in stands:
            self.now += MINUTE
            heard = self.now - MINUTE / 2 if one is False else SILENT.since
            seen = replace(SILENT, stands=one, since=heard)
            self.incident, told = live(self.incident, seen, self.rule, self.now, silence)
            self.told += [told] if told else []
        return [one.row for one in self.told[before:]]


def names(rows: list[Transition]) -> list[str]:
    return [row.transition for row in rows]


def test_it_opens_once_and_ends_when_data_has_been_back_for_a_while() -> None:
    story = Story()
    (opened,) = story.look(None, False, True, True, None, True)
    assert (opened.transition, opened.kind, opened.rule, opened.topic) == (
        "opened",
        "no_data",
        "no data",
        "source:weibo",
    )
    assert (opened.severity, opened.receivers, opened.reason) == ("warning", ("ops",), "silent")
    (resolved,) = story.look(*[False] * 8)
    assert (resolved.transition, resolved.alert_id, resolved.step) == (
        "resolved",
        opened.alert_id,
        2,
    )
    assert resolved.changed_at - opened.opened_at == 9 * MINUTE
    assert resolved.receivers == ("ops",)


def test_what_cannot_be_told_is_no_end() -> None:
    story = Story()
    story.look(True)
    assert story.look(*[False] * 5, None, *[False] * 5) == []
    assert names(story.look(False)) == ["resolved"]


def test_a_habit_that_is_learnt_anew_ends_nothing_while_nothing_is_heard() -> None:
    story = Story()
    story.look(True)
    unheard = replace(SILENT, stands=False)
    for minutes in range(20):
        story.incident, told = live(
            story.incident, unheard, story.rule, story.now + minutes * MINUTE
        )
        assert told is None


def test_it_goes_on_under_its_old_id_within_the_cool_down() -> None:
    story = Story()
    (opened,) = story.look(True)
    story.look(*[False] * 6)
    (again,) = story.look(None, True)
    assert (again.transition, again.alert_id, again.expected) == ("reopened", opened.alert_id, 61)
    story.look(*[False] * 6)
    story.now += 2 * timedelta(hours=1)
    assert names(story.look(True)) == ["opened"]


def test_the_evidence_says_since_when_and_what_is_usual() -> None:
    story = Story()
    story.look(True, *[False] * 6)
    first, last = (json.loads(one.evidence) for one in story.told)
    assert (first["condition"], first["summary"]) == ("silent", "nothing from weibo")
    assert datetime.fromisoformat(first["since"]) == SILENT.since
    assert first["minutes"] == 21
    assert last["summary"] == "data is back; nothing was known for 6 min"


def test_people_hush_it_and_nobody_misses_what_stands_afterwards() -> None:
    story = Story()
    hush = Silence("s1", "*", "*", "*", NOON, NOON + timedelta(days=1), "Mia", "maintenance")
    assert [row.receivers for row in story.look(True, silence=hush)] == [()]
    assert names(story.look(True, True, silence=hush)) == ["silenced"]
    (unsilenced,) = story.look(True)
    assert (unsilenced.transition, unsilenced.receivers) == ("unsilenced", ("ops",))


def test_it_is_escalated_when_nobody_acknowledges_it() -> None:
    lead = {"after": "3m", "receivers": ("lead",)}
    story = Story(NoData(receivers=("ops",), escalation=(lead,)))
    told = story.look(*[True] * 6)
    assert names(told) == ["opened", "escalated"]
    assert (told[1].reason, told[1].receivers) == ("unacknowledged", ("lead",))


def test_what_is_watched_no_more_ends() -> None:
    story = Story()
    story.look(True)
    assert story.incident is not None
    row = given_up(story.incident, story.now).row
    assert (row.transition, row.reason, row.state) == ("resolved", "rule_removed", "resolved")


@given(st.lists(st.sampled_from([True, False, None]), max_size=60))
def test_its_state_is_the_fold_of_its_rows_whatever_is_looked_at(looks: list[Any]) -> None:
    """And each open is followed by one end at most, before the next."""
    story = Story()
    rows = story.look(*looks)
    kept = story.incident and replace(story.incident, calm_since=None)
    last = [row for row in rows if kept and row.alert_id == kept.alert_id]
    assert fold(last) == kept
    ends = [name for name in names(rows) if name in ("opened", "reopened", "resolved")]
    assert all(name == "resolved" for name in ends[1::2])
    assert "resolved" not in ends[::2]


class TestRules:
    """In `config/alerts.yaml`."""

    def test_a_rule_may_not_take_its_name(self) -> None:
        with pytest.raises(ValueError, match="'no data' is taken; rename it"):
            Rules(rules=(Rule(name="no data"),))

    def test_its_receivers_must_be_known(self) -> None:
        with pytest.raises(ValueError, match="no receiver is called 'ops'; known: none"):
            Rules(no_data=NoData(receivers=("ops",)))
        known = Receiver(name="ops", url="https://h.example/x", secrets=["whsec_" + "a" * 32])
        assert Rules(no_data=NoData(receivers=("ops",)), receivers=(known,)).no_data.watch
