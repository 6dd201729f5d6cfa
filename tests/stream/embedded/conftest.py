"""Waiting for what another process does, with an end to the patience."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest


def _eventually(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until the condition holds; fail after `seconds`."""
    return _eventually
