"""What the board's page is told: one JSON shape, for `/api/snapshot` and for the events.

`Snapshot` is the whole page. The events of `/api/events` are named after its parts:
`snapshot` (all of it), `posts` (a `PostsChange`), `brands`, `alerts` and `status` (the part anew).
Times are RFC 3339 in UTC. Scores and net sentiment go from -1 (negative) to 1 (positive).
Text of posts is data from strangers: whoever shows it must escape it.
"""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

Label = Literal["negative", "neutral", "positive"]


class Mention(TypedDict):
    """What one post says about one brand."""

    brand: str
    label: Label
    score: float
    topics: list[str]


class PostRow(TypedDict):
    """A scored post as the stream shows it."""

    key: str  # `source:post_id`
    source: str
    kind: str
    text: str  # at most EXCERPT characters; `cut` tells which ends were taken off
    cut: list[bool]  # [at the start, at the end]
    marks: list[list[int]]  # [start, end) in code points of `text`: the words of the brands
    lang: str
    author: str
    followers: int
    likes: int
    shares: int
    replies: int
    rating: float | None
    url: str  # http(s) or empty
    created_at: str
    stored_at: str
    edited: bool
    mentions: list[Mention]


class PostsChange(TypedDict):
    """`rows` are new or replace the row of the same key; oldest first. `removed` are keys."""

    rows: list[PostRow]
    removed: list[str]


class Figures(TypedDict):
    """Counts of mentions in a stretch of time; `net` is their mean score, None without any."""

    mentions: int
    negative: int
    neutral: int
    positive: int
    net: float | None


class Slot(Figures):
    """Figures of one half-hour."""

    at: str


class TopicCount(TypedDict):
    topic: str
    mentions: int
    negative: int


class Brand(TypedDict):
    """A brand's mood: the last hour, the 23 hours before it, and the last day by half-hours."""

    name: str
    hour: Figures
    before: Figures
    day: list[Slot]
    topics: list[TopicCount]  # of the last hour, the most negative first
    incident: str | None  # severity of its open incident


class Delivery(TypedDict):
    """The last attempt to tell one receiver about the newest transition sent to it."""

    receiver: str
    outcome: str
    status_code: int
    attempts: int
    at: str


class Carried(TypedDict):
    """By whom most of an incident is; a pair is None where it is many people's own words."""

    authors: tuple[int, float] | None  # so few wrote this share of it
    copies: tuple[int, int] | None  # so many near-copies of one text, of so many looked at


class Unusual(TypedDict):
    """A source or language that makes up notably more of an incident than it usually does."""

    name: str
    share: float
    usual_share: float


class Alert(TypedDict):
    """An incident as of its newest transition."""

    id: str
    rule: str
    brand: str
    topic: str
    state: str
    open: bool
    severity: str
    opened_at: str
    changed_at: str
    observed: float
    expected: float
    kind: str  # "mood", or "no_data": nothing is known, and `summary` says of what
    summary: str
    condition: str  # what fired: "count", "share" or "count_and_share"
    negative: int | None
    mentions: int | None
    minutes: int | None
    share: float | None
    expected_share: float | None
    authors: int | None
    texts: int | None
    carried: Carried
    unusual: list[Unusual]  # the surest first
    terms: list[str]  # what its texts say more often than usual
    receivers: list[str]
    deliveries: list[Delivery]
    posts: list[PostRow]  # telling posts that still exist, as they read now


class Status(TypedDict):
    """How fresh all this is. `data` is "live", "late" (known only up to `data_to`) or "none"."""

    now: str  # service time: the scenario's in a demo
    factor: float  # seconds of service time in a second; 0 while a demo waits at its start
    data: Literal["live", "late", "none"]
    data_to: str | None
    stored: int  # posts in the table
    posts_per_second: float
    dead_letters: int | None  # None: not known in this process
    problem: str | None


class Snapshot(TypedDict):
    """Everything on the page."""

    posts: list[PostRow]
    brands: list[Brand]
    alerts: list[Alert]
    status: Status
