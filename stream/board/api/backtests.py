"""`backtest`: what rules would have raised on stored history, by the code that watches."""

from __future__ import annotations

import threading
import time
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from stream.alerting.backtest import backtest as judge_history
from stream.alerting.backtest_picture import draw
from stream.alerting.tried import as_dict
from stream.board.api.asks import Range
from stream.board.api.csv_rows import as_csv
from stream.board.api.endpoints import Asked, Endpoint
from stream.errors import RetryLater, UsageError
from stream.rules_text import rules_in

_USUALLY = timedelta(weeks=1)
_SECONDS = 60.0  # that one may take; the shell's `undertone backtest` takes its time
_LIMIT = 10  # seconds of a statement
_LARGEST = 50_000  # characters of rules

_one_at_a_time = threading.Lock()


class BacktestAsks(Range):
    rules: str = Field(
        "", max_length=_LARGEST, description="text of an alerts.yaml; default: the rules in force"
    )
    against: str = Field("", max_length=_LARGEST, description="other rules, side by side")


class RaisedRow(TypedDict):
    """An alert that would have been raised; `same_as` is the other set's at the same time."""

    alert_id: str
    rule: str
    brand: str
    topic: str
    opened_at: str
    ended_at: str | None
    severity: str
    escalations: int
    reopened: int
    observed: float
    expected: float
    same_as: str | None


class TriedRow(TypedDict):
    """A set of rules with what it would have raised (docs/alerts.md, "Trying rules")."""

    file: str
    totals: dict[str, Any]
    alerts: list[RaisedRow]


BacktestAnswer = TypedDict(
    "BacktestAnswer", {"from": str, "to": str, "tried": list[TriedRow], "picture": str, "csv": str}
)
"""`picture` is a timeline, as SVG; `csv` are all alerts as a spreadsheet may have them."""


def backtest(asked: Asked, asks: BacktestAsks) -> Any:
    since, until = asks.span(asked.now, _USUALLY)
    # Later minutes are unknown, and would look like calm.
    until = min(until, asked.known_to or asked.now).replace(second=0, microsecond=0)
    since = since.replace(second=0, microsecond=0)
    if since >= until:
        raise UsageError("from: nothing is known from there on; ask for an earlier time")
    names = ["rules" if asks.rules else "rules in force", *(["against"] if asks.against else [])]
    sets = [rules_in(asks.rules, "rules") if asks.rules else asked.context.rules_in_force().rules]
    if not sets[0].rules:
        raise UsageError("rules: there are none in force; give some")
    if asks.against:
        sets.append(rules_in(asks.against, "against"))
    ends = time.monotonic() + _SECONDS

    def go_on(done: int, of: int) -> None:
        if time.monotonic() > ends:
            raise UsageError(
                f"from: {done} of {of} days were judged in {_SECONDS:.0f} s; ask for a shorter "
                "time, or use `undertone backtest`"
            )

    with _alone():
        outcomes = judge_history(asked.client, sets, since, until, _LIMIT, go_on)
    tried = list(zip(names, outcomes, strict=True))
    told = as_dict(tried)
    return told | {"picture": draw(tried), "csv": _as_csv(told["tried"])}


def _as_csv(tried: list[TriedRow]) -> str:
    rows = [{"file": one["file"], **alert} for one in tried for alert in one["alerts"]]
    return "".join(as_csv([rows], ("", ["file", *typing.get_type_hints(RaisedRow)])))


@contextmanager
def _alone() -> Iterator[None]:
    """Raises RetryLater while another is under way: each takes a core from what watches."""
    if not _one_at_a_time.acquire(blocking=False):
        raise RetryLater("backtest: another one is under way; ask again when it has ended")
    try:
        yield
    finally:
        _one_at_a_time.release()


BACKTEST = Endpoint(
    "POST",
    "backtest",
    "What rules would have raised; nothing is written and nobody is told",
    BacktestAsks,
    BacktestAnswer,
    backtest,
    of_range=True,
    largest=3 * _LARGEST,
)
