"""Calling `undertone` within a test, as a shell would."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable

import pytest

from stream.cli import main

Call = Callable[..., tuple[int, str, str]]
"""Arguments to exit code, output and errors."""


def calling(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """What calls it. Output from before a call is not told with it."""

    def call(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["undertone", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return call
