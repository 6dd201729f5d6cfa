"""What people do about an incident is recorded, told and undone by nobody else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stream.alerting import acts
from stream.alerting.alert_rows import standing_incidents, transitions_of, write_transitions
from stream.alerting.incidents import Transition, next_of
from stream.alerting.silences import Scope
from stream.database import Client
from stream.errors import UsageError

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPENED = Transition(
    alert_id="ab12" + "0" * 28,
    step=1,
    transition="opened",
    kind="mood",
    reason="share",
    actor="",
    comment="",
    rule="mood",
    brand="Acme",
    topic="battery",
    state="open",
    severity="high",
    opened_at=NOON,
    changed_at=NOON,
    observed=20.0,
    expected=2.0,
    receivers=("team",),
    group_key="g",
)


@pytest.fixture
def one(client: Client) -> Client:
    """A database with one incident, told to the team."""
    write_transitions(client, [(OPENED, '{"summary": "9 posts"}', "")])
    return client


def test_who_takes_it_is_recorded_and_told_to_those_who_know_of_it(one: Client) -> None:
    found = acts.acknowledge(one, "AB12", " Ann  Lee ", "calling the plant", NOON + HOUR)
    assert (found.state, found.acknowledged_by) == ("acknowledged", "Ann Lee")
    row = transitions_of(one, "ab12", 20)[OPENED.alert_id][-1]
    assert (row.transition, row.step, row.state) == ("acknowledged", 2, "acknowledged")
    assert (row.actor, row.comment) == ("Ann Lee", "calling the plant")
    assert (row.receivers, row.changed_at) == (("team",), NOON + HOUR)
    assert standing_incidents(one, "mood", NOON, 20) == [found]
    stored = one.query("SELECT evidence FROM alerts FINAL WHERE step = 2").result_rows
    assert json.loads(stored[0][0]) == {"summary": "9 posts"}  # the board still shows it


def test_a_comment_is_kept_and_told_to_nobody(one: Client) -> None:
    hostile = "'; DROP TABLE alerts -- <script>\n\x1b[31m"
    acts.comment(one, "ab12", "Ann", hostile, NOON + HOUR)
    seen = acts.life(one, "ab12")
    assert seen.transitions[-1].comment == hostile.strip()
    assert seen.transitions[-1].receivers == ()
    assert seen.incident.state == "open"
    assert seen.evidence == {"summary": "9 posts"}
    with pytest.raises(UsageError, match="say something"):
        acts.comment(one, "ab12", "Ann", "  ", NOON)


def test_what_is_over_is_not_taken_any_more(one: Client) -> None:
    incident = acts.life(one, "ab12").incident
    end = next_of(incident, "resolved", "calm", NOON + HOUR, ("team",))
    write_transitions(one, [(end, "", "")])
    with pytest.raises(UsageError, match="over since 2026-11-24 13:00 UTC; comment"):
        acts.acknowledge(one, "ab12", "Ann", "", NOON + 2 * HOUR)
    assert acts.comment(one, "ab12", "Ann", "it was the plant", NOON + 2 * HOUR).state == "resolved"
    assert acts.incidents(one, NOON + 5 * HOUR) == []


@pytest.mark.parametrize(
    ("prefix", "reason"), [("ff00", "no such alert"), ("ab", "4 characters"), ("%", "4 char")]
)
def test_an_alert_that_is_not_there_is_named(one: Client, prefix: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        acts.life(one, prefix)


def test_an_id_must_be_told_apart(one: Client) -> None:
    write_transitions(one, [(replace(OPENED, alert_id="ab12" + "1" * 28), "", "")])
    with pytest.raises(UsageError, match="2 ids begin so"):
        acts.life(one, "ab12")


def test_who_does_it_must_be_said(one: Client) -> None:
    for name in ("", "  ", "x" * 101, "a\x1b[31m"):
        with pytest.raises(UsageError, match="--by"):
            acts.acknowledge(one, "ab12", name, "", NOON)


class TestSilence:
    """A silence covers what it names, for a time, and ends when somebody ends it."""

    def test_of_an_alert_it_covers_its_rule_brand_and_topic(self, one: Client) -> None:
        made = acts.silence(one, acts.scope_of(one, "ab12"), HOUR, "Ann", "known", NOON)
        assert (made.rule, made.brand, made.topic) == ("mood", "Acme", "battery")
        assert acts.silences(one, NOON) == [made]
        assert made.covers("mood", "Acme", "battery", NOON)
        assert not made.covers("mood", "Acme", "", NOON)
        assert not made.covers("mood", "Acme", "battery", NOON + HOUR)

    def test_ended_it_covers_nothing_more(self, one: Client) -> None:
        made = acts.silence(one, Scope(brand="Acme"), 2 * HOUR, "Ann", "", NOON)
        ended = acts.end_silence(one, made.silence_id[:6], "Bob", NOON + HOUR)
        assert not ended.covers("any", "Acme", "", NOON + HOUR)
        assert acts.silences(one, NOON + HOUR) == []
        with pytest.raises(UsageError, match="no silence in force"):
            acts.end_silence(one, made.silence_id, "Bob", NOON + HOUR)

    @pytest.mark.parametrize(
        ("scope", "lasts", "comment", "reason"),
        [
            (Scope(), HOUR, "", "cover everything"),
            (Scope(brand="Acme"), timedelta(seconds=1), "", "from 1m to 90d"),
            (Scope(brand="Acme"), timedelta(days=91), "", "edit the rule"),
            (Scope(brand="Acme"), HOUR, "x" * 2001, "shorten"),
        ],
    )
    def test_a_wrong_one_is_refused(
        self, one: Client, scope: Scope, lasts: timedelta, comment: str, reason: str
    ) -> None:
        with pytest.raises(UsageError, match=reason):
            acts.silence(one, scope, lasts, "Ann", comment, NOON)
        assert acts.silences(one, NOON) == []
