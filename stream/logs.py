"""Log set-up: one record is one line; JSON for machines, colour on a terminal.

Events are `noun.verb_past` with fields. Text that came from a post is a field, and control
characters are escaped wherever they stand, in libraries' messages too, so that a post can forge no
line and move no cursor. Only a traceback takes more lines, indented and on a terminal alone.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from stream.settings import Log


def set_up_logs(log: Log) -> None:
    """Configure structlog and the standard library's loggers to write to stderr."""
    as_json = log.json_lines if log.json_lines is not None else not sys.stderr.isatty()
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    level = getattr(logging, log.level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _escape_control_characters,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    # kafka-python and uvicorn log a great deal at INFO that says nothing to an operator.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("%(levelname)s:%(name)s:%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # `watch.Jobs` tells what it would
    logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)  # it warns of 0.1 s pauses
    for name in ("kafka", "httpx", "clickhouse_connect"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def escape(text: str) -> str:
    """The text with every control, bidi and line-separating character shown as an escape."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _escape_control_characters(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return {
        key: _indented(value) if key == "exception" else _escaped(value)
        for key, value in event.items()
    }


def _escaped(value: Any) -> Any:
    """The value with every text in it escaped."""
    if isinstance(value, str):
        return escape(value)
    if isinstance(value, Mapping):
        return {_escaped(key): _escaped(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_escaped(inner) for inner in value]
    return value


def _indented(traceback: str) -> str:
    """A traceback whose message, too, begins no line as a record does."""
    return "\n".join("  " + escape(line) for line in traceback.split("\n"))


class _OneLine(logging.Formatter):
    """For libraries: what they log may hold what strangers sent them."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return escape(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:
        return _indented(super().formatException(ei))
