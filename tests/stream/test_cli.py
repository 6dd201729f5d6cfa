"""The command line: help with an example everywhere, one-line errors, exit codes 0, 1 and 2."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
import typer

from stream.cli import app
from stream.cli.options import stop_on_signals
from stream.embedded.broker import EmbeddedBroker
from tests.models.conftest import build
from tests.stream.calling import Call

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


@pytest.fixture
def call(undertone: Call) -> Call:
    return undertone


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(build(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(call: Call, command: str) -> None:
    code, out, _ = call(command, "--help")
    assert code == 0 and "Example" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_named_in_the_documents(command: str) -> None:
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
    assert any(
        f"`{command}`" in text or f"undertone {command}" in text
        for text in (page.read_text(encoding="utf-8") for page in pages)
    )


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["nonsense"], 2, "No such command"),
        (["demo", "--speed", "0"], 2, "speed"),
        (["run", "--config", "none.yaml"], 2, "none.yaml: no such file"),
        (["produce", "none.jsonl"], 2, "kafka.bootstrap_servers is empty"),
        (["produce", "a", "--speed", "1", "--as-fast-as-possible"], 2, "exclude each other"),
        (["eval", "none.jsonl", "--model", "nowhere"], 2, "nowhere"),
        (["run"], 2, "config/brands.yaml"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    call: Call, arguments: list[str], code: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERTONE_KAFKA__BOOTSTRAP_SERVERS", "")
    if arguments == ["run"]:
        monkeypatch.setenv("UNDERTONE_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
        monkeypatch.setattr("stream.service.prepare_database", lambda *_: None)
    found, _, err = call(*arguments)
    assert found == code
    assert says in re.sub(r"\s+", " ", err)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_asks_to_stop_and_nohup_is_heeded(number: signal.Signals) -> None:
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
        stop = stop_on_signals()
        signal.raise_signal(number)
        assert stop.is_set()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        stop_on_signals()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def test_the_schema_is_printed_as_sql_and_the_contract_as_json(call: Call) -> None:
    code, out, _ = call("schema")
    assert code == 0
    assert out.index("001-posts") < out.index("002-post-keys")
    assert "ReplacingMergeTree(version, is_deleted)" in out
    code, out, _ = call("schema", "--json")
    assert [step["name"] for step in json.loads(out)][:2] == ["000-database", "001-posts"]
    code, out, _ = call("schema", "--json-schema")
    assert "created_at" in json.loads(out)["anyOf"][0]["required"]


def test_score_keeps_the_order_and_names_a_bad_line(call: Call, tiny: str) -> None:
    lines = [{"text": f"text {n}", "target": "text"} for n in range(20)]
    text = "\n".join(json.dumps(line) for line in lines).encode()
    code, out, _ = call("score", "--model", tiny, stdin=text)
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and len(rows) == 20
    for row in rows:
        assert row["label"] == max(("negative", "neutral", "positive"), key=lambda k: row[k])
        assert row["score"] == pytest.approx(row["positive"] - row["negative"], abs=1e-9)
        assert row["negative"] + row["neutral"] + row["positive"] == pytest.approx(1, abs=1e-9)
    _, one, _ = call("score", "--model", tiny, stdin=json.dumps(lines[7]).encode())
    assert json.loads(one)["negative"] == pytest.approx(rows[7]["negative"], abs=1e-3)
    code, _, err = call("score", "--model", tiny, stdin=b'{"text": "a"}\n[1]\n')
    assert code == 2 and "line 2" in err


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Nine rows."""
    file = tmp_path / "rows.jsonl"
    rows = [
        {"text": f"t {n}", "label": label, "lang": "en", "source": "s"}
        for n, label in enumerate(["negative", "neutral", "positive"] * 3)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def test_eval_prints_a_table_or_json(call: Call, tiny: str, labelled: Path) -> None:
    code, out, _ = call("eval", str(labelled), "--model", tiny)
    assert code == 0 and "macro-F1" in out and "9 rows" in out
    code, out, _ = call("eval", str(labelled), "--model", tiny, "--json")
    found = json.loads(out)
    assert (found["rows"], found["skipped"]) == (9, 0)
    assert found["sources"][0]["lang"] == "en"


def test_eval_writes_a_report_with_pictures(
    call: Call, tiny: str, labelled: Path, tmp_path: Path
) -> None:
    code, out, err = call("eval", str(labelled), "--model", tiny, "--out", "report", "--json")
    assert code == 0
    assert json.loads(out) == json.loads((tmp_path / "report" / "report.json").read_text())
    assert "report/report.md" in err
    code, _, err = call("eval", str(labelled), "--model", tiny, "--out", str(labelled))
    assert code == 1 and err.endswith("File exists\n") and str(labelled) in err


def test_eval_says_what_plots_need_before_it_scores(
    call: Call, labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.plots.find_spec", lambda name: None)
    code, _, err = call("eval", str(labelled), "--model", "nowhere", "--out", "report")
    assert code == 2
    assert err == "undertone: plots need matplotlib: pip install 'undertone[train]'\n"


def test_eval_stops_at_a_bad_line_or_counts_it(call: Call, tiny: str, labelled: Path) -> None:
    with labelled.open("a", encoding="utf-8") as file:
        file.write('[1]\n{"text": "a", "label": "bad"}\n')
    code, _, err = call("eval", str(labelled), "--model", tiny)
    assert code == 2 and "rows.jsonl:10: not an object but an array" in err
    code, out, err = call("eval", str(labelled), "--model", tiny, "--skip-bad", "--json")
    found = json.loads(out)
    assert code == 0 and (found["rows"], found["skipped"]) == (9, 2)
    assert "passed over 2 bad lines" in err
    labelled.write_text("[1]\n", encoding="utf-8")
    code, _, err = call("eval", str(labelled), "--model", tiny, "--skip-bad")
    assert code == 2 and "no labelled row" in err


@pytest.mark.parametrize("command", ["score", "eval"])
def test_a_model_with_other_labels_is_refused_until_they_are_mapped(
    call: Call, command: str, tmp_path: Path
) -> None:
    model = str(build(tmp_path / "other", labels=("POS", "NEU", "NEG")))
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "a", "label": "neutral"}\n', encoding="utf-8")
    arguments = [command, *([str(file)] if command == "eval" else []), "--model", model]
    code, _, err = call(*arguments, stdin=b'{"text": "a"}')
    assert code == 2 and '--labels "POS=negative,NEU=neutral,NEG=positive"' in err
    mapping = "POS=positive,NEU=neutral,NEG=negative"
    code, out, _ = call(*arguments, "--labels", mapping, stdin=b'{"text": "a"}')
    assert code == 0 and out


def test_produce_finds_the_embedded_broker_of_its_directory(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the README prints it: `undertone run`, then `undertone produce FILE`, no address."""
    monkeypatch.delenv("UNDERTONE_KAFKA__BOOTSTRAP_SERVERS", raising=False)
    file = tmp_path / "posts.jsonl"
    file.write_text('{"source": "s", "post_id": "1"}\nno post\n', encoding="utf-8")
    with EmbeddedBroker(tmp_path / "data/kafka") as own:
        own.create_topic("posts", 1)
        code, out, _ = call("produce", str(file), "--json")
    assert code == 0 and json.loads(out) == {"messages": 2, "unreadable": 1}
    code, _, err = call("produce", str(file))
    assert code == 2 and "undertone run" in err


def findings(out: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for one in json.loads(out):
        found.setdefault(one["name"], []).append(one)
    return found


def test_doctor_looks_at_everything_and_says_what_to_fix(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERTONE_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("UNDERTONE_CLICKHOUSE__INTERFACE", "http")
    monkeypatch.setenv("UNDERTONE_CLICKHOUSE__PORT", "1")
    monkeypatch.setenv("UNDERTONE_MODEL__PATH", "nowhere")
    monkeypatch.setattr("stream.kafka._BOOTSTRAP_MS", 300)
    code, out, _ = call("doctor", "--json")
    found = findings(out)
    assert code == 1
    for name in ("brands", "alerts", "model", "kafka", "clickhouse"):
        assert found[name][0]["state"] == "fail", name
    assert "config/brands.yaml" in found["brands"][0]["says"]


def test_doctor_is_content_with_a_good_set_up(
    call: Call, monkeypatch: pytest.MonkeyPatch, broker: str, tiny: str, clickhouse_path: Path
) -> None:
    for name, value in {
        "KAFKA__BOOTSTRAP_SERVERS": broker,
        "BRANDS__FILE": str(ROOT / "config/brands.yaml"),
        "ALERTS__FILE": str(ROOT / "config/alerts.yaml"),
        "CLICKHOUSE__PATH": str(clickhouse_path),
        "MODEL__PATH": tiny,
    }.items():
        monkeypatch.setenv(f"UNDERTONE_{name}", value)
    code, out, _ = call("doctor", "--json")
    states = {name: {one["state"] for one in several} for name, several in findings(out).items()}
    assert states["kafka"] == {"fail"}  # nobody has created the topics
    assert code == 1
    del states["kafka"]
    assert "fail" not in set().union(*states.values()), out


def test_a_changed_catalogue_is_activated_as_the_next_generation(
    call: Call, monkeypatch: pytest.MonkeyPatch, tiny: str, clickhouse_path: Path, tmp_path: Path
) -> None:
    brands = tmp_path / "brands.yaml"
    monkeypatch.setenv("UNDERTONE_CLICKHOUSE__PATH", str(clickhouse_path))
    monkeypatch.setenv("UNDERTONE_CLICKHOUSE__DATABASE", "activated")
    monkeypatch.setenv("UNDERTONE_MODEL__PATH", tiny)
    monkeypatch.setenv("UNDERTONE_BRANDS__FILE", str(brands))
    for number, text in enumerate(("brands: [{name: A}]", "brands: [{name: B}]"), 1):
        brands.write_text(text, encoding="utf-8")
        code, out, _ = call("activate", "--json")
        assert code == 0 and json.loads(out) == {"generation": number}
