"""The demo's scenario: what it promises to the demo, and that its texts keep their word."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.catalogue import load_catalogue
from stream.decode import Record, decode
from stream.errors import RejectMessage, UsageError
from stream.match import Matcher
from stream.post import Post, Tombstone
from stream.scenario import Message, Scenario, expected, load_scenario, messages

DEMO = Path(__file__).parents[2] / "config" / "demo"
START = datetime(2026, 3, 14, 15, 9, 26, 535_897, tzinfo=UTC)
SCENARIO = load_scenario(DEMO)
PLAYED = messages(SCENARIO, START)
MATCHER = Matcher(load_catalogue(DEMO / "brands.yaml"))
GOOD = {"stored", "duplicate", "edited", "stale", "deleted"}

starts = st.integers(1_577_836_800_000_000, 2_200_000_000_000_000).map(
    lambda microseconds: datetime.fromtimestamp(microseconds / 1_000_000, UTC)
)


def as_record(message: Message) -> Record:
    return Record("posts", 0, 0, message.at, message.key, message.value)


def posts(played: list[Message], *outcomes: str) -> list[Post]:
    found = [decode(as_record(m)).post for m in played if m.expected in outcomes]
    return [post for post in found if isinstance(post, Post)]


def brands(post: Post) -> list[str]:
    return [mention.brand for mention in MATCHER.match(post.text)]


def crisis_posts() -> list[Post]:
    texts = {text.text for text in SCENARIO.pools["crisis"]}
    return [post for post in posts(PLAYED, "stored") if post.text in texts]


@settings(max_examples=5, deadline=None)
@given(start=starts)
def test_a_start_always_gives_the_same_messages_in_order_of_time(start: datetime) -> None:
    played = messages(SCENARIO, start)
    assert played == messages(SCENARIO, start)
    assert [m.at for m in played] == sorted(m.at for m in played)
    first, last = start - SCENARIO.plan.baseline, start + SCENARIO.length
    assert all(first <= m.at <= last for m in played)
    assert any(m.at < start for m in played)


def test_another_seed_gives_another_day_of_about_the_same_size() -> None:
    plan = SCENARIO.plan.model_copy(update={"seed": SCENARIO.plan.seed + 1})
    other = messages(Scenario(plan, SCENARIO.pools), START)
    assert other != PLAYED
    assert 0.9 < len(other) / len(PLAYED) < 1.1


def test_two_starts_share_no_post() -> None:
    later = messages(SCENARIO, START + timedelta(minutes=5))
    names = {m.key for m in PLAYED if m.expected in GOOD}
    assert names.isdisjoint(m.key for m in later if m.expected in GOOD)


@settings(max_examples=3, deadline=None)
@given(start=starts)
def test_every_message_fares_in_the_contract_as_expected(start: datetime) -> None:
    """Good ones decode and carry the key of their post; bad ones are refused for their reason."""
    for message in messages(SCENARIO, start):
        if message.expected in GOOD:
            assert decode(as_record(message)).keyed
        else:
            with pytest.raises(RejectMessage) as refused:
                decode(as_record(message))
            assert refused.value.reason == message.expected


def test_all_ways_to_break_a_message_but_size_occur() -> None:
    broken = {m.expected for m in PLAYED} - GOOD
    assert broken == {
        "not_json", "not_an_object", "not_utf8", "bad_character", "bad_field", "from_the_future",
    }  # fmt: skip


def test_the_truth_counts_posts_as_a_reader_of_the_topic_would() -> None:
    standing: dict[bytes, Post] = {}
    removed, refused = set(), 0
    for message in PLAYED:
        try:
            post = decode(as_record(message)).post
        except RejectMessage:
            refused += 1
            continue
        assert message.key is not None
        if isinstance(post, Tombstone):
            removed.add(message.key)
            standing.pop(message.key)
        else:
            known = standing.get(message.key)
            if known is None:
                assert message.expected == "stored"
            elif post == known:
                assert message.expected == "duplicate"
            else:
                assert post.created_at == known.created_at
                assert message.expected == ("edited" if post.updated_at else "stale")
            if known is None or post.updated_at:
                standing[message.key] = post
    truth = expected(SCENARIO, PLAYED, START)
    assert (truth.messages, truth.broken) == (len(PLAYED), refused)
    assert (truth.distinct_posts, truth.deleted) == (len(standing), len(removed))


def test_posts_are_removed_both_ways_and_after_they_were_written() -> None:
    removals = [m for m in PLAYED if m.expected == "deleted"]
    assert {m.value is None for m in removals} == {True, False}
    for removal in removals:
        assert any(m.key == removal.key and m.at < removal.at for m in PLAYED)


def test_one_edit_names_no_brand_any_more_and_one_turns_complaint_into_praise() -> None:
    edits = posts(PLAYED, "edited")
    assert [] in [brands(post) for post in edits]
    assert [b for post in edits for b in brands(post)]
    assert all(post.updated_at for post in edits)


def test_some_posts_arrive_twenty_minutes_late() -> None:
    late = [
        m
        for m in PLAYED
        if m.expected == "stored"
        and isinstance(post := decode(as_record(m)).post, Post)
        and m.at - post.created_at >= timedelta(minutes=20)
    ]
    assert len(late) >= 2


def test_volumes_make_a_demo_that_is_neither_thin_nor_slow() -> None:
    before = [m for m in PLAYED if m.at < START]
    assert 3000 <= sum(bool(brands(post)) for post in posts(before, "stored")) <= 4000
    assert 900 <= len(PLAYED) - len(before) <= 1300
    assert 200 <= len(crisis_posts()) <= 250


def test_the_crisis_speaks_many_languages_from_many_mouths_and_ends_in_time() -> None:
    truth, crisis = expected(SCENARIO, PLAYED, START), crisis_posts()
    pool = {text.text: text.lang for text in SCENARIO.pools["crisis"]}
    spoken = Counter(pool[post.text] for post in crisis)
    assert sum(count >= 5 for count in spoken.values()) >= 4
    assert len({post.author.id for post in crisis if post.author}) >= 100
    assert all(truth.crisis_brand in brands(post) for post in crisis)
    begins = truth.crisis_begins
    assert min(post.created_at for post in crisis) > begins - timedelta(seconds=10)
    assert max(post.created_at for post in crisis) < START + SCENARIO.length - timedelta(hours=2)


def test_the_burst_is_loud_and_its_mood_is_no_worse_than_usual() -> None:
    truth = expected(SCENARIO, PLAYED, START)
    wave = next(wave for wave in SCENARIO.plan.waves if wave.role == "burst")
    usual = SCENARIO.plan.everyday[truth.burst_brand]
    begins = START + wave.begins
    times = [p.created_at for p in posts(PLAYED, "stored") if truth.burst_brand in brands(p)]
    hour = sum(begins <= time < begins + timedelta(hours=1) for time in times)
    assert hour > 6 * usual.per_hour * max(SCENARIO.plan.waking)
    assert wave.moods["negative"] <= usual.moods["negative"]


def test_everyday_moods_leave_room_for_a_crisis() -> None:
    for brand, chatter in SCENARIO.plan.everyday.items():
        assert 0.1 <= chatter.moods["negative"] <= 0.25, brand
        assert sum(chatter.moods.values()) == pytest.approx(1)


def test_pools_hold_many_distinct_texts_in_nine_languages() -> None:
    texts = [text for pool in SCENARIO.pools.values() for text in pool]
    assert len({text.text for text in texts}) == len(texts) >= 450
    spoken = Counter(text.lang for text in texts)
    assert min(spoken[lang] for lang in ("en", "zh", "es", "ar")) >= 50
    assert min(spoken[lang] for lang in ("de", "fr", "ja", "pt", "hi")) >= 10


def test_every_text_names_the_brand_it_is_played_for() -> None:
    watched = {brand.name for brand in load_catalogue(DEMO / "brands.yaml").brands}
    for pool in SCENARIO.pools.values():
        for text in pool:
            named = [mention.brand for mention in MATCHER.match(text.text)]
            assert (text.brand in named and text.brand in watched) or (not text.brand and not named)


def test_a_hill_that_sounds_like_a_brand_is_excluded() -> None:
    texts = [text.text for text in SCENARIO.pools["everyday"] if "Monte Tavrello" in text.text]
    assert texts
    assert not [mention for text in texts for mention in MATCHER.match(text)]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO, tmp_path / "demo"))


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("length: 6h", "length: six", "scenario.yaml: length: "),
        ("speed: 60", "sped: 60", "scenario.yaml: speed: "),
        ("seed:", "colour: red\nseed:", "scenario.yaml: colour: no such field"),
        ("at: 12m", "at: 12h", "events.0.at must lie before"),
        ("negative: 0.15", "negative: 1.5", "everyday.Tavrello.moods.negative: "),
        ("expect: deleted\n    empty", "expect: gone\n    empty", "events.10.expect: "),
        ("brand: Strivolka", "brand: Nobody", "burst.jsonl: no negative text for brand 'Nobody'"),
        ("length: 6h", "length: [6h", "scenario.yaml: not YAML: "),
    ],
)
def test_a_bad_scenario_is_refused_in_one_line_with_file_and_field(
    copy: Path, old: str, new: str, says: str
) -> None:
    replace(copy / "scenario.yaml", old, new)
    with pytest.raises(UsageError) as refused:
        load_scenario(copy)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_bad_pool_line_is_refused_with_its_number(copy: Path) -> None:
    file = copy / "pools" / "crisis.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[6] = json.dumps(json.loads(lines[6]) | {"mood": "angry"})
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(UsageError, match=r"crisis\.jsonl:7: mood: "):
        load_scenario(copy)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"scenario\.yaml: cannot be read"):
        load_scenario(tmp_path)
