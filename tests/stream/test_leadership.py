"""One watcher acts: it leads only while the group's coordinator has confirmed it lately."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import CommitFailedError, KafkaTimeoutError
from kafka.structs import MemberState, TopicPartition

from stream import metrics
from stream.health import Health
from stream.leadership import Alone, Election, leadership_for
from stream.settings import ClickHouse, Kafka, Settings
from tests.stream.consuming import eventually

HELD = TopicPartition("undertone.leader", 0)
TIMEOUT = timedelta(seconds=20)


class Member:
    """A Kafka client, as far as an election uses it: what it holds, and what it is answered."""

    def __init__(self) -> None:
        self.held = {HELD}
        self.answer: Exception | None = None
        self.state: Any = MemberState.STABLE
        self._manager = SimpleNamespace(bootstrap_async=lambda *_, **__: None)

    def poll(self, timeout_ms: int) -> dict[Any, Any]:
        return {}

    def assignment(self) -> set[TopicPartition]:
        return self.held

    def pause(self, *_: TopicPartition) -> None:
        pass

    def commit(self, offsets: Any, timeout_ms: int) -> None:
        assert set(offsets) == self.held
        if self.answer:
            raise self.answer

    def group_metadata(self) -> Any:
        return SimpleNamespace(state=self.state, member_id="me")


class Standing:
    """An election whose member and clock are the test's."""

    def __init__(self) -> None:
        self.time = 0.0
        self.member = Member()
        settings = Kafka(session_timeout=TIMEOUT)
        self.election = Election(settings, HELD.topic, Health(), now=lambda: self.time)
        self.election.resign()  # so that it never sleeps

    def asks(self, answer: Exception | None = None) -> int | None:
        self.member.answer = answer
        self.election._ask(self.member)
        return self.election.term()


@pytest.fixture
def standing() -> Standing:
    return Standing()


def leads() -> float | None:
    return metrics.REGISTRY.get_sample_value("undertone_leader")


def test_it_leads_once_the_coordinator_took_its_word(standing: Standing) -> None:
    assert standing.election.term() is None
    assert (standing.asks(), leads()) == (1, 1)


def test_a_watcher_that_slept_does_not_act_before_it_has_asked_again(standing: Standing) -> None:
    """Another may have led since: its session ended while it slept."""
    standing.asks()
    standing.time += TIMEOUT.total_seconds() - 0.1
    assert standing.election.term() == 1
    standing.time += 0.1
    assert standing.election.term() is None
    assert standing.asks() == 1  # nobody has led


def test_one_that_was_left_out_learns_it_and_begins_a_new_term_later(standing: Standing) -> None:
    standing.asks()
    assert (standing.asks(CommitFailedError("unknown member")), leads()) == (None, 0)
    assert standing.asks() == 2


def test_one_whose_partition_is_anothers_follows(standing: Standing) -> None:
    standing.asks()
    standing.member.held = set()
    assert standing.asks() is None


def test_while_no_broker_answers_the_leader_stays_and_a_follower_waits(standing: Standing) -> None:
    assert standing.asks(KafkaTimeoutError("no broker")) is None
    standing.asks()
    for _ in range(5):
        standing.time += TIMEOUT.total_seconds()
        assert standing.asks(KafkaTimeoutError("no broker")) == 1


def test_only_watchers_that_share_a_database_and_a_broker_hold_an_election() -> None:
    server = ClickHouse(interface="http")
    apart = (Settings(), Settings(clickhouse=server))
    assert all(isinstance(leadership_for(one, Health()), Alone) for one in apart)
    shared = Settings(clickhouse=server, kafka=Kafka(bootstrap_servers="kafka:9092"))
    assert isinstance(leadership_for(shared, Health()), Election)


@pytest.fixture
def stand(kafka_settings: Kafka) -> Iterator[Callable[[], Election]]:
    """Begin an election on the embedded broker."""
    begun: list[tuple[Election, threading.Thread]] = []

    def begin() -> Election:
        health = Health()
        one = Election(kafka_settings, f"{kafka_settings.topic}.leader", health)
        one_thread = threading.Thread(target=one.run)
        one_thread.start()
        begun.append((one, one_thread))
        return one

    yield begin
    for one, _ in begun:
        one.resign()
    for _, thread in begun:
        thread.join(10)
        assert not thread.is_alive()


def test_two_watchers_have_one_leader_and_the_other_takes_over(
    stand: Callable[[], Election],
) -> None:
    """The topic is made by the first that comes.

    One after the other: the embedded broker lets those that join at once wait (decision 007).
    """
    first = stand()
    eventually(lambda: first.term() is not None)
    second = stand()

    def leaders() -> list[Election]:
        return [one for one in (first, second) if one.term() is not None]

    eventually(lambda: second.stands and len(leaders()) == 1)
    leader = leaders()[0]
    leader.resign()
    eventually(lambda: leader.term() is None and len(leaders()) == 1)


def test_who_waits_in_vain_takes_out_those_the_group_waits_for(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded broker leaves out nobody who was killed."""
    asked: list[str] = []
    monkeypatch.setattr(
        "stream.leadership.kafka.take_out_others", lambda *given: asked.append(given[-1])
    )
    standing.member.held, standing.member.state = set(), MemberState.REBALANCING
    standing.asks()
    standing.time += 79  # session_timeout and max_poll_interval are 80 s together
    standing.asks()
    assert not asked
    standing.time += 2
    standing.asks()
    standing.asks()
    assert asked == ["me"]
    standing.member.state = MemberState.STABLE  # a follower may wait for ever
    standing.asks()
    standing.time += 1000
    standing.asks()
    assert asked == ["me"]


def test_a_topic_of_two_partitions_would_make_two_leaders_and_makes_none(
    kafka_settings: Kafka,
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=kafka_settings.bootstrap_servers)
    admin.create_topics([NewTopic("two", 2, 1)])
    admin.close()
    health = Health()
    one = Election(kafka_settings, "two", health)
    thread = threading.Thread(target=one.run)
    thread.start()
    eventually(lambda: bool(health.problems()))
    one.resign()
    thread.join(10)
    assert one.term() is None
    assert "topic two has 2 partitions: create it with one" in health.problems()[0]
