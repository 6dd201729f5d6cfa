"""`rules`: what watches what, as it is in force now, and why an edited file is not."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from stream.alerting.rule_check import Matched, check, listen
from stream.board.api.asks import Asks
from stream.board.api.endpoints import Asked, Endpoint
from stream.rules import Rules

_LIMIT = 10  # seconds of a statement


class SeriesRow(TypedDict):
    """A series that a rule watches, with what was said of it in a week. `false_alarms` are those a
    week to put up with."""

    brand: str
    topic: str
    mentions: int | None
    negative: int | None
    false_alarms: float


class WatchedRow(SeriesRow):
    """The same with the rule that watches it."""

    rule: str


class RuleRow(TypedDict):
    """A rule as it is in the file, durations in seconds; `doubts` are what looks wrong with it."""

    name: str
    version: str
    rule: dict[str, Any]
    series: list[SeriesRow]
    doubts: list[str]


class ReceiverRow(TypedDict):
    """A receiver, without its address: that may hold a secret."""

    name: str
    format: str


class RulesAnswer(TypedDict):
    """The rules in force. `refused` is why the file, as it is now, is not."""

    refused: str | None
    rows: list[RuleRow]
    receivers: list[ReceiverRow]


def rules(asked: Asked, _: Asks) -> RulesAnswer:
    force = asked.context.rules_in_force()
    return {
        "refused": force.refused or None,
        "rows": _rows(asked, force.rules),
        "receivers": [{"name": one.name, "format": one.format} for one in force.rules.receivers],
    }


def series(asked: Asked, _: Asks) -> list[WatchedRow]:
    rows = _rows(asked, asked.context.rules_in_force().rules)
    return [{"rule": rule["name"], **one} for rule in rows for one in rule["series"]]


def _rows(asked: Asked, rules: Rules) -> list[RuleRow]:
    heard = listen(asked.client, rules, asked.now, _LIMIT)
    return [_row(one) for one in check(rules, asked.context.catalogue, heard)]


def _row(matched: Matched) -> RuleRow:
    return {
        "name": matched.rule.name,
        "version": matched.rule.version,
        "rule": matched.rule.model_dump(mode="json"),
        "series": [
            {
                "brand": one.brand,
                "topic": one.topic,
                "mentions": one.said.mentions,
                "negative": one.said.negative,
                "false_alarms": round(one.false_alarms, 4),
            }
            for one in matched.series
        ],
        "doubts": matched.doubts,
    }


RULES = (
    Endpoint(
        "GET", "rules", "The rules in force, each with what it watches", Asks, RulesAnswer, rules
    ),
    Endpoint(
        "GET",
        "rules/series",
        "The series that rules watch, as rows: one of two rules is told twice",
        Asks,
        list[WatchedRow],
        series,
    ),
)
