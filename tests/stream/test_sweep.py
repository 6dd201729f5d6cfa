"""The sweep: no drift of the windows stays unseen, and nothing that is merely new is called one."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import structlog

from stream import metrics
from stream.cli import main
from stream.clock import Clock
from stream.database import Client
from stream.errors import RetryLater, UsageError
from stream.health import Health
from stream.post import Author
from stream.retry import Stopped
from stream.rules import Rules
from stream.settings import ClickHouse, Settings, Windows
from stream.store import Store
from stream.sweep import COLUMNS, Span, Sweep, span_inside
from stream.sweep_report import LISTED, Report
from stream.watch import Jobs, Watcher
from tests.stream.consuming import eventually
from tests.stream.test_windows import NOON, a_pass, row, stone

HOSTILE = ["'; DROP TABLE posts --", "a\\'b\"`{x:String}`", "名\n\x1b[31m", "", "%s {0} $1"]
ALTER = """
INSERT INTO window_scores
SELECT window_start, brand, topic, source, lang, {0}, now64(6) FROM window_scores FINAL
WHERE topic = ''"""


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.sweep._PAUSE", timedelta(0))


def verify(client: Client, **changed: Any) -> Report:
    """A sweep that thinks everything ingested before the last pass is settled."""
    span = changed.pop("span", span_inside(NOON + timedelta(hours=6), timedelta(days=400)))
    usual = {"margin": timedelta(0), "limit": timedelta(seconds=20)}
    return Sweep(client, span, **(usual | changed)).run()


def alter(client: Client, **numbers: str) -> None:
    """Write the windows of topic '' again, some numbers replaced."""
    client.command(ALTER.format(", ".join(numbers.get(name, name) for name in COLUMNS)))


def seen(report: Report) -> dict[str, tuple[int | None, int]]:
    return {found.column: (found.stored, found.expected) for found in report.differences.first}


def stored(client: Client) -> list[tuple[Any, ...]]:
    return list(
        client.query(
            "SELECT window_start, brand, topic, mentions, computed_at FROM window_scores FINAL "
            "ORDER BY ALL"
        ).result_rows
    )


@pytest.fixture
def swept(store: Store, client: Client) -> None:
    """Three posts of two minutes, edited, deleted and repeated, and the passes after each."""
    rows = [row("1"), row("2", "positive", author=Author(id="a", followers=7)), row("3")]
    rows.append(row("4", created_at=NOON + timedelta(minutes=3), topics=()))
    store.insert(rows)
    a_pass(client)
    store.insert([*rows, row("1", "neutral", offset=1), stone("3")])
    a_pass(client)


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


@pytest.fixture
def watcher(clickhouse_settings: ClickHouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watcher]:
    monkeypatch.setattr(Settings, "window_margin", timedelta(0))
    at_six = Clock(start=NOON + timedelta(hours=6))
    watcher = Watcher(Settings(clickhouse=clickhouse_settings), Rules(), at_six)
    yield watcher
    watcher.close()


def gauge() -> float | None:
    return metrics.REGISTRY.get_sample_value("undertone_sweep_differences")


@pytest.mark.usefixtures("swept")
def test_the_job_reports_what_differs_and_repairs_nothing(client: Client, watcher: Watcher) -> None:
    with structlog.testing.capture_logs() as logs:
        watcher.sweep(threading.Event())
    assert gauge() == 0 and logs[0]["event"] == "sweep.agreed"
    alter(client, mentions="99")
    before = stored(client)
    with structlog.testing.capture_logs() as logs:
        watcher.sweep(threading.Event())
    assert gauge() == 2
    assert logs[0]["event"] == "sweep.differed" and logs[0]["log_level"] == "warning"
    assert "Acme / all / s / en: mentions 99 stored, 2 due" in logs[0]["first"][0]
    assert stored(client) == before


def test_the_nightly_job_waits_for_its_time_and_is_well_until_then() -> None:
    health, ran = Health(), threading.Event()
    jobs = Jobs(health, lambda _: None)
    jobs.nightly("sweep", time(3, 17), ran.set)
    jobs.start()
    job = jobs._scheduler.get_job("sweep")
    assert (job.next_run_time.hour, job.next_run_time.minute) == (3, 17)
    assert job.next_run_time.tzinfo is UTC and job.next_run_time > datetime.now(UTC)
    assert job.misfire_grace_time is None and job.coalesce is True and job.max_instances == 1
    assert health.problems() == [] and not ran.is_set()
    jobs.stop()


def test_a_night_that_failed_is_made_up_for_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stream.watch._RETRY_NIGHTLY", timedelta(milliseconds=50))
    health, failures, turns = Health(), list[BaseException](), list[int]()

    def run() -> None:
        turns.append(1)
        if len(turns) == 1:
            raise RetryLater("ClickHouse does not answer")

    jobs = Jobs(health, failures.append)
    jobs.nightly("night", time(3, 17), run)
    jobs.start()
    jobs._scheduler.modify_job("night", next_run_time=datetime.now(UTC))
    eventually(lambda: len(turns) == 2)
    eventually(lambda: health.problems() == [])
    assert jobs._scheduler.get_job("night").next_run_time.minute == 17
    assert failures == []
    jobs.stop()


@pytest.mark.parametrize(
    ("given", "means"),
    [
        ("03:17", time(3, 17)),
        ("23:59", time(23, 59)),
        ("off", None),
        (False, None),
        (797, time(13, 17)),  # what YAML makes of an unquoted 13:17
    ],
)
def test_the_time_of_the_sweep_is_read_as_it_was_meant(given: object, means: time | None) -> None:
    assert Windows.model_validate({"sweep": given}).sweep == means


@pytest.mark.parametrize("given", ["24:00", "3", "nightly", True, -1, 1440, 3.5])
def test_a_wrong_time_of_the_sweep_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="looks like 03:17"):
        Windows.model_validate({"sweep": given})


# The command

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    clickhouse_settings: ClickHouse,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Any,
) -> Call:
    """Run `undertone verify` on the test's database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stream.cli.options.set_up_logs", lambda _: None)
    monkeypatch.setattr("stream.cli.verify_commands.stop_on_signals", threading.Event)
    monkeypatch.setattr(Settings, "window_margin", timedelta(0))
    monkeypatch.setenv("UNDERTONE_CLICKHOUSE__PATH", str(clickhouse_settings.path))
    monkeypatch.setenv("UNDERTONE_CLICKHOUSE__DATABASE", clickhouse_settings.database)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["undertone", "verify", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.mark.usefixtures("swept")
def test_the_command_finds_repairs_and_then_agrees(call: Call, client: Client) -> None:
    code, out, _ = call()
    assert code == 0 and "3 windows" in out and "none differ" in out
    alter(client, mentions="99")
    code, out, _ = call()
    assert code == 1 and "2026-11-24T12:00Z Acme / all / s / en: mentions 99 stored, 2 due" in out
    code, out, _ = call("--json", "--from", "2026-11-24T12:03Z", "--to", "2026-11-24T20:04+08:00")
    found = json.loads(out)
    assert code == 1 and found["differing"] == found["left"] == 1
    assert found["start"] == "2026-11-24T12:03:00Z" and found["until"] == "2026-11-24T12:04:00Z"
    assert found["differences"]["first"] == [
        {
            "window_start": "2026-11-24T12:03:00Z",
            "brand": "Acme",
            "topic": "",
            "source": "s",
            "lang": "en",
            "column": "mentions",
            "stored": 99,
            "expected": 1,
        }
    ]
    code, out, _ = call("--repair")
    assert code == 0 and "2 windows repaired, 0 findings left" in out
    assert call()[0] == 0


@pytest.mark.usefixtures("swept")
def test_the_command_says_what_is_pending(call: Call, store: Store) -> None:
    store.insert([row("9")])
    code, out, _ = call()
    assert code == 0 and "1 minutes not compared" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--from", "yesterday"], "--from yesterday: give a time like"),
        (["--to", "2026-11-24T12:00:30Z"], "whole minute"),
        (["--from", "2026-11-24", "--to", "2026-11-24"], "is not after"),
        (["--to", "1999-01-01"], "frozen"),
    ],
)
def test_a_wrong_range_is_refused(call: Call, arguments: list[str], says: str) -> None:
    code, _, err = call(*arguments)
    assert code == 2 and says in err


def test_a_database_without_tables_is_told(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERTONE_CLICKHOUSE__DATABASE", "nowhere")
    code, _, err = call()
    assert code == 1 and "schema --apply" in err
