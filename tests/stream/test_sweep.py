"""The sweep: no drift of the windows stays unseen, and nothing that is merely new is called one."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from stream.database import Client
from stream.errors import UsageError
from stream.retry import Stopped
from stream.settings import ClickHouse
from stream.store import Store
from stream.sweep import COLUMNS, Span, Sweep, span_inside
from stream.sweep_report import LISTED
from tests.stream.sweeping import HOSTILE, alter, no_pause, seen, stored, swept, verify  # noqa: F401 - fixtures
from tests.stream.test_windows import NOON, a_pass, row


@pytest.mark.usefixtures("swept")
def test_after_the_passes_nothing_differs(client: Client) -> None:
    report = verify(client)
    assert (report.windows, report.differing, report.left) == (3, 0, 0)
    assert report.pending_minutes == 0 and list(report.lines()) == []


def test_an_empty_database_has_no_differences(client: Client) -> None:
    assert verify(client).left == 0


@pytest.mark.usefixtures("swept")
@pytest.mark.parametrize("column", COLUMNS[:6])
def test_an_altered_sum_is_found_with_its_column(client: Client, column: str) -> None:
    alter(client, **{column: f"if(window_start = toStartOfMinute(window_start), {column} + 5, 0)"})
    report = verify(client)
    assert report.differing == 2
    assert {found.column for found in report.differences.first} == {column}
    assert all(found.stored == found.expected + 5 for found in report.differences.first)


@pytest.mark.usefixtures("swept")
@pytest.mark.parametrize("column", COLUMNS[6:])
def test_an_altered_distinct_count_is_found_with_its_column(client: Client, column: str) -> None:
    more = "arrayReduce('uniqExactState', {})".format(
        "[toUInt64(1), 2, 3, 4]" if column == "texts" else "['w', 'x', 'y', 'z']"
    )
    alter(client, **{column: more})
    assert seen(verify(client))[column][0] == 4
    assert set(seen(verify(client))) == {column}


@pytest.mark.usefixtures("swept")
def test_a_doubled_window_is_found(client: Client) -> None:
    alter(client, mentions="2 * mentions", score_sum="2 * score_sum")
    [first, *_] = verify(client).differences.first
    assert (first.column, first.stored, first.expected) == ("mentions", 4, 2)
    assert (first.brand, first.topic, first.source, first.lang) == ("Acme", "", "s", "en")
    assert first.window_start == NOON.replace(second=0)


@pytest.mark.usefixtures("swept")
def test_a_missing_window_is_found(client: Client) -> None:
    client.command("DELETE FROM window_scores WHERE topic = 'price'")
    report = verify(client)
    assert report.differing == 1
    assert seen(report)["mentions"] == (None, 2)


@pytest.mark.usefixtures("swept")
def test_a_window_whose_posts_vanished_without_a_zero_is_found(client: Client) -> None:
    client.command("ALTER TABLE posts DELETE WHERE post_id = '4' SETTINGS mutations_sync = 1")
    report = verify(client)
    assert report.differing == 1 and seen(report)["mentions"] == (1, 0)


@pytest.mark.usefixtures("swept")
def test_repair_rewrites_exactly_what_differs(client: Client) -> None:
    client.command("DELETE FROM window_scores WHERE topic = 'price'")
    client.command("ALTER TABLE posts DELETE WHERE post_id = '4' SETTINGS mutations_sync = 1")
    before = stored(client)
    report = verify(client, repair=True)
    assert (report.differing, report.repaired, report.left) == (2, 2, 0)
    after = stored(client)
    untouched = [one for one in before if one in after]
    assert [one[1:4] for one in untouched] == [("Acme", "", 2)]
    assert [one[1:4] for one in after if one not in before] == [
        ("Acme", "price", 2),
        ("Acme", "", 0),
    ]
    assert verify(client).left == 0
    a_pass(client)
    assert verify(client).left == 0


@pytest.mark.usefixtures("swept")
def test_without_repair_nothing_is_written(client: Client) -> None:
    alter(client, mentions="99")
    before = stored(client)
    assert verify(client).left == 2
    assert stored(client) == before


@pytest.mark.usefixtures("swept")
def test_frozen_windows_are_neither_compared_nor_repaired(client: Client) -> None:
    alter(client, mentions="99")
    before = stored(client)
    late = span_inside(NOON + timedelta(days=500), timedelta(days=400), NOON - timedelta(days=1))
    report = verify(client, span=late, repair=True)
    assert (report.windows, report.left) == (0, 0)
    assert stored(client) == before
    border = span_inside(NOON + timedelta(days=400), timedelta(days=400))
    assert border.start == NOON.replace(second=0) + timedelta(minutes=1)  # no part of a minute
    with pytest.raises(UsageError, match="frozen"):
        span_inside(NOON + timedelta(days=500), timedelta(days=400), until=NOON)


@pytest.mark.usefixtures("swept")
def test_minutes_with_rows_that_no_pass_saw_are_pending_and_not_different(
    store: Store, client: Client
) -> None:
    store.insert([row("5"), row("6", created_at=NOON + timedelta(minutes=9))])
    report = verify(client)
    assert (report.left, report.pending_minutes, report.windows) == (0, 2, 1)
    assert verify(client, margin=timedelta(minutes=5)).pending_minutes == 3
    a_pass(client)
    report = verify(client)
    assert (report.left, report.pending_minutes, report.windows) == (0, 0, 5)


def test_before_the_first_pass_everything_is_pending(store: Store, client: Client) -> None:
    store.insert([row("1")])
    report = verify(client)
    assert (report.left, report.pending_minutes) == (0, 1)


@pytest.mark.usefixtures("swept")
def test_a_difference_that_is_gone_at_the_second_look_is_none(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass beside the sweep: the tables of one statement are not read in one instant."""
    alter(client, mentions="99")

    class APassMeanwhile(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            a_pass(client)
            return False

    report = verify(client, stop=APassMeanwhile())
    assert (report.differing, report.left, report.windows) == (0, 0, 3)


def test_a_sweep_beside_writers_and_passes_raises_no_alarm(
    store: Store, client: Client, clickhouse_settings: ClickHouse
) -> None:
    from stream.database import connect

    done = threading.Event()

    def work() -> None:
        other = connect(clickhouse_settings)
        writer = Store(other, clickhouse_settings)
        for number in range(24):
            post = number % 14
            minute = NOON + timedelta(minutes=post % 7)
            writer.insert([row(str(post), offset=number, created_at=minute)])
            a_pass(other, margin=timedelta(seconds=1))
        other.close()
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    sweeps = 0
    while not done.is_set():
        assert verify(client).left == 0
        sweeps += 1
    thread.join()
    assert sweeps > 1


def test_strays_and_posts_that_count_twice_are_found_and_brought_home(
    store: Store, client: Client
) -> None:
    far = NOON + timedelta(hours=3)
    store.claim({("s", "1"): NOON, ("s", "2"): NOON})
    store.insert([row("1"), row("1", offset=1, created_at=far), row("2")])
    client.command("INSERT INTO passes (started_at) SELECT now64(6)")  # one that overlooked it
    report = verify(client)
    [stray], [doubled] = report.strays.first, report.doubled.first
    assert (stray.post_id, stray.stored, stray.expected) == (
        "1",
        far.replace(second=0),
        NOON.replace(second=0),
    )
    assert (doubled.post_id, doubled.rows) == ("1", 2)
    verify(client, repair=True)
    a_pass(client)
    report = verify(client)
    assert (report.left, report.strays.count, report.doubled.count) == (0, 0, 0)
    assert client.query("SELECT count() FROM posts FINAL").result_rows == [(2,)]


def test_what_a_pass_has_buried_is_no_stray(store: Store, client: Client) -> None:
    store.claim({("s", "1"): NOON})
    store.insert([row("1"), row("1", offset=1, created_at=NOON + timedelta(hours=3))])
    assert a_pass(client).moved == 1
    a_pass(client)
    assert verify(client).left == 0


def test_hostile_names_are_text_only(store: Store, client: Client) -> None:
    store.insert(
        [
            row(name or "none", brand=name or "x", topics=(name,), text=name, offset=number)
            for number, name in enumerate(HOSTILE)
        ]
    )
    a_pass(client)
    assert verify(client).left == 0
    alter(client, mentions="mentions + 1")
    report = verify(client, repair=True)
    assert {found.brand for found in report.differences.first} == {*HOSTILE[:3], "x", HOSTILE[4]}
    assert report.left == 0 and report.repaired == len(HOSTILE)
    assert all("\n" not in line and "\x1b" not in line for line in report.lines())


def test_pieces_cover_every_minute_once(
    store: Store, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.sweep._ROWS_AT_ONCE", 7)
    monkeypatch.setattr("stream.sweep._KEYS_AT_ONCE", 7)
    dates = [NOON + timedelta(minutes=7 * n % 40, days=n % 5) for n in range(24)]
    store.insert([row(str(n), created_at=date) for n, date in enumerate(dates)])
    a_pass(client)
    windows = client.query("SELECT count() FROM window_scores FINAL").result_rows[0][0]
    progress: list[tuple[int, int]] = []
    span = Span(NOON - timedelta(days=1), NOON + timedelta(days=9))
    work = Sweep(client, span, timedelta(0), timedelta(seconds=20))
    report = work.run(lambda done, total: progress.append((done, total)))
    assert report.windows == windows and report.left == 0
    assert len(progress) > 3 and progress[-1][0] == progress[-1][1] == 24 + windows
    alter(client, mentions="mentions + 1")
    report = verify(client)
    assert report.differences.count > LISTED == len(report.differences.first)
    assert "more" in list(report.lines())[-1]


def test_a_range_leaves_the_rest_alone(store: Store, client: Client) -> None:
    later = NOON + timedelta(hours=1)
    store.insert([row("1"), row("2", created_at=later)])
    a_pass(client)
    alter(client, mentions="99")
    minute = later.replace(second=0)
    report = verify(client, span=Span(minute, minute + timedelta(minutes=1)), repair=True)
    assert (report.repaired, report.left) == (1, 0)
    assert [found.window_start for found in verify(client).differences.first] == [
        NOON.replace(second=0)
    ]


@pytest.mark.usefixtures("swept")
def test_a_sweep_ends_between_two_statements_when_told_to_stop(client: Client) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        verify(client, stop=stop)


# The nightly job
