"""transformers writes progress bars and reports to the terminal; ours is for our own words."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers.utils import logging


@contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' progress bar and loading report; what matters there raises an error."""
    log: Any = logging  # carries no types
    bar, level = log.is_progress_bar_enabled(), log.get_verbosity()
    log.disable_progress_bar()
    log.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            # what libraries tell each other of names that will change is not for our users
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        log.set_verbosity(level)
        if bar:
            log.enable_progress_bar()
