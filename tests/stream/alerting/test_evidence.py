"""Evidence: counts that hold, against what is usual; posts that differ; no link that is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from stream.alerting.advance import advance
from stream.alerting.evidence import Evidence, gather
from stream.alerting.incidents import Transition
from stream.alerting.minutes import count_authors
from stream.database import Client
from stream.detector.verdict import Verdict
from stream.generations import Analysis, activate
from stream.match import Mention
from stream.post import Author
from stream.rules import Rule
from stream.score import ScoredMention
from stream.settings import ClickHouse
from tests.stream.speaking import World, post, quiet

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
AT = NOON - timedelta(minutes=9)
RULE = Rule(name="mood")
LIMIT = timedelta(seconds=20)


def opened(brand: str = "Acme", topic: str = "") -> tuple[Transition, Verdict]:
    """An opening by a verdict on the half hour before noon."""
    since = NOON - timedelta(minutes=30)
    verdict = Verdict(NOON, since, 0.8, True, "share", 9, 12, 1.5, 0.0, 4.0, 0.2, 1e-9, 1e-6)
    found = advance(None, verdict, RULE, brand, topic)[1]
    assert found is not None
    return found.row, verdict


@pytest.fixture(scope="module")
def world(shared_world: World) -> World:
    """A day of everyday talk, then six complaints in five texts, and what is not of the rise."""
    activate(shared_world.client, Analysis("a" * 64, "b" * 64))
    famous = Author(id="f", name="Famous", followers=90_000)
    hot = [
        post(AT, text="A battery burns <b>hot</b>", author=famous, topics=("battery",)),
        post(AT, text="a  battery burns <b>hot</b>", lang="de", source="twitter"),
        post(AT, text="A battery burnt my hand", url="javascript:alert(1)"),
        post(AT, text="A电池过热了", source="weibo", lang="zh", topics=("battery", "price")),
        post(AT, text="A电池过热" + "x" * 400, source="weibo", lang="zh", author=None),
        post(AT + timedelta(minutes=1), text="A battery 过热 again", url="https://x.example/p"),
    ]
    other = [
        post(AT, "positive"),
        post(AT, brand="Bolt"),
        post(NOON, text="too late"),
        post(NOON - timedelta(minutes=31), text="too early"),
        *(post(NOON - timedelta(hours=i), brand="Bolt", topics=("price",)) for i in range(2, 9)),
    ]
    usual = quiet(NOON - timedelta(hours=20), NOON - timedelta(hours=1))
    shared_world.say([*usual, *hot, *other], NOON)
    return shared_world


def test_it_counts_and_names(world: World) -> None:
    found = gather(world.client, *opened(), RULE, LIMIT)
    assert (found.posts_counted, found.texts, found.authors) == (6, 5, 6)
    assert found.summary == "6 posts, 5 distinct texts, 6 authors"
    assert found.sources == {"reddit": 3, "weibo": 2, "twitter": 1}
    assert found.languages == {"en": 3, "zh": 2, "de": 1}
    assert found.topics == {"battery": 2, "price": 1}
    assert (found.minutes, found.share) == (30, 0.75)
    assert {"battery", "过热"} <= set(found.terms)
    assert [term.term for term in found.term_details] == found.terms
    assert Evidence.model_validate_json(found.model_dump_json()) == found


def test_parts_are_held_against_what_is_usual(world: World) -> None:
    found = gather(world.client, *opened(), RULE, LIMIT)
    shares = {one.name: (one.share, one.usual_share) for one in found.source_shares}
    assert shares == {"reddit": (0.5, 1.0), "weibo": (0.3333, 0.0), "twitter": (0.1667, 0.0)}
    surest = max(found.source_shares, key=lambda one: one.z)
    assert (surest.name, surest.z > 1.5) == ("weibo", True)
    assert [one.name for one in found.language_shares] == ["en", "zh", "de"]
    assert {one.name: one.usual_share for one in found.topic_shares} == {"battery": 0, "price": 0}


def test_it_names_what_it_was_judged_by(world: World) -> None:
    found = gather(world.client, *opened(), RULE, LIMIT)
    assert (found.generation, found.model, found.catalogue) == (3, "", "")
    for _ in range(2):  # what changes the analysis makes the generations 2 and 3
        activate(world.client, Analysis(f"{_}" * 64, "b" * 64))
    found = gather(world.client, *opened(), RULE, LIMIT)
    assert (found.model, found.catalogue) == ("1" * 12, "b" * 12)
    assert found.rule_version == RULE.version
    assert RULE.model_copy(update={"receivers": ("team",)}).version == RULE.version
    assert RULE.model_copy(update={"sensitivity": 1.0}).version != RULE.version


def test_the_most_telling_posts_differ_and_link_only_to_the_web(world: World) -> None:
    posts = gather(world.client, *opened(), RULE, LIMIT).posts
    assert (posts[0].author, posts[0].negative, posts[0].followers) == ("Famous", 0.8, 90_000)
    assert len({one.text.casefold() for one in posts}) == len(posts) == 5
    assert {one.url for one in posts} == {"", "https://x.example/p"}
    assert max(len(one.text) for one in posts) == 280


def test_the_deciding_post_is_the_latest(world: World) -> None:
    deciding = gather(world.client, *opened(), RULE, LIMIT).deciding_post
    assert deciding is not None
    assert deciding.created_at == AT + timedelta(minutes=1)
    assert abs(deciding.ingested_at - datetime.now(UTC)) < timedelta(minutes=5)


def test_a_topic_has_evidence_of_its_own(world: World) -> None:
    narrow = gather(world.client, *opened(topic="price"), RULE, LIMIT)
    assert (narrow.posts_counted, narrow.topics) == (1, {"battery": 1, "price": 1})
    assert [one.name for one in narrow.topic_shares] == ["battery"]
    since = NOON - timedelta(minutes=30)
    assert count_authors(world.client, RULE, ("Acme", ""), since, NOON, 20) == 6
    assert count_authors(world.client, RULE, ("Acme", "price"), since, NOON, 20) == 1


def test_one_text_by_few_is_said(client: Client, clickhouse_settings: ClickHouse) -> None:
    """Copies are told by numbers and names apart; other brands of the same posts are named."""
    troll = Author(id="troll", name="Troll", followers=1)
    mentions = [ScoredMention(Mention(b, (), ((0, 1),)), 8000, 1500, 500) for b in ("Acme", "Bolt")]
    copies = [
        post(AT, text=f"A is a fraud, sign no. {i} @n{i}", author=troll, mentions=mentions)
        for i in range(9)
    ]
    World(client, clickhouse_settings).say([*copies, post(AT, text="A never came")], NOON)
    found = gather(client, *opened(), RULE, LIMIT)
    assert found.carried_by.words == (
        "1 author wrote 90 % of it; 9 of 10 are near-copies of one text"
    )
    assert (found.carried_by.few_authors, found.carried_by.one_text) == (True, True)
    assert len(found.posts) == 2
    assert found.brands == {"Bolt": 9}


def test_evidence_of_nothing_is_empty(world: World) -> None:
    found = gather(world.client, *opened(brand="'; DROP TABLE posts --"), RULE, LIMIT)
    assert (found.posts_counted, found.posts, found.deciding_post) == (0, [], None)
    assert (found.terms, found.source_shares, found.carried_by.words) == ([], [], "")
