"""What people read: it says what happened, to whom, how much, in their language."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from stream.alerting.carried import carried_by
from stream.alerting.incidents import TransitionName
from stream.delivery.notice import Notice
from stream.delivery.phrases import LABELS, TITLES
from stream.delivery.wording import message
from stream.receivers import Language
from tests.stream.delivery.notices import EVIDENCE, notice


def title(language: Language = "en", **changed: Any) -> str:
    return message(notice(**changed), language).title


def english(told: Notice) -> list[str]:
    return message(told, "en").lines()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, "爱可美 Acme: unusually many negative mentions"),
        ({"topic": "battery"}, "爱可美 Acme · battery: unusually many negative mentions"),
        ({"transition": "escalated", "reason": "severity", "severity": "critical"}, "now critical"),
        ({"transition": "escalated", "reason": "unacknowledged"}, "nobody has acknowledged it"),
        ({"transition": "updated"}, "still growing"),
        ({"transition": "updated", "reason": "not_told_before"}, "for a while now"),
        ({"transition": "resolved", "reason": "calm"}, "back to normal"),
        ({"transition": "resolved", "reason": "rule_removed"}, "no longer watched"),
        ({"transition": "acknowledged", "actor": "Ann"}, "acknowledged by Ann"),
        ({"transition": "silenced", "actor": "Bo"}, "silenced by Bo"),
        ({"transition": "silenced"}, "Acme: silenced"),
        ({"kind": "no_data"}, "no data, so the mood is not known"),
        ({"kind": "no_data", "transition": "resolved"}, "data is back"),
        ({"kind": "no_data", "transition": "acknowledged", "actor": "Ann"}, "acknowledged by Ann"),
        ({"kind": "no_data", "transition": "resolved", "reason": "rule_removed"}, "no longer"),
        ({"kind": "no_data", "transition": "updated", "reason": "not_told_before"}, "still no"),
        ({"kind": "model_down"}, "Acme: model down opened"),
        ({"transition": "handed_over"}, "Acme: handed over"),
        ({"brand": "", "kind": "no_data", "rule": "everything"}, "everything: no data"),
    ],
)
def test_a_title_says_what_happened(changed: dict[str, Any], told: str) -> None:
    assert told in title(**changed)


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("transition", get_args(TransitionName))
def test_every_transition_has_a_title_in_every_language(
    language: Language, transition: str
) -> None:
    assert transition in TITLES[language]
    assert "Ann" in title(language, transition=transition, actor="Ann") or (
        "{actor}" not in TITLES[language][transition]
    )


def test_the_languages_know_the_same_titles_and_labels() -> None:
    assert TITLES["en"].keys() == TITLES["zh"].keys()
    assert LABELS["en"].keys() == LABELS["zh"].keys()


@pytest.mark.parametrize(
    ("evidence", "english", "chinese"),
    [
        (
            {},
            "36 negative of 60 mentions in 25 min, 0.5 expected",
            "25 分钟内 60 条提及中 36 条负面，平常约 0.5 条",
        ),
        (
            {"minutes": 135, "expected": 12.34},
            "36 negative of 60 mentions in 2 h 15 min, 12 expected",
            "2 小时 15 分钟内 60 条提及中 36 条负面，平常约 12 条",
        ),
        (
            {"minutes": 120, "expected": 0},
            "36 negative of 60 mentions in 2 h, 0 expected",
            "2 小时内 60 条提及中 36 条负面，平常约 0 条",
        ),
        ({"negative": None, "summary": "weibo is silent"}, "weibo is silent", "weibo is silent"),
    ],
)
def test_the_headline_is_the_arithmetic(
    evidence: dict[str, Any], english: str, chinese: str
) -> None:
    told = notice(evidence=EVIDENCE | evidence)
    assert message(told, "en").headline == english
    assert message(told, "zh").headline == chinese


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", "2026-11-24 12:04 UTC"),
        ("Asia/Shanghai", "2026-11-24 20:04 UTC+8"),
        ("Asia/Kolkata", "2026-11-24 17:34 UTC+5:30"),
        ("America/St_Johns", "2026-11-24 08:34 UTC-3:30"),
        ("Pacific/Kiritimati", "2026-11-25 02:04 UTC+14"),
    ],
)
def test_times_are_those_of_the_readers(zone: str, shown: str) -> None:
    told = message(notice(), "en", zone)
    assert f"Opened: {shown}" in told.lines()
    assert all(quote.by.endswith(f"{shown.rsplit(maxsplit=1)[-1]}") for quote in told.posts)


def test_a_comment_is_told_with_the_acknowledgement() -> None:
    told = message(notice(transition="acknowledged", actor="Ann", comment="on it"), "en")
    assert "Comment: on it" in told.lines()


def test_who_drives_it_counts_right() -> None:
    one = {"posts_counted": 1, "texts": 1, "authors": 1}
    lines = message(notice(evidence=EVIDENCE | one), "en").lines()
    assert "Driven by: 1 post, 1 distinct text, 1 author" in lines


def test_few_voices_are_said_to_be_few() -> None:
    found = carried_by(40, [20, 10, 2], ["burns!"] * 40)
    told = notice(evidence=EVIDENCE | {"carried_by": found.model_dump()})
    assert any(line.endswith("authors; " + found.words) for line in english(told))
    chinese = "".join(message(told, "zh").lines())
    assert "1 位作者发布了其中 50%；40 条中有 40 条近乎相同" in chinese


@pytest.mark.parametrize(
    ("changed", "tone"),
    [
        ({"severity": "critical"}, "critical"),
        ({"severity": "unheard"}, "warning"),
        ({"state": "resolved", "transition": "resolved"}, "calm"),
        ({"transition": "acknowledged"}, "note"),
    ],
)
def test_the_tone_follows_severity_and_state(changed: dict[str, Any], tone: str) -> None:
    assert message(notice(**changed), "en").tone == tone


def test_only_the_board_at_this_alert_and_time_is_linked() -> None:
    assert notice().url.endswith("&from=2026-11-24T11:39:00Z&to=2026-11-24T12:04:00Z")
    assert message(notice(""), "en").url == ""
