"""`make bench-guard`: it fails where a ratio fell, and only there."""

from __future__ import annotations

from tests.bench_guard import ratios, worse

PARTS = [
    {
        "part": "host",
        "figures": [{"name": "whole service", "median": 5000.0}],
        "bars": [{"name": "posts/s", "value": 5000.0, "unit": "posts/s", "at_most": False}],
    },
    {"part": "stages", "figures": [{"name": "decode", "median": 50_000.0}], "bars": []},
    {
        "part": "match",
        "figures": [],
        "bars": [{"name": "few / many", "value": 1.5, "unit": "", "at_most": True}],
    },
]


def test_only_what_holds_on_other_machines_too_is_kept() -> None:
    assert ratios(PARTS) == {
        "match: few / many": (1.5, True),
        "host: whole service / decoding alone": (0.1, False),
    }


def test_a_fall_by_a_fifth_is_borne_and_more_is_not() -> None:
    stored = {"more is better": 2.0, "less is better": 1.0}
    assert not worse(stored, {"more is better": (1.6, False), "less is better": (1.2, True)})
    assert worse(stored, {"more is better": (1.5, False), "less is better": (0.5, True)}) == [
        "more is better: 1.5, was 2"
    ]
    assert worse(stored, {"more is better": (9.0, False), "less is better": (1.3, True)}) == [
        "less is better: 1.3, was 1"
    ]


def test_a_ratio_that_is_gone_is_told() -> None:
    (line,) = worse({"old": 1.0}, {})
    assert "old: not measured any more" in line
