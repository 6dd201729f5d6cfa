"""What `/api/v1` answers. Times are RFC 3339 in UTC; counts are of mentions.

Scores and net sentiment go from -1 (negative) to 1 (positive), shares and probabilities from 0 to
1. None is what is not known, which is not zero. Text of posts is data from strangers: whoever
shows it must escape it.
"""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict

from stream.board.shapes import PostRow


class Point(TypedDict):
    """One step of a series, from `at` on.

    `low` and `high` are the fewest and the most negative mentions that are usual of as many (95 %),
    `score` is how anomalous the
    step was (0 to 1).
    """

    at: str
    mentions: int | None
    negative: int | None
    neutral: int | None
    positive: int | None
    net: float | None
    low: int | None
    high: int | None
    score: float | None


ScoresAnswer = TypedDict(
    "ScoresAnswer",
    {
        "from": str,
        "to": str,
        "step": int,
        "rule": str | None,
        "known_from": str | None,
        "known_to": str | None,
        "points": list[Point],
    },
)
"""A series in steps of `step` seconds; `from` and `to` are widened to whole steps. `rule` is whose
expectations these are."""


class Counted(TypedDict):
    """Mentions of a part; `share` is that of the negative, with its 95 % interval (Wilson)."""

    mentions: int
    negative: int
    neutral: int
    positive: int
    share: float
    share_low: float
    share_high: float


class TopicShare(Counted):
    """What was said on a topic."""

    topic: str


class NamedShare(Counted):
    """The same of a source or language."""

    name: str


class Term(TypedDict):
    """A term that negative posts use more than before: `count` of the texts looked at hold it, and
    `z` is how sure it is."""

    term: str
    count: int
    z: float


class PostsAnswer(TypedDict):
    """A page of posts, the newest first. `next` is the cursor of the page after it, or None."""

    rows: list[PostRow]
    next: str | None


class Step(TypedDict):
    """Something that happened to a post. `facts` differ by step; `at` is None where no time is
    kept."""

    step: Literal["received", "language", "matched", "scored", "stored", "counted", "deleted"]
    at: str | None
    facts: dict[str, Any]


class PostIncident(TypedDict):
    """An incident of a brand of the post, which began before it and had not ended."""

    id: str
    rule: str
    brand: str
    topic: str
    state: str
    severity: str
    opened_at: str


class PostAnswer(TypedDict):
    """A post with its whole text, and its way. A deleted one has no `post`: only that it was."""

    post: PostRow | None
    deleted: bool
    steps: list[Step]
    incidents: list[PostIncident]


class Me(TypedDict):
    """Who asks. `needs_token`: nobody is signed in, and the board is not open. `signed_in`: by the
    page's cookie, which `POST /logout` takes back."""

    name: str | None
    signed_in: bool
    may_act: bool
    needs_token: bool
