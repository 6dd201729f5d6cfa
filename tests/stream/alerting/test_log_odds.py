"""What makes up more than usual: signs that are right, certainty that grows with numbers."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from stream.alerting.log_odds import log_odds, shares


def z(count: int, of: int, usual: int, usual_of: int) -> float:
    difference, variance = log_odds(count, of, usual, usual_of)
    return difference / math.sqrt(variance)


def test_the_same_at_ten_times_the_number_is_surer() -> None:
    assert 0 < z(6, 20, 4, 40) < z(60, 200, 40, 400)


def test_what_is_rare_or_everywhere_does_not_stand_out() -> None:
    assert z(1, 50, 0, 400) < 2
    assert abs(z(50, 50, 400, 400)) < 0.5


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_swapping_the_sides_changes_the_sign(a: int, b: int, c: int, d: int) -> None:
    count, of, usual, usual_of = a, a + b, c, c + d
    if of + usual_of:
        assert math.isclose(
            z(count, of, usual, usual_of), -z(usual, usual_of, count, of), abs_tol=1e-9
        )


@given(st.integers(1, 200), st.integers(0, 200), st.integers(0, 200))
def test_more_of_it_never_makes_it_less_sure(count: int, rest: int, usual: int) -> None:
    of = count + rest + 1
    assert z(count + 1, of, usual, 300) > z(count, of, usual, 300)


def test_shares_are_the_largest_first_with_what_is_usual() -> None:
    found = shares({"weibo": 30, "reddit": 10}, 40, {"reddit": 90, "weibo": 10}, 100)
    assert [(one.name, one.negative, one.share, one.usual_share) for one in found] == [
        ("weibo", 30, 0.75, 0.1),
        ("reddit", 10, 0.25, 0.9),
    ]
    assert found[0].z > 4
    assert found[1].z < -4


def test_without_a_past_no_share_is_usual_or_unusual() -> None:
    (found,) = shares({"weibo": 5}, 5, {}, 0)
    assert (found.usual_share, found.z) == (None, 0)


def test_at_most_eight_are_told() -> None:
    assert len(shares({str(i): 1 for i in range(99)}, 99, {}, 0)) == 8
