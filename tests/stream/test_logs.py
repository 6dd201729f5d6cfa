"""One record is one line, whatever strangers wrote into it (T27)."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from stream.logs import escape, set_up_logs
from stream.settings import Log
from tests.stream.delivery.notices import attacks

POSTS = [post for one in attacks() for post in one.evidence.posts]


def test_a_text_can_forge_no_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(Log(json_lines=True))
    text = 'x\n{"event": "forged"}\x1b[2J\u202e'
    structlog.get_logger().warning("message.rejected", detail=text)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "\x1b" not in lines[0] and "\u202e" not in lines[0]
    assert json.loads(lines[0])["detail"] == escape(text)


@pytest.mark.parametrize("json_lines", [True, False])
def test_a_hostile_post_is_one_line_wherever_it_stands_in_a_record(
    capsys: pytest.CaptureFixture[str], json_lines: bool
) -> None:
    set_up_logs(Log(json_lines=json_lines))
    log = structlog.get_logger()
    for post in POSTS:
        log.warning("message.rejected", detail=post.text, url=post.url)
        log.warning("sweep.differed", first=[post.text], by={post.author: {"text": post.text}})
        log.warning(post.text)
    text = capsys.readouterr().err
    lines = text.splitlines()
    assert len(POSTS) == 200 and len(lines) == 600
    assert all(line.isprintable() for line in lines)
    if json_lines:
        assert {json.loads(line)["level"] for line in lines} == {"warning"}


@pytest.mark.parametrize("json_lines", [True, False])
def test_an_exception_forges_no_record(
    capsys: pytest.CaptureFixture[str], json_lines: bool
) -> None:
    """Its traceback may take lines on a terminal, its message none."""
    set_up_logs(Log(json_lines=json_lines))
    try:
        raise ValueError('x\n{"event": "forged"}\x1b[2J')
    except ValueError:
        structlog.get_logger().exception("job.failed")
    text = capsys.readouterr().err
    assert "\x1b" not in text
    assert not any(line.startswith('{"event": "forged"}') for line in text.splitlines())


def test_a_library_forges_no_record(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kafka's and uvicorn's loggers write what strangers sent them."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # as in a process of its own
    set_up_logs(Log(json_lines=True))
    for post in POSTS:
        logging.getLogger("uvicorn.error").warning("cannot answer %s", post.text)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 200
    assert all(line.isprintable() for line in lines)
