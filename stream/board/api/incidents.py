"""`incidents`: what stands and what happened, and what people do about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from pydantic import Field
from typing_extensions import TypedDict

from stream.alerting import acts
from stream.alerting.incidents import Incident, State, Transition
from stream.board import queries
from stream.board.api.asks import Asks, Said, Time
from stream.board.api.deliveries import DeliveryRow
from stream.board.api.described import described
from stream.board.api.endpoints import Asked, Endpoint
from stream.board.present import post_key, telling_keys
from stream.board.shapes import PostRow
from stream.delivery import attempts as kept
from stream.errors import UsageError

_LOOK_BACK = timedelta(days=7)

IncidentRow = described("IncidentRow", Incident, state=State)
TransitionRow = described("TransitionRow", Transition)


class IncidentAnswer(TypedDict):
    """An incident with all that happened to it.

    `evidence` is that of its last verdict, without posts that are gone since; `posts` are its
    telling posts as they read now, `deliveries` every attempt to tell somebody, the newest first,
    and `related` the others of its group.
    """

    incident: IncidentRow  # type: ignore[valid-type]
    transitions: list[TransitionRow]  # type: ignore[valid-type]
    evidence: dict[str, Any]
    posts: list[PostRow]
    deliveries: list[DeliveryRow]
    related: list[IncidentRow]  # type: ignore[valid-type]


class DriverRow(TypedDict):
    """What carries an incident more than usual: a topic, source or language, or a term."""

    of: Literal["topic", "source", "language", "term"]
    name: str
    negative: int
    share: float | None
    usual_share: float | None
    z: float


class IncidentsAsks(Asks):
    state: State | Literal[""] = ""
    brand: str = Field("", max_length=100)
    topic: str = Field("", max_length=100, description="empty: any")
    since: Time | None = Field(
        None, alias="from", description="what stands, or changed since; default: seven days ago"
    )
    until: Time | None = Field(None, alias="to", description="opened before; default: any time")


def incidents(asked: Asked, asks: IncidentsAsks) -> Any:
    since = asks.since or (asks.until or asked.now) - _LOOK_BACK
    if asks.until and since >= asks.until:
        raise UsageError("from: must be before to")
    return acts.as_json(
        [
            one
            for one in acts.incidents(asked.client, since)
            if asks.state in ("", one.state)
            and asks.brand in ("", one.brand)
            and asks.topic in ("", one.topic)
            and (asks.until is None or one.opened_at < asks.until)
        ]
    )


def incident(asked: Asked, _: Asks) -> Any:
    life = acts.life(asked.client, asked.places["id"])
    told = acts.as_json(life)
    posts = queries.posts_in_order(asked.client, telling_keys(life.evidence))
    there = {row["key"] for row in posts}
    evidence = told["evidence"]
    if isinstance(evidence.get("posts"), list):
        evidence["posts"] = [post for post in evidence["posts"] if _key(post) in there]
    sent = kept.attempts(asked.client, alert=life.incident.alert_id, limit=kept.MOST_LISTED)
    return told | {
        "posts": posts,
        "deliveries": [kept.as_plain(one) for one in sent],
        "related": acts.as_json(acts.related(asked.client, life.incident)),
    }


def transitions(asked: Asked, _: Asks) -> Any:
    return acts.as_json(acts.life(asked.client, asked.places["id"]).transitions)


def drivers(asked: Asked, _: Asks) -> list[DriverRow]:
    evidence = acts.life(asked.client, asked.places["id"]).evidence
    kinds: tuple[Literal["topic", "source", "language"], ...] = ("topic", "source", "language")
    rows: list[DriverRow] = [
        {
            "of": kind,
            "name": one["name"],
            "negative": one["negative"],
            "share": one["share"],
            "usual_share": one["usual_share"],
            "z": one["z"],
        }
        for kind in kinds
        for one in evidence.get(f"{kind}_shares", [])
    ]
    terms: list[DriverRow] = [
        {
            "of": "term",
            "name": one["term"],
            "negative": one["texts"],
            "share": None,
            "usual_share": None,
            "z": one["z"],
        }
        for one in evidence.get("term_details", [])
    ]
    return rows + terms


def acknowledge(asked: Asked, said: Said) -> Any:
    by = asked.actor(said.by)
    return acts.as_json(
        acts.acknowledge(asked.client, asked.places["id"], by, said.comment, asked.now)
    )


def comment(asked: Asked, said: Said) -> Any:
    by = asked.actor(said.by)
    if not said.comment.strip():
        raise UsageError("comment: is empty; say something")
    return acts.as_json(acts.comment(asked.client, asked.places["id"], by, said.comment, asked.now))


def _key(post: Any) -> str:
    return post_key(str(post.get("source")), str(post.get("post_id")))


INCIDENTS = (
    Endpoint(
        "GET",
        "incidents",
        "Incidents that stand or changed lately: what stands first, then the newest",
        IncidentsAsks,
        list[IncidentRow],  # type: ignore[valid-type]
        incidents,
    ),
    Endpoint(
        "GET",
        "incidents/{id}",
        "One incident: its life, its evidence, who was told, what belongs with it",
        Asks,
        IncidentAnswer,
        incident,
    ),
    Endpoint(
        "GET",
        "incidents/{id}/transitions",
        "All that happened to one incident, in order",
        Asks,
        list[TransitionRow],  # type: ignore[valid-type]
        transitions,
    ),
    Endpoint(
        "GET",
        "incidents/{id}/drivers",
        "What carries one incident more than usual: topics, sources, languages, terms",
        Asks,
        list[DriverRow],
        drivers,
    ),
    Endpoint(
        "POST",
        "incidents/{id}/acknowledge",
        "Take an incident: it escalates no further",
        Said,
        IncidentRow,
        acknowledge,
    ),
    Endpoint(
        "POST",
        "incidents/{id}/comment",
        "Say something about an incident; nobody is told",
        Said,
        IncidentRow,
        comment,
    ),
)
