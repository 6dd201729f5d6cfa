"""How what goes wrong with a model or a file becomes a command's one line and exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stream.errors import StopService, UsageError


@contextmanager
def refusals(place: Path | None = None) -> Iterator[None]:
    """What `models` refuses is the user's to mend (exit code 2); what the system refuses stops the
    command (exit code 1). `place` is named where the system does not say which file it was.
    """
    from models.errors import ModelError

    try:
        yield
    except ModelError as error:
        raise UsageError(str(error)) from None
    except BrokenPipeError:
        raise  # whoever read our output has read enough: no failure
    except OSError as error:
        raise StopService(f"{error.filename or place}: {error.strerror or error}") from None
