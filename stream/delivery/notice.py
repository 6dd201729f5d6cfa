"""What is told: a row of `alerts` with its evidence, as every format gets it.

A row may be older than this code, or newer: what is missing is empty, what is unknown is kept for
the generic format, and what has the wrong shape is left out. A notice is never held up by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


Time = Annotated[datetime, AfterValidator(_utc)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class Post(_Part):
    """A post that says what this is about. All of it was written by strangers."""

    source: str = ""
    post_id: str = ""
    created_at: Time | None = None
    author: str = ""
    followers: int = 0
    url: str = ""
    text: str = ""
    negative: float | None = Field(None, description="probability, 0 to 1")


class CarriedBy(_Part):
    """Whether many posts are few voices."""

    few_authors: bool = Field(False, description="`authors` wrote the share `authors_share`")
    authors: int = 0
    authors_share: float = 0.0
    one_text: bool = Field(False, description="`near_copies` of `looked_at` are of one text")
    near_copies: int = 0
    looked_at: int = 0


class Evidence(_Part):
    """Why: counts are of mentions in [since, until), and null where the alert counts none."""

    condition: str = Field("", description="what fired, by name")
    since: Time | None = None
    until: Time | None = None
    minutes: int | None = None
    negative: int | None = Field(None, description="negative mentions")
    mentions: int | None = Field(None, description="mentions of any mood")
    expected: float | None = Field(None, description="negative mentions usual for such a time")
    posts_counted: int | None = None
    texts: int | None = Field(None, description="distinct texts among the negative")
    authors: int | None = Field(None, description="distinct authors of the negative")
    summary: str = ""
    carried_by: CarriedBy | None = None
    sources: dict[str, int] = Field({}, description="negative mentions by source")
    languages: dict[str, int] = {}
    topics: dict[str, int] = {}
    terms: list[str] = Field([], description="words that set them apart from what is usual")
    posts: list[Post] = Field([], description="the most telling ones first")


class Notice(_Part):
    """One transition of one alert."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    alert_id: str
    step: int = Field(description="transitions of one alert in their order")
    transition: str = Field(description="opened, escalated, updated, acknowledged, resolved, …")
    kind: str = Field("mood", description="mood: a spike of negative mentions; others by name")
    rule: str
    brand: str
    topic: str = Field(description="empty: the brand as a whole")
    state: str = Field(description="open, acknowledged, resolved, …")
    severity: str = Field(description="warning, high or critical")
    opened_at: Time
    changed_at: Time
    observed: float = Field(description="negative mentions in the window judged")
    expected: float = Field(description="as many are usual for such a time")
    group_key: str = Field("", description="the same for alerts that belong together")
    reason: str = Field("", description="of the transition, by name")
    actor: str = Field("", description="who did it, where a person did")
    comment: str = Field("", description="of that person")
    url: str = Field("", description="of the board at this alert; empty without web.public_url")
    evidence: Evidence = Evidence()


COLUMNS = tuple(name for name in Notice.model_fields if name != "url")
"""Of `alerts`: what a notice is made from."""


def notice_of(row: Mapping[str, Any], public_url: str = "") -> Notice:
    """The notice of a row of `alerts` with the columns `COLUMNS`."""
    evidence = _evidence(row.get("evidence") or "{}")
    told = Notice(**{**row, "evidence": evidence})
    group_key = told.group_key or f"{told.rule}/{told.brand}"
    return told.model_copy(update={"group_key": group_key, "url": _link(told, public_url)})


def smaller(notice: Notice) -> Notice | None:
    """The notice with a little less evidence, the least telling first; None if there is none left.

    Posts go from the last, then terms; then the largest of what else there is.
    """
    evidence = notice.evidence
    for name in ("posts", "terms"):
        if held := getattr(evidence, name):
            return _with(notice, evidence.model_copy(update={name: held[:-1]}))
    left = evidence.model_dump(exclude_defaults=True)
    if left:
        largest = max(left, key=lambda name: len(str(left[name])))
        return _with(notice, _evidence_of({n: v for n, v in left.items() if n != largest}))
    return notice.model_copy(update={"comment": ""}) if notice.comment else None


def without_strangers(notice: Notice) -> Notice:
    """The notice without anything that strangers wrote: some products refuse words or links."""
    return _with(notice, notice.evidence.model_copy(update={"posts": [], "terms": []}))


def _with(notice: Notice, evidence: Evidence) -> Notice:
    return notice.model_copy(update={"evidence": evidence})


def _evidence(text: str) -> Evidence:
    try:
        values = json.loads(text)
    except ValueError:
        return Evidence()
    return _evidence_of(values) if isinstance(values, dict) else Evidence()


def _evidence_of(values: dict[str, Any]) -> Evidence:
    try:
        return Evidence(**values)
    except ValidationError as error:
        wrong = {problem["loc"][0] for problem in error.errors(include_input=False)}
        return Evidence(**{name: value for name, value in values.items() if name not in wrong})


def _link(notice: Notice, public_url: str) -> str:
    """The board at this alert and its time range."""
    if not public_url:
        return ""
    evidence = notice.evidence
    times = {"from": evidence.since or notice.opened_at, "to": evidence.until or notice.changed_at}
    stamps = {name: f"{time:%Y-%m-%dT%H:%M:%SZ}" for name, time in times.items()}
    return f"{public_url}/?{urlencode({'alert': notice.alert_id, **stamps}, safe=':')}"
