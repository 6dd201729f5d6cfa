"""What verdicts make of an incident: a table of what is told, and to whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.alerting.advance import advance
from stream.alerting.incidents import Incident, Transition, after, alert_id, fold, next_of
from stream.alerting.silences import Silence
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


def told(
    *verdicts: Verdict, rule: Rule = RULE, silence: Silence | None = None
) -> tuple[Incident | None, list[Transition]]:
    """The incident and the transitions that a row of verdicts leads to."""
    incident: Incident | None = None
    found = []
    for verdict in verdicts:
        covers = silence is not None and silence.covers("mood", "Acme", "", verdict.at)
        incident, change = advance(incident, verdict, rule, "Acme", "", silence if covers else None)
        if change:
            found.append(change.row)
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
    assert [transition.step for transition in found] == [1, 2, 3, 4]
    assert {transition.alert_id for transition in found} == {alert_id("mood", "Acme", "", NOON)}
    assert [t.state for t in found] == ["open", "resolved", "open", "resolved"]
    assert [t.severity for t in found] == ["warning", "warning", "critical", "critical"]


def test_judging_again_what_was_told_repeats_nothing() -> None:
    """As a restart does, and late posts do."""
    verdicts = [at(0, 0.6, 10), at(10, 0.6, 90), *[at(10 + m, 0.1) for m in range(5, 41, 5)]]
    incident, _ = told(*verdicts)
    for verdict in verdicts:
        same, transition = advance(incident, verdict, RULE, "Acme", "")
        assert (same, transition) == (incident, None)


TEAM = Rule(
    name="mood",
    receivers=["team"],
    quiet_hours={"from": "22:00", "until": "07:00", "unless": "critical"},
    escalation=[{"after": "20m", "receivers": ["lead"]}, {"after": "1h", "receivers": ["head"]}],
)
NIGHT = 10 * 60  # minutes after noon


def words(rows: list[Transition]) -> list[tuple[str, str, str]]:
    return [(row.transition, row.reason, ",".join(row.receivers)) for row in rows]


def test_when_nobody_acknowledges_the_next_ones_are_told_in_turn() -> None:
    _, rows = told(*[at(minute, 0.6) for minute in range(0, 181, 10)], rule=TEAM)
    assert words(rows) == [
        ("opened", "share", "team"),
        ("escalated", "unacknowledged", "lead"),
        ("escalated", "unacknowledged", "head"),
    ]
    assert [row.changed_at for row in rows] == [at(m, 0).at for m in (0, 20, 60)]


def test_who_acknowledges_stops_the_escalation_until_it_comes_back() -> None:
    incident, _ = told(at(0, 0.6), rule=TEAM)
    assert incident is not None
    taken = after(incident, next_of(incident, "acknowledged", "", NOON, (), actor="Ann"))
    assert (taken.state, taken.acknowledged_by) == ("acknowledged", "Ann")
    rows = []
    for minute in (*range(10, 51, 10), *range(60, 101, 10), *range(110, 160, 10)):
        score = 0.1 if 60 <= minute <= 100 else 0.6
        taken, change = advance(taken, at(minute, score), TEAM, "Acme", "")
        rows += [change.row] if change else []
    assert words(rows) == [
        ("resolved", "calm", "team"),
        ("reopened", "share", "team"),
        ("escalated", "unacknowledged", "lead"),
    ]
    assert [row.state for row in rows] == ["resolved", "open", "open"]


def test_at_night_only_what_is_critical_is_told_and_the_rest_in_the_morning() -> None:
    night = [at(NIGHT + minute, 0.6) for minute in (5, 30, 90)]
    morning = at(NIGHT + 9 * 60, 0.6)
    assert words(told(*night, morning, rule=TEAM)[1]) == [
        ("opened", "share", ""),
        ("updated", "not_told_before", "team"),
    ]
    worse = at(NIGHT + 40, 0.6, observed=90)
    assert words(told(night[0], worse, morning, rule=TEAM)[1])[:2] == [
        ("opened", "share", ""),
        ("escalated", "severity", "team"),
    ]
    calm = [at(NIGHT + minute, 0.1) for minute in (30, 60)]
    over = told(night[0], *calm, rule=TEAM)[1]
    assert words(over) == [("opened", "share", ""), ("resolved", "calm", "")]


def test_who_was_told_that_it_began_is_told_that_it_ended_whatever_the_hour() -> None:
    evening = at(NIGHT - 5, 0.6)
    calm = [at(NIGHT + minute, 0.1) for minute in (30, 60)]
    assert words(told(evening, *calm, rule=TEAM)[1])[-1] == ("resolved", "calm", "team")


def test_a_silence_is_two_transitions_and_nothing_told_between() -> None:
    silence = Silence(
        "s",
        "*",
        "Acme",
        "*",
        NOON + timedelta(minutes=5),
        NOON + timedelta(hours=2),
        "Ann",
        "known",
    )
    verdicts = [at(minute, 0.6, 20 + minute) for minute in range(0, 151, 10)]
    incident, rows = told(*verdicts, rule=TEAM, silence=silence)
    assert words(rows)[:2] == [("opened", "share", "team"), ("silenced", "silence", "")]
    assert rows[1].actor == "Ann"
    between = [row for row in rows[1:] if row.changed_at < silence.ends_at]
    assert {(row.state, row.receivers) for row in between} == {("silenced", ())}
    end = next(row for row in rows if row.changed_at >= silence.ends_at)
    assert (end.transition, end.receivers, end.changed_at) == (
        "unsilenced",
        ("team",),
        silence.ends_at,
    )
    assert incident is not None
    assert incident.state == "open"


@given(
    st.lists(
        st.tuples(st.integers(1, 90), st.sampled_from([0.1, 0.4, 0.6]), st.integers(5, 90)),
        max_size=40,
    ),
    st.booleans(),
)
def test_an_incident_is_the_fold_of_its_rows(
    steps: list[tuple[int, float, int]], silent: bool
) -> None:
    """Whatever happened: what is stored leads to where the watcher stood, calm aside; judging all
    of it again tells nothing new; states and severities are those the rows say."""
    verdicts, minute = [], 0
    for gap, score, observed in steps:
        minute += gap
        verdicts.append(at(minute, score, observed))
    silence = Silence("s", "*", "*", "*", NOON, NOON + timedelta(hours=9), "Ann", "")
    incident, rows = told(*verdicts, rule=TEAM, silence=silence if silent else None)
    if incident is None:
        assert rows == []
        return
    last = [row for row in rows if row.alert_id == incident.alert_id]
    assert fold(reversed(last)) == replace(incident, calm_since=None)
    assert [row.step for row in last] == list(range(1, len(last) + 1))
    assert (last[-1].state, last[-1].severity) == (incident.state, incident.severity)
    for verdict in verdicts:
        if verdict.at <= incident.judged_at:
            assert advance(incident, verdict, TEAM, "Acme", "") == (incident, None)


def test_a_person_and_the_watcher_may_write_the_same_step() -> None:
    incident, rows = told(at(0, 0.6), rule=TEAM)
    assert incident is not None
    ack = next_of(incident, "acknowledged", "", NOON + timedelta(seconds=9), (), actor="Ann")
    _, change = advance(incident, at(40, 0.6, 90), TEAM, "Acme", "")
    assert change is not None
    assert change.row.step == ack.step
    for order in ([*rows, ack, change.row], [change.row, ack, *rows]):
        found = fold(order)
        assert found is not None
        assert (found.state, found.severity, found.step) == ("acknowledged", "critical", 2)


def test_the_id_depends_on_rule_brand_topic_and_minute() -> None:
    whole: dict[str, Any] = {"rule": "r", "brand": "b", "topic": "t", "opened_at": NOON}
    first = alert_id(**whole)
    assert len(first) == 32
    assert first == alert_id(**(whole | {"opened_at": NOON + timedelta(seconds=59)}))
    others = {"rule": "r2", "brand": "b2", "topic": "", "opened_at": NOON + timedelta(minutes=1)}
    assert len({first} | {alert_id(**(whole | {k: v})) for k, v in others.items()}) == 5
    assert alert_id("a", "bc", "", NOON) != alert_id("ab", "c", "", NOON)
