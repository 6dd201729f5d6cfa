"""Errors, split by what the caller must do.

UndertoneError
├── RetryLater      an outside system is not there now: wait and do the same again
├── RejectMessage   this message breaks the contract: dead-letter it and go on
├── StopService     nothing sensible can follow: stop with one clear line, exit code 1
│   └── InUse       another process holds what we need
└── UsageError      the user's input or configuration is wrong: exit code 2
    └── NotFound    what was named is not there

Every message is one line that names the field, the place and the fix.
"""

from typing import Literal

RejectReason = Literal[
    "too_large",
    "not_utf8",
    "not_json",
    "not_an_object",
    "bad_character",
    "bad_field",
    "from_the_future",
]


class UndertoneError(Exception):
    """Root of everything Undertone raises on purpose."""


class RetryLater(UndertoneError):
    """An outside system did not answer; the same call may succeed later."""


class RejectMessage(UndertoneError):
    """A message that can never be processed, whatever we do.

    `reason` is one of a closed set, so that it can label a metric; `detail` is for people.
    """

    def __init__(self, reason: RejectReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: RejectReason = reason
        self.detail = detail


class StopService(UndertoneError):
    """The service cannot go on and says why."""


class InUse(StopService):
    """Another live process holds the directory."""


class UsageError(UndertoneError):
    """Wrong input or configuration: names the field, the place and the fix."""


class NotFound(UsageError):
    """Nothing of that name is there."""
