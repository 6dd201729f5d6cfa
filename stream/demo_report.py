"""What the demo tells at its end, and of each alert on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from stream.alerting.judge import Written
from stream.database import Client
from stream.receiver import Receiver
from stream.scenario import Truth


@dataclass(frozen=True)
class Summary:
    """What the demo did, for people and for `--json`."""

    posts_in: int
    stored: int
    deleted: int
    dead_lettered: int
    windows: int
    alerts: int
    webhooks_delivered: int
    webhooks_refused: int
    posts_per_second: float
    seconds_from_deciding_post_to_alert: float | None
    seconds_from_deciding_post_to_webhook: float | None
    counts_as_expected: bool


@dataclass(frozen=True)
class Told:
    """A transition, ready for people."""

    at: datetime
    transition: str
    brand: str
    severity: str
    says: str
    posts: tuple[str, ...]


def sum_up(
    client: Client,
    receiver: Receiver,
    truth: Truth,
    told: Sequence[tuple[Written, datetime]],
    rate: float,
    dead: int,
) -> Summary:
    """Count what stands. `dead` were dead-lettered; `told` is each transition and when written."""

    def count(sql: str) -> int:
        return int(client.query(sql).result_rows[0][0])

    stored = count("SELECT count() FROM posts FINAL")
    deleted = count(
        "SELECT uniqExact(source, post_id) FROM posts WHERE is_deleted AND NOT is_moved"
    )
    return Summary(
        posts_in=truth.messages,
        stored=stored,
        deleted=deleted,
        dead_lettered=dead,
        windows=count("SELECT uniqExact(window_start, brand) FROM window_scores"),
        alerts=len({one.row.alert_id for one, _ in told}),
        webhooks_delivered=len(receiver.verified),
        webhooks_refused=receiver.refused,
        posts_per_second=round(rate, 1),
        seconds_from_deciding_post_to_alert=_to_alert(told),
        seconds_from_deciding_post_to_webhook=_to_webhook(told, receiver),
        counts_as_expected=(stored, deleted, dead)
        == (truth.distinct_posts, truth.deleted, truth.broken),
    )


def _deciding(
    told: Sequence[tuple[Written, datetime]],
) -> tuple[Written, datetime, datetime] | None:
    """The first opening: its transition, when it was written and its deciding post stored."""
    for one, written in told:
        post = one.evidence.deciding_post if one.evidence else None
        if one.row.transition == "opened" and post:
            return one, written, post.ingested_at
    return None


def _to_alert(told: Sequence[tuple[Written, datetime]]) -> float | None:
    found = _deciding(told)
    return round((found[1] - found[2]).total_seconds(), 2) if found else None


def _to_webhook(told: Sequence[tuple[Written, datetime]], receiver: Receiver) -> float | None:
    found = _deciding(told)
    if not found:
        return None
    arrivals = [
        receiver.received_at[webhook_id]
        for webhook_id, payload in receiver.verified.items()
        if payload["data"]["alert_id"] == found[0].row.alert_id
    ]
    return round((min(arrivals) - found[2]).total_seconds(), 2) if arrivals else None


def in_words(written: Written) -> Told:
    """A transition as the terminal shows it."""
    row, evidence = written.row, written.evidence
    says, posts = "calm again", tuple[str, ...]()
    if row.state != "resolved":
        says = row.reason.replace("_", " ")
        if evidence:
            says = (
                f"{evidence.negative} negative of {evidence.mentions} mentions in "
                f"{evidence.minutes} min, {evidence.expected:.1f} expected; "
                f"{evidence.authors} authors"
            )
            posts = tuple(post.text for post in evidence.posts[:2])
    return Told(row.changed_at, row.transition, row.brand, row.severity, says, posts)
