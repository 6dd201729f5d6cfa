"""The words of the page: what the service calls by a name is told in words, in either language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import get_args, get_type_hints

import pytest

from stream.alerting import conditions
from stream.alerting.incidents import State, TransitionName
from stream.board.api.answers import Step
from stream.board.app import STATIC
from stream.delivery.answers import Outcome
from stream.severities import SEVERITIES

ALARMS = ("count", "share", "count_and_share")  # reasons of the detector to open an incident
REASONS = (
    *get_args(conditions.Reason), *ALARMS, "grown", "severity", "unacknowledged", "not_told_before",
    "calm", "rule_removed", "silence", "silence_over", "data_is_back",
)  # fmt: skip


def _named(prefix: str, names: Iterable[str]) -> set[str]:
    return {prefix + name for name in names}


NAMES = (
    _named("reason_", REASONS)
    | _named("condition_", ALARMS)
    | _named("did_", get_args(TransitionName))
    | _named("outcome_", get_args(Outcome))
    | _named("step_", get_args(get_type_hints(Step)["step"]))
    | _named("", SEVERITIES)
    | _named("", set(get_args(State)) - {"open"})
    | {"inState"}  # as "open" is called: the word is taken
)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_name_of_the_service_has_words(language: str) -> None:
    text = (STATIC / f"words_{language}.js").read_text("utf-8")
    assert set(re.findall(r"(?:^|, |  )(\w+): ", text, re.MULTILINE)) >= NAMES
