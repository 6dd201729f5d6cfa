"""Evidence: counts that hold, one post a text, no link that is none, terms of every script."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stream.alerting.advance import advance
from stream.alerting.evidence import Evidence, gather
from stream.alerting.incidents import Transition
from stream.alerting.minutes import count_authors
from stream.alerting.terms import leading_terms
from stream.database import Client
from stream.detector.verdict import Verdict
from stream.post import Author
from stream.rules import Rule
from stream.settings import ClickHouse
from tests.stream.speaking import World, post, quiet

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
RULE = Rule(name="mood")
LIMIT = timedelta(seconds=20)


def opened(brand: str = "Acme", topic: str = "") -> tuple[Transition, Verdict]:
    """An opening by a verdict on the half hour before noon."""
    since = NOON - timedelta(minutes=30)
    verdict = Verdict(NOON, since, 0.8, True, "share", 9, 12, 1.5, 0.0, 4.0, 0.2, 1e-9, 1e-6)
    found = advance(None, verdict, RULE, brand, topic)[1]
    assert found is not None
    return found.row, verdict


def test_evidence_counts_names_and_quotes(client: Client, clickhouse_settings: ClickHouse) -> None:
    world = World(client, clickhouse_settings)
    at = NOON - timedelta(minutes=9)
    famous = Author(id="f", name="Famous", followers=90_000)
    hot = [
        post(at, text="the battery burns <b>hot</b>", author=famous, topics=("battery",)),
        post(at, text="The  battery burns <b>hot</b>", lang="de", source="twitter"),
        post(at, text="battery burns my hand", url="javascript:alert(1)"),
        post(at, text="电池过热了", source="weibo", lang="zh", topics=("battery", "price")),
        post(at, text="电池过热" + "x" * 400, source="weibo", lang="zh", author=None),
        post(at + timedelta(minutes=1), text="battery 过热 again", url="https://x.example/p"),
    ]
    other = [
        post(at, "positive"),
        post(at, brand="Bolt"),
        post(NOON, text="too late"),
        post(NOON - timedelta(minutes=31), text="too early"),
    ]
    world.say([*quiet(NOON - timedelta(hours=20), NOON - timedelta(hours=1)), *hot, *other], NOON)
    found = gather(client, *opened(), RULE, LIMIT)
    assert (found.posts_counted, found.texts, found.authors) == (6, 5, 6)
    assert found.summary == "6 posts, 5 distinct texts, 6 authors"
    assert found.sources == {"reddit": 3, "weibo": 2, "twitter": 1}
    assert found.languages == {"en": 3, "zh": 2, "de": 1}
    assert found.topics == {"battery": 2, "price": 1}
    assert (found.generation, found.minutes, found.share) == (3, 30, 0.75)
    assert {"battery", "过热"} <= set(found.terms)
    assert len(found.posts) == 5
    first = found.posts[0]
    assert (first.author, first.negative) == ("Famous", 0.8)
    assert {one.url for one in found.posts} == {"", "https://x.example/p"}
    assert max(len(one.text) for one in found.posts) == 280
    assert found.deciding_post is not None
    assert found.deciding_post.created_at == at + timedelta(minutes=1)
    assert abs(found.deciding_post.ingested_at - datetime.now(UTC)) < timedelta(minutes=5)
    assert Evidence.model_validate_json(found.model_dump_json()) == found

    narrow = gather(client, *opened(topic="price"), RULE, LIMIT)
    assert (narrow.posts_counted, narrow.topics) == (1, {"battery": 1, "price": 1})
    since = NOON - timedelta(minutes=30)
    assert count_authors(client, RULE, ("Acme", ""), since, NOON, 20) == 6
    assert count_authors(client, RULE, ("Acme", "price"), since, NOON, 20) == 1


def test_evidence_of_nothing_is_empty(client: Client) -> None:
    found = gather(client, *opened(brand="'; DROP TABLE posts --"), RULE, LIMIT)
    assert (found.posts_counted, found.posts, found.deciding_post) == (0, [], None)


def test_terms_are_those_said_more_than_before() -> None:
    usual = [f"Acme phone number {i} is fine" for i in range(50)]
    now = [f"Acme phone 过热 {word} https://x.example/overheat @overheat" for word in ("a",) * 2]
    now += ["Acme phone overheating, überhitzt 过热"] * 6 + ["cleaning cleaning cleaning"]
    terms = leading_terms(now, usual)
    assert terms[:1] == ["过热"]
    assert {"overheating", "überhitzt"} <= set(terms)
    assert not {"acme", "phone", "cleaning", "overheat", "example"} & set(terms)
    assert leading_terms([], usual) == []
    assert leading_terms(usual, usual) == []
