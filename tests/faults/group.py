"""The consumer group as the broker sees it, for tests that hit its members."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove
from kafka.errors import NoError
from kafka.structs import TopicPartition

from stream import kafka, topics
from stream.settings import Kafka


class Group:
    """The group of these settings. Calls raise RetryLater while the broker is away."""

    def __init__(self, settings: Kafka) -> None:
        self._settings = settings
        self._marks = 0

    def members(self) -> dict[str, str]:
        """Client names (of `tests.faults.member`) by member id."""
        with self._admin() as admin:
            found = admin.describe_groups([self._settings.group_id])[self._settings.group_id]
        return {one["member_id"]: one["client_id"] for one in found["members"]}

    def evict(self, *clients: str) -> int:
        """Take members out, as Kafka does when it has heard nothing of them for `session_timeout`.

        The embedded broker never does it (seen: a killed member stays in its group, and whoever
        joins waits for it for ever), so whoever kills or pauses a member has to. How many went.
        """
        gone = [one for one, client in self.members().items() if client in clients]
        if gone:
            with self._admin() as admin:
                admin.remove_group_members(
                    self._settings.group_id, [MemberToRemove(member_id=one) for one in gone]
                )
        return len(gone)

    def rewind(self) -> None:
        """Commit offset 0 everywhere, as `kafka-consumer-groups --reset-offsets --to-earliest`.

        Kafka refuses it while the group has members, so all must be gone: AssertionError else.
        """
        assert not self.members()
        places = self._places()
        with self._admin() as admin:
            done = admin.reset_group_offsets(self._settings.group_id, dict.fromkeys(places, 0))
        assert all(one["error"] is NoError for one in done.values()), done

    def mark(self) -> None:
        """Change something at the broker that is nobody's business: another group's offset."""
        place = TopicPartition(self._settings.topic, 0)
        self._marks += 1
        with self._admin() as admin:
            admin.reset_group_offsets("marks", {place: self._marks % 2})

    def offsets(self) -> dict[int, tuple[int, int]]:
        """By partition: what is committed, and where the topic ends."""
        with kafka.errors_sorted():
            client = kafka.consumer(self._settings)
            try:
                return {
                    place.partition: (client.committed(place) or 0, span.stop)
                    for place, span in self._spans(client).items()
                }
            finally:
                client.close(autocommit=False)

    def lag(self) -> int:
        """Messages that are not committed."""
        return sum(end - committed for committed, end in self.offsets().values())

    def _places(self) -> list[TopicPartition]:
        client = kafka.reader(self._settings)
        try:
            return list(self._spans(client))
        finally:
            client.close(autocommit=False)

    def _spans(self, client: Any) -> dict[TopicPartition, range]:
        topic = self._settings.topic
        found = topics.spans(client, topic)
        return {TopicPartition(topic, part): span for part, span in found.items()}

    @contextmanager
    def _admin(self) -> Iterator[Any]:
        with kafka.errors_sorted():
            admin = KafkaAdminClient(**kafka.connection(self._settings))
            try:
                yield admin
            finally:
                admin.close()
