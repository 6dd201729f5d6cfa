"""What the tables must hold in the end: a plain batch job over the log of messages.

It shares no code and no SQL with the service, and knows only as much of the contract as the chaos
runner produces: brands and topics are words of the text (a name in Chinese may stand anywhere),
every post names its language.

Where messages of a post disagree about `created_at`, the first one INSERTED stands, and a log does
not say which that was: two consumers may read two partitions at once. So the oracle is told the
claims that stand (`post_keys`) and accepts one only if it could have won: in each partition
everything before a message was taken before it, so only the dates up to the first that is not
expired can ever have been claimed from there. Where all messages of a post lie in one partition
and its first one is not expired, as nearly always, a single date is left.

Posts and windows older than the retention are frozen and not compared: what they hold depends on
when they were read.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

Key = tuple[str, str]  # source, post_id
Topics = dict[str, list[str]]
Brands = Mapping[str, tuple[list[str], Topics]]  # brand → the words that name it, its topics
Window = tuple[int, str, str, str, str]  # minute (Unix ms), brand, topic, source, lang
Units = tuple[int, int, int]  # negative, neutral, positive; they sum to 10000
Score = Callable[[str, str, int], Units]  # of text, target, generation

ALL_ONES = 2**128 - 1
MINUTE = 60_000
AHEAD = timedelta(minutes=10)


class Message(NamedTuple):
    """One message of the log."""

    partition: int
    offset: int
    time: datetime
    key: bytes | None
    value: bytes | None


class Said(NamedTuple):
    """What a message that keeps the contract says."""

    message: Message
    post: Key
    date: int  # Unix ms; a tombstone's is its record's
    order: tuple[int, int, int]  # the post's own clock, the record's, the offset
    fields: dict[str, Any] | None  # None: a tombstone


@dataclass
class Truth:
    """The final rows by post, the final windows, and what is wrong with the claims."""

    posts: dict[Key, dict[str, Any]] = field(default_factory=dict)
    windows: dict[Window, dict[str, int]] = field(default_factory=dict)
    totals: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)


@dataclass
class Expectation:
    """What is known before the claims are: the messages of each post, and which were refused."""

    said: dict[Key, list[Said]]
    refused: set[tuple[int, int]]  # partition and offset of what belongs to the dead letters
    oldest: int  # what lies before it (Unix ms) is frozen
    brands: Brands
    generation: int
    score: Score

    def under(self, claims: Mapping[Key, int]) -> Truth:
        """The truth, each post under the date that stands for it (Unix ms)."""
        truth = Truth()
        for post in claims.keys() - self.said.keys():
            truth.complaints.append(f"post_keys: {post} was never sent")
        for post, said in self.said.items():
            allowed = self._claimable(said)
            claim = claims.get(post)
            if claim is None:
                if max(allowed) >= self.oldest:
                    truth.complaints.append(f"post_keys: {post} is missing")
            elif claim not in allowed:
                truth.complaints.append(f"post_keys: {post} has {claim}, not one of {allowed}")
            elif claim >= self.oldest:
                # A message that claims to be older than the retention was never taken.
                taken = [one for one in said if one.date >= self.oldest]
                if all(one.fields is not None for one in taken):
                    final = max(taken, key=lambda one: one.order)
                    truth.posts[post] = self._row(final, claim)
        _fill_windows(truth, self.oldest)
        return truth

    def _claimable(self, said: list[Said]) -> list[int]:
        dates = []
        for partition in {one.message.partition for one in said}:
            for one in said:
                if one.message.partition == partition:
                    dates.append(one.date)
                    if one.date >= self.oldest:
                        break
        return dates

    def _row(self, said: Said, created_at: int) -> dict[str, Any]:
        assert said.fields is not None
        fields = said.fields
        author = fields.get("author") or {}
        own, kafka, offset = said.order
        number = own
        for bits, part in ((44, kafka), (24, offset % 2**24), (16, self.generation)):
            number = number * 2**bits + part
        row = {
            "created_at": created_at,
            "updated_at": _ms(fields["updated_at"]) if "updated_at" in fields else None,
            "kind": fields.get("kind", "post"),
            "text": fields["text"],
            "lang": fields["lang"].split("-")[0].lower(),
            "author_id": author.get("id", ""),
            "followers": author.get("followers", 0),
            "kafka_partition": said.message.partition,
            "kafka_offset": offset,
            "kafka_time": kafka,
            "generation": self.generation,
            "version": number,
        }
        found = mentions(fields["text"], self.brands)
        units = [self.score(fields["text"], target, self.generation) for _, _, target in found]
        row["brand"] = [brand for brand, _, _ in found]
        row["topics"] = [topics for _, topics, _ in found]
        for place, name in enumerate(("negative", "neutral", "positive")):
            row[name] = [three[place] for three in units]
        row["score"] = [positive - negative for negative, _, positive in units]
        return row


def expect(
    log: Iterable[Message],
    *,
    now: datetime,
    retention: timedelta,
    brands: Brands,
    generation: int,
    score: Score,
) -> Expectation:
    """Read a whole log, in any order; `generation` is the one that took every message last."""
    said: dict[Key, list[Said]] = defaultdict(list)
    refused = set()
    for message in sorted(log, key=lambda one: (one.partition, one.offset)):
        one = read(message)
        if one is None:
            refused.add((message.partition, message.offset))
        else:
            said[one.post].append(one)
    oldest = _milliseconds(now - retention)
    return Expectation(dict(said), refused, oldest, brands, generation, score)


def read(message: Message) -> Said | None:
    """What a message says; None where it breaks the contract."""
    offset, kafka = message.offset, _milliseconds(message.time)
    try:
        if message.value is None:
            source, post_id = (message.key or b"").decode().split(":", 1)
            fields = {"source": source, "post_id": post_id, "deleted": True}
        else:
            fields = json.loads(message.value)
        post = fields["source"], fields["post_id"]
        if not re.fullmatch("[a-z0-9_-]{1,64}", post[0]) or not post[1]:
            return None
        if fields.get("deleted"):
            return Said(message, post, kafka, (0, kafka, offset), None)
        times = [datetime.fromisoformat(fields["created_at"])]
        if "updated_at" in fields:
            times.append(datetime.fromisoformat(fields["updated_at"]))
        if times != sorted(times) or times[-1] > message.time + AHEAD:
            return None
        len(fields["text"]) + len(fields["lang"])  # both must be there
    except (ValueError, KeyError, TypeError, UnicodeDecodeError):
        return None
    order = _milliseconds(times[-1]), kafka, offset
    return Said(message, post, _milliseconds(times[0]), order, fields)


def mentions(text: str, brands: Brands) -> list[tuple[str, list[str], str]]:
    """Brand, topics and target (the name as it is written first), in order of appearance."""
    found = []
    for brand, (names, topics) in brands.items():
        first = _named(names, text)
        if first:
            about = [topic for topic, words in topics.items() if _named(words, text)]
            found.append((first.start(), brand, about, first[0]))
    return [(brand, about, target) for _, brand, about, target in sorted(found)]


def _named(words: list[str], text: str) -> re.Match[str] | None:
    longest_first = sorted(words, key=len, reverse=True)
    parts = [rf"\b{re.escape(w)}\b" if w.isascii() else re.escape(w) for w in longest_first]
    return re.search("|".join(parts), text, re.IGNORECASE)


def _fill_windows(truth: Truth, oldest: int) -> None:
    """Count the mentions of the final rows by window, and the distinct ones over all windows."""
    sets: dict[Any, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    sums: dict[Window, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (source, _), row in truth.posts.items():
        minute = row["created_at"] // MINUTE * MINUTE
        if minute < oldest:
            continue
        copy = " ".join(row["text"].casefold().split())
        author = f"{source}:{row['author_id']}" if row["author_id"] else f"text:{copy}"
        for place, brand in enumerate(row["brand"]):
            units = [row[label][place] for label in ("negative", "neutral", "positive")]
            label = ("negative", "neutral", "positive")[units.index(max(units))]
            for topic in ("", *row["topics"][place]):
                window = minute, brand, topic, source, row["lang"]
                counts = sums[window]
                counts["mentions"] += 1
                counts[label] += 1
                counts["score_sum"] += row["score"][place]
                counts["reach"] += row["followers"]
                for group in (window, (brand, topic)):
                    sets[group]["authors"].add(author)
                    sets[group]["texts"].add(copy)
                    if label == "negative":
                        sets[group]["negative_authors"].add(author)
    for window, counts in sums.items():
        truth.windows[window] = dict(counts)
    for group, distinct in sets.items():
        numbers = {name: len(members) for name, members in distinct.items()}
        if len(group) == 2:
            truth.totals[group] = numbers
        else:
            truth.windows[group] |= numbers


def _ms(time: str) -> int:
    return _milliseconds(datetime.fromisoformat(time))


def _milliseconds(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
