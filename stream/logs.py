"""Log set-up: one record is one line; JSON for machines, colour on a terminal.

Events are `noun.verb_past` with fields. Text that came from a post is a field, and control
characters in any field are escaped, so that a post can forge no line and move no cursor.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from stream.settings import Log


def set_up_logs(log: Log) -> None:
    """Configure structlog and the standard library's loggers to write to stderr."""
    as_json = log.json_lines if log.json_lines is not None else not sys.stderr.isatty()
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    level = getattr(logging, log.level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if as_json else _keep,
            _escape_control_characters,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    # kafka-python and uvicorn log a great deal at INFO that says nothing to an operator.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
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


def _keep(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return event


def _escape_control_characters(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str) and key != "exception":
            event[key] = escape(value)
    return event
