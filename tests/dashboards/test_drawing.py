"""The pictures of the boards: what they show is what was answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboards.drawing import Answer, drawn
from dashboards.macros import Look
from dashboards.reading import begin_of, boards, look_of, panels, step_of
from dashboards.units import told

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LOOK = Look(NOON - 6 * HOUR, NOON, 3600, {}, {})
SIZE = (600.0, 300.0)


def panel(board: str, title: str) -> dict[str, Any]:
    return next(one for one in panels(boards()[board]) if one["title"] == title)


def answer(names: list[str], *rows: tuple[Any, ...], shape: str = "timeSeries") -> Answer:
    return Answer(names, rows, shape, LOOK, [(NOON - HOUR, NOON)])


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.257, "percentunit", "26 %"),
        (None, "percentunit", "–"),
        (1534, "short", "1534"),
        (207_600, "short", "207.6 K"),
        (2_076_000, "short", "2.1 M"),
        (-0.319, "none", "-0.32"),
        (float("nan"), "none", "nan"),
        (3900, "s", "1 h 5 min"),
        ((NOON - HOUR).timestamp() * 1000, "dateTimeFromNow", "1 h 0 min ago"),
    ],
)
def test_values_are_told_in_their_unit(value: Any, unit: str, text: str) -> None:
    assert told(value, unit, NOON) == text


def test_a_line_is_not_drawn_across_what_is_not_known() -> None:
    rows = [(NOON - (5 - hour) * HOUR, value) for hour, value in enumerate([1, 2, None, 3, 4])]
    shown = drawn(
        panel("compare", "What share of $brands is negative?"),
        answer(["time", "negative"], *rows),
        SIZE,
    )
    assert shown.count("<polyline") == 2


def test_bars_stand_on_each_other_in_their_colours() -> None:
    shown = drawn(
        panel("overview", "How much is said, and in which mood?"),
        answer(["time", "negative", "neutral", "positive"], (NOON - HOUR, 2, 0, 5)),
        SIZE,
    )
    assert shown.count('fill="#ff935c"') == 3  # the bar, its key, and the shade of the incident
    assert shown.count('fill="#6db8f4"') == 2


def test_a_bar_stands_over_the_step_that_it_counts() -> None:
    """The tables name a step by its begin, Prometheus by its end."""

    def left(shown: dict[str, Any]) -> float:
        rows = [(NOON - 2 * HOUR, 1), (NOON - HOUR, 1)]
        plot = drawn(shown, answer(["time", "negative"], *rows), SIZE).split("<svg")[2]
        return float(plot.split('<rect x="')[1].split('"')[0])

    begun = left(panel("overview", "How much is said, and in which mood?"))
    ended = left(panel("operations", "What else is not stored?"))
    assert begun - ended == pytest.approx((SIZE[0] - 52) / 6, abs=0.2)  # an hour of six


def test_a_table_has_the_rows_that_fit() -> None:
    shown = drawn(
        panel("brand", "Who says it?"),
        answer(["author"], *[(f"author {number}",) for number in range(20)], shape="table"),
        SIZE,
    )
    assert shown.count("<td") == 7  # rows of 36 pixels, under a head of as many


def test_an_empty_panel_says_why() -> None:
    assert "No incident is open" in drawn(
        panel("overview", "Which incidents stand open?"), answer(["brand"], shape="table"), SIZE
    )


def test_words_of_others_are_no_markup() -> None:
    shown = drawn(
        panel("brand", "Which negative posts weigh most?"),
        answer(["text"], ("<script>alert(1)</script>",), shape="table"),
        SIZE,
    )
    assert "<script>" not in shown and "&lt;script&gt;" in shown


def test_a_column_looks_as_overrides_of_its_name_or_of_a_pattern_say() -> None:
    hours = panel("brand", "At which hours of the week is it worst?")
    assert look_of(hours, "day")["custom.width"] == 52
    assert look_of(hours, "07")["unit"] == "percentunit"
    assert look_of(hours, "107") == {}


def test_a_panel_looks_back_as_far_as_the_board_or_as_it_says_itself() -> None:
    assert begin_of({}, NOON - HOUR, NOON) == NOON - HOUR
    hours = panel("brand", "At which hours of the week is it worst?")
    assert NOON - begin_of(hours, NOON - HOUR, NOON) == timedelta(days=28)


def test_a_step_is_a_round_one_and_not_below_the_panels_least() -> None:
    assert step_of({"interval": "1m", "maxDataPoints": 120}, NOON - 24 * HOUR, NOON) == 900
    assert step_of({"interval": "1h", "maxDataPoints": 120}, NOON - 24 * HOUR, NOON) == 3600
    assert step_of({}, NOON - HOUR, NOON) == 5
