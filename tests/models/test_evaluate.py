"""An evaluation from rows to report: table, Markdown, JSON and pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models import DataRefused, ModelError, Passage, load_classifier
from models.evaluate import Report, evaluate, sample
from models.plots import _sources, draw
from models.report import summary, table, to_json, write
from models.rows import Row

PNG = b"\x89PNG\r\n\x1a\n"


class Told:
    """A classifier that answers what the text says, with 0.8; "1 …" is neutral."""

    model_hash = "f" * 64

    def score(self, passages: Sequence[Passage]) -> Any:
        found = np.full((len(passages), 3), 0.1, np.float32)
        found[range(len(passages)), [int(p.text[0]) for p in passages]] = 0.8
        return found


def told(rows: Sequence[Row]) -> Report:
    classifier: Any = Told()
    return evaluate(classifier, rows)


def some(source: str, lang: str, number: int = 30, labels: int = 3) -> list[Row]:
    """Rows of which one in ten is answered wrong."""
    return [
        Row(Passage(f"{(i + (i % 10 == 0)) % labels} {i}"), i % labels, source, lang)
        for i in range(number)
    ]


def pairs() -> list[Row]:
    """A sentence whose targets want two answers; it gets one."""
    return [Row(Passage("2 and", "x"), 2, "t", "en"), Row(Passage("2 and", "y"), 0, "t", "en")]


def test_a_report_covers_every_source_and_language(tiny_path: Path) -> None:
    rows = [
        Row(Passage(f"text {i}"), i % 3, source, lang)
        for source, lang in (("a", "en"), ("a", "de"), ("b", "en"))
        for i in range(30)
    ]
    done: list[int] = []
    classifier = load_classifier(tiny_path)
    report = evaluate(classifier, rows, done.append, batch=40, skipped=3)
    assert [(f.source, f.lang) for f in report.sources] == [
        ("a", ""),
        ("a", "de"),
        ("a", "en"),
        ("b", "en"),
    ]
    assert [sum(f.support.values()) for f in report.sources] == [60, 30, 30, 30]
    assert [f.rows for f in report.sources] == [60, 30, 30, 30]
    assert done == [40, 80, 90]
    mean = (report.sources[1].macro_f1 + report.sources[2].macro_f1) / 2
    assert report.mean_over_languages("a") == pytest.approx(mean)
    assert report.mean_over_languages("b") == report.sources[3].macro_f1
    (means,) = report.language_means
    assert (means.source, means.languages) == ("a", 2)
    assert means.macro_f1 == pytest.approx(mean, abs=1e-4)
    assert means.interval[0] < mean < means.interval[1]
    assert report.model_hash == classifier.model_hash
    assert report.skipped == 3
    assert table(report).count("\n") == 5


def test_every_answer_lands_at_its_row() -> None:
    """Rows are scored by length, in another order than they come."""
    rows = [Row(Passage(f"{i % 3}{'x' * ((7 * i) % 50)}"), i % 3, "s") for i in range(600)]
    report = told(rows)
    assert report.sources[0].accuracy == 1
    assert report.calibration.ece == pytest.approx(0.2, abs=1e-4)
    assert report.sources[0].calibration == report.calibration


def test_rows_without_language_are_a_language_of_their_own_beside_others() -> None:
    report = told(some("m", "en") + some("m", "") + some("n", ""))
    assert [(f.source, f.lang) for f in report.sources] == [
        ("m", ""),
        ("m", "und"),
        ("m", "en"),
        ("n", ""),
    ]


def test_nothing_to_measure_is_said() -> None:
    with pytest.raises(DataRefused, match="no labelled row"):
        told([])


def test_a_sample_takes_whole_texts() -> None:
    rows = some("a", "en", 60) + some("a", "de", 5)
    rows += [Row(Passage(f"1 {i // 4}", f"{i % 4}"), 1, "b", "en") for i in range(400)]
    drawn = sample(rows, each=10)
    assert len(drawn) == 10 + 5 + 8  # a third text of four would make 12
    texts = [row.passage.text for row in drawn if row.source == "b"]
    assert all(texts.count(text) == 4 for text in texts)
    assert sample(rows, each=10) == drawn
    assert sample(rows, each=10, seed=8) != drawn


def test_the_summary_says_it_all_in_aligned_lines() -> None:
    rows = [Row(row.passage, 2 * row.label, row.source, row.lang) for row in some("z", "zh", 10, 2)]
    text = summary(told([*some("m", "en"), *some("m", "de"), *rows, *pairs()]))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1
    assert "*: two classes" in text
    assert "m, mean of 2 languages: macro-F1 90.0 (" in text
    assert "t, sentences with several targets, all targets right: 0 of 1, 0.0 % (0.0–79.3)" in text
    assert "ECE" in text
    assert "rows/s" in text


def test_json_holds_every_figure() -> None:
    found = json.loads(to_json(told([*some("m", "en"), *some("m", "de"), *pairs()])))
    assert set(found) == {
        "rows",
        "skipped",
        "rows_per_second",
        "model_hash",
        "sources",
        "language_means",
        "targets",
        "calibration",
    }
    first = found["sources"][0]
    assert set(first["classes"]["neutral"]) == {"precision", "recall", "f1", "support"}
    assert set(first["intervals"]) == {"accuracy", "macro_f1", "macro_recall"}
    assert sum(map(sum, first["confusion"])) == first["rows"] == 60
    assert first["calibration"]["bins"][0]["rows"] == 60
    assert found["targets"][0]["sentences"] == 1


def test_the_report_and_its_pictures_are_written(tmp_path: Path) -> None:
    report = told([*some("m", "en"), *some("m", "de"), *some("2c", "zh", labels=2), *pairs()])
    out = tmp_path / "deep" / "out"
    pictures = draw(report, out)
    assert [path.name for path in pictures] == ["macro-f1.png", "reliability.png", "confusion.png"]
    for path in pictures:
        assert path.read_bytes().startswith(PNG)
        assert path.stat().st_size > 5000
    written = write(report, out, pictures)
    assert [path.name for path in written] == ["report.md", "report.json"]
    prose = written[0].read_text(encoding="utf-8")
    assert "![confusion](confusion.png)" in prose
    assert "## m, de" in prose
    assert "precision" in prose
    assert json.loads(written[1].read_text(encoding="utf-8")) == json.loads(to_json(report))


@pytest.mark.parametrize("name", ["$x_{", "微博", "a|b\n\x1b[31m", "\ud800", "", "long" * 100])
def test_names_from_the_data_break_nothing(name: str, tmp_path: Path) -> None:
    report = told(some(name, name, 4))
    lines = table(report).splitlines()
    assert len(lines) == 3
    assert "\x1b" not in lines[2]
    write(report, tmp_path, draw(report, tmp_path))


def test_of_a_great_many_sources_the_pictures_show_the_largest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.plots.PANELS", 2)
    monkeypatch.setattr("models.plots.BARS", 3)
    report = told([row for i in range(6) for row in some(f"s{i}", "en", 3 + i % 4)])
    assert [f.source for f in _sources(report)] == ["s2", "s3"]
    assert all(path.stat().st_size for path in draw(report, tmp_path))


def test_without_matplotlib_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.plots.find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"^plots need matplotlib: pip install [^\n]*$"):
        draw(told(some("m", "en")), tmp_path / "out")
