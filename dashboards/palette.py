"""Colours, each with one meaning on every board: those of the live board in the dark.

Vermilion is negative, blue is positive, grey is neutral: told apart with any colour vision.
Grafana cannot give a colour for each theme, and its own is dark.
"""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Threshold

NEGATIVE = "#ff935c"
NEUTRAL = "#a09c94"
POSITIVE = "#6db8f4"
INK = "#ebe8e1"  # a quantity that is neither good nor bad
SOFT = "#a9a59c"  # what is expected or usual, beside what was seen
LINE = "#2d333b"  # nothing, or next to it

# Series that are neither good nor bad, told apart: none of these hues says a mood.
APART = (INK, "#e5cf5a", "#58c9a5", "#d497c4", SOFT)

MOODS = {"negative": NEGATIVE, "neutral": NEUTRAL, "positive": POSITIVE}


def mixed(one: str, other: str, part: float) -> str:
    """A colour on the straight way from one to the other. `part` 0 is the one, 1 the other."""
    pairs = zip(bytes.fromhex(one[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def steps(lowest: str, *higher: tuple[float, str]) -> list[Threshold]:
    """Colours by value: the lowest, and from each value on another."""
    return [Threshold(None, lowest), *(Threshold(value, colour) for value, colour in higher)]


# Net sentiment, from -1 to 1. The middle is wide: a brand is seldom exactly even.
NET = steps(
    NEGATIVE,
    (-0.3, mixed(NEUTRAL, NEGATIVE, 0.5)),
    (-0.05, NEUTRAL),
    (0.05, mixed(NEUTRAL, POSITIVE, 0.5)),
    (0.3, POSITIVE),
)

# A share of negative mentions, from 0 to 1: the more vermilion, the worse.
SHARE = steps(LINE, *((0.1 * part, mixed(LINE, NEGATIVE, part / 6)) for part in range(1, 7)))

# How much there is, as a part of the whole: the lighter, the more.
AMOUNT = steps(LINE, *((0.05 * part, mixed(LINE, INK, part / 8)) for part in range(1, 9)))

PLAIN = steps(INK)
BAD_FROM_ONE = steps(SOFT, (1, NEGATIVE))
SEVERITIES = {
    "critical": NEGATIVE,
    "high": mixed(NEUTRAL, NEGATIVE, 0.5),
    "warning": NEUTRAL,
}
