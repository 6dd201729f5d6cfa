"""What a consumer tells the watcher of its model: that it fails, or that it works again.

A model that fails stops its consumer, which by itself looks like any consumer that stopped. So the
reason is written down before that. One row a consumer; what it says last is what counts.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import structlog
from numpy.typing import NDArray

from models import Passage
from stream.database import connect, errors_sorted
from stream.errors import UndertoneError
from stream.logs import escape
from stream.score import Scorer
from stream.settings import ClickHouse

T = TypeVar("T")
log = structlog.get_logger()

_LONGEST = 200  # characters of a reason
_HANGS_AFTER = 60.0  # seconds in one batch; the usual ones take one


class ModelReports:
    """Tells of the model of this process. `member` names the consumer; by default its host.

    A report that cannot be written is no failure of its own: the lag will be told instead.
    """

    def __init__(self, settings: ClickHouse, member: str = "") -> None:
        self._settings = settings
        self._member = member or socket.gethostname()
        self._told: str | None = None
        self._lock = threading.Lock()

    def watched(self, call: Callable[[], T]) -> T:
        """What `call` of the model returns; what it raises is told first, and raised."""
        try:
            found = call()
        except Exception as error:
            self._tell(escape(f"{type(error).__name__}: {error}")[:_LONGEST])
            raise
        self._tell("")
        return found

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """What takes longer is told of while it goes on."""
        late = f"no answer of the model for more than {seconds:.0f} s"
        alarm = threading.Timer(seconds, self._tell, [late])
        alarm.daemon = True
        alarm.start()
        try:
            yield
        finally:
            alarm.cancel()

    def _tell(self, trouble: str) -> None:
        with self._lock:
            self._write(trouble)

    def _write(self, trouble: str) -> None:
        if trouble == self._told:
            return
        try:
            with connect(self._settings) as client, errors_sorted():
                row = [(self._member, trouble)]
                client.insert("model_reports", row, column_names=["member", "trouble"])
        except UndertoneError as error:
            log.warning("report.failed", reason=str(error))
        else:
            self._told = trouble


class WatchedScorer:
    """A scorer of which is told when it fails, when it hangs, and when it works."""

    def __init__(self, scorer: Scorer, reports: ModelReports) -> None:
        self._scorer = scorer
        self._reports = reports
        self.model_hash = scorer.model_hash

    def score(self, passages: Sequence[Passage]) -> NDArray[np.float32]:
        """As the scorer's."""
        with self._reports.within(_HANGS_AFTER):
            return self._reports.watched(lambda: self._scorer.score(passages))
