"""`undertone score`: order kept, bad lines named or counted, no more held than a chunk."""

from __future__ import annotations

import io
import json
import os
import pty
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import pytest

from models import Classifier
from stream.cli.model_commands import score
from stream.errors import UsageError
from tests.models.conftest import build

BAD = [b"[1]", b'{"txt": "a"}', b'{"text": "a", "target": 1}', b'{"text": "\xff"}', b"", b"nul"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("model") / "tiny")


class Input:
    """Standard input of given lines."""

    def __init__(self, lines: Any) -> None:
        self.buffer = lines


def feed(monkeypatch: pytest.MonkeyPatch, lines: list[bytes]) -> None:
    monkeypatch.setattr(sys, "stdin", Input(io.BytesIO(b"".join(line + b"\n" for line in lines))))


def good(number: int) -> bytes:
    return json.dumps({"text": f"text {number}"}).encode()


@pytest.mark.parametrize("line", BAD)
def test_a_bad_line_stops_it_with_its_number(
    monkeypatch: pytest.MonkeyPatch, tiny: Path, line: bytes
) -> None:
    feed(monkeypatch, [good(1), line, good(3)])
    with pytest.raises(UsageError, match=r"^line 2: .*(write|leave it out)"):
        score(tiny)


def test_skipped_lines_give_no_output_and_are_counted(
    monkeypatch: pytest.MonkeyPatch, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feed(monkeypatch, [good(1), good(2)])
    score(tiny)
    alone, _ = capsys.readouterr()
    feed(monkeypatch, [*BAD, good(1), *BAD, good(2)])
    score(tiny, skip_bad=True)
    mixed, err = capsys.readouterr()
    assert mixed == alone
    assert err.count("\n") == 1
    assert "passed over 12 bad lines; the first: line 1: not an object but an array" in err


def test_no_more_than_a_chunk_is_held(
    monkeypatch: pytest.MonkeyPatch, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """When a line is asked for, fewer than 512 of those before it wait for their answer."""
    answered = most = 0

    def lines() -> Iterator[bytes]:
        nonlocal answered, most
        for number in range(2000):
            answered += capsys.readouterr().out.count("\n")
            most = max(most, number - answered)
            yield good(number % 7)

    monkeypatch.setattr(sys, "stdin", Input(lines()))
    score(tiny)
    assert answered + capsys.readouterr().out.count("\n") == 2000
    assert most == 511


def test_a_chunk_of_long_texts_holds_no_more_than_of_short_ones(
    monkeypatch: pytest.MonkeyPatch, tiny: Path
) -> None:
    seen: list[int] = []
    original = Classifier.score

    def spy(self: Classifier, passages: Any) -> Any:
        seen.extend(len(passage.text) for passage in passages)
        return original(self, passages)

    monkeypatch.setattr(Classifier, "score", spy)
    feed(monkeypatch, [json.dumps({"text": "Acme " * 20_000, "target": "Acme"}).encode()] * 3)
    score(tiny)
    assert seen == [1280] * 3


@contextmanager
def scoring(
    monkeypatch: pytest.MonkeyPatch, model: Path, **streams: TextIO
) -> Iterator[threading.Thread]:
    """The command in a thread, on real files in place of the standard ones; they are closed."""
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)

    def run() -> None:
        with ExitStack() as closing:
            for stream in streams.values():
                closing.enter_context(stream)
            score(model)

    thread = threading.Thread(target=run)
    thread.start()
    yield thread
    thread.join(60)


def test_answers_come_before_the_input_ends(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipes that stay open: 512 lines in, 512 answers out."""
    theirs_in, ours_in = os.pipe()
    ours_out, theirs_out = os.pipe()
    with (
        os.fdopen(ours_out) as answers,
        scoring(
            monkeypatch, tiny, stdin=os.fdopen(theirs_in), stdout=os.fdopen(theirs_out, "w")
        ) as running,
    ):
        with os.fdopen(ours_in, "wb", buffering=0) as lines:
            lines.write(b"".join(good(n) + b"\n" for n in range(700)))
            first = [json.loads(answers.readline()) for _ in range(512)]
            assert running.is_alive()
        rest = [json.loads(line) for line in answers]
    assert len(first) + len(rest) == 700


def test_a_bar_on_the_terminal_leaves_the_answers_alone(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard input and output are files, errors a terminal."""
    (tmp_path / "in").write_bytes(b"".join(good(n) + b"\n" for n in range(1500)))
    ours, theirs = pty.openpty()
    shown = b""
    with (
        scoring(
            monkeypatch,
            tiny,
            stdin=(tmp_path / "in").open(),
            stdout=(tmp_path / "out").open("w"),
            stderr=os.fdopen(theirs, "w"),
        ),
        suppress(OSError),  # how a terminal says that its other end is closed
    ):
        while more := os.read(ours, 4096):
            shown += more
    os.close(ours)
    answers = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    assert len(answers) == 1500
    assert b"lines" in shown and b"1500/1500" in shown
    assert b"negative" not in shown
