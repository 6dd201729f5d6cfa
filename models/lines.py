"""JSON lines written by people: each is the object it must be, or says where it is not."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from models.errors import DataRefused

Made = TypeVar("Made")


class BadLines:
    """What happens to a line that is not what it must be: it stops everything, or is counted."""

    def __init__(self, skip: bool) -> None:
        self._skip = skip
        self.count = 0
        """Lines passed over."""
        self.first = ""
        """What was wrong with the first of them."""

    def meet(self, error: DataRefused) -> None:
        """Raises the error, or counts it where bad lines are passed over."""
        if not self._skip:
            raise error
        self.count += 1
        self.first = self.first or str(error)


def parse_lines(
    lines: Iterable[tuple[int, bytes]],
    place: str,
    make: Callable[[dict[str, Any]], Made],
    bad: BadLines,
) -> Iterator[Made]:
    """What `make` makes of each numbered line, in order, one at a time: nothing is held.

    `place` stands before the number in messages. A line that is no JSON object, or that `make`
    answers with DataRefused, is handed to `bad`; where that passes it over, nothing is yielded.
    """
    for number, line in lines:
        try:
            made = make(_object(line))
        except DataRefused as error:
            bad.meet(DataRefused(f"{place}{number}: {error}"))
        else:
            yield made


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:  # not UTF-8 is a ValueError, too
        reason = "empty" if not line.strip() else f"not JSON ({error})"
        raise DataRefused(f'{reason}; write one {{"text": …}} a line') from None
    if not isinstance(value, dict):
        raise DataRefused(f'not an object but {_kind(value)}; write one {{"text": …}} a line')
    return value


def _kind(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
