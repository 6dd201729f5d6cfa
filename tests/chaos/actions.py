"""What can happen to the service, as small values: printed as JSON lines and read back.

Each action is complete in itself (a message is the very message), so that any sub-list of a plan
can be played: that is what makes failing plans shrinkable.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

CLOCKS = ("created_at", "updated_at")
PARTITIONS = 4
MEMBERS = 2

# Where a consumer can be hit while it takes a batch.
HOOKS = ("before_keys", "after_keys", "mid_insert", "after_insert")


@dataclass(frozen=True, slots=True)
class Send:
    """A producer appends a message; `kind` says what it means to the post. None: a null value."""

    do: ClassVar[str] = "send"
    kind: str
    partition: int
    key: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Consume:
    """A member reads up to `most` messages of its partitions, takes them all the way, commits."""

    do: ClassVar[str] = "consume"
    member: int
    most: int


@dataclass(frozen=True, slots=True)
class Crash:
    """The same, but the member dies at the hook and comes back with nothing in memory."""

    do: ClassVar[str] = "crash"
    member: int
    most: int
    hook: str


@dataclass(frozen=True, slots=True)
class LoseAnswer:
    """The same, but the answer to what was done at the hook is lost; `commit`: Kafka's."""

    do: ClassVar[str] = "lose_answer"
    member: int
    most: int
    hook: str


@dataclass(frozen=True, slots=True)
class Overtake:
    """A member is paused at the hook; the other takes its partitions over, reads on, and commits.
    Then the first goes on with what it had."""

    do: ClassVar[str] = "overtake"
    member: int
    most: int
    hook: str


@dataclass(frozen=True, slots=True)
class Race:
    """Both members take a batch at once; the first does not see the keys of the other yet."""

    do: ClassVar[str] = "race"
    member: int
    most: int


@dataclass(frozen=True, slots=True)
class Rebalance:
    """The partitions go to these members; each reads on from what was committed."""

    do: ClassVar[str] = "rebalance"
    owners: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """All members restart and read everything again from offset 0."""

    do: ClassVar[str] = "replay"


@dataclass(frozen=True, slots=True)
class Rescore:
    """A new model is activated: all members restart with it and read everything again."""

    do: ClassVar[str] = "rescore"


@dataclass(frozen=True, slots=True)
class Pass:
    """The watcher recomputes the windows."""

    do: ClassVar[str] = "pass"


@dataclass(frozen=True, slots=True)
class CrashPass:
    """The watcher dies before the statement of this number (from 1) of a pass."""

    do: ClassVar[str] = "crash_pass"
    statement: int


@dataclass(frozen=True, slots=True)
class OvertakePass:
    """Before that statement a member takes a batch and a second watcher makes a whole pass."""

    do: ClassVar[str] = "overtake_pass"
    statement: int
    member: int
    most: int


@dataclass(frozen=True, slots=True)
class Advance:
    """Time goes on."""

    do: ClassVar[str] = "advance"
    seconds: float


@dataclass(frozen=True, slots=True)
class Hit:
    """Something happens to a real process, for so long; see `process_world` for the kinds.

    Only for the level of real processes, as all above but `Send` and `Advance` are for the other.
    """

    do: ClassVar[str] = "hit"
    kind: str
    member: int
    seconds: float


Action = (
    Send
    | Consume
    | Crash
    | LoseAnswer
    | Overtake
    | Race
    | Rebalance
    | Replay
    | Rescore
    | Pass
    | CrashPass
    | OvertakePass
    | Advance
    | Hit
)
_KINDS: dict[str, Any] = {kind.do: kind for kind in Action.__args__}  # type: ignore[attr-defined]


def to_json(action: Action) -> str:
    """One line."""
    return json.dumps({"do": action.do, **asdict(action)}, ensure_ascii=False)


def from_json(line: str) -> Action:
    """The action of a line."""
    fields = json.loads(line)
    kind = _KINDS[fields.pop("do")]
    if "owners" in fields:
        fields["owners"] = tuple(fields["owners"])
    action: Action = kind(**fields)
    return action


def count(actions: Iterable[Action]) -> Counter[str]:
    """How often each kind comes; of messages, what each means to its post; of hits, which."""
    return Counter(one.kind if isinstance(one, Send | Hit) else one.do for one in actions)


def moved(value: str | None, by: timedelta) -> str | None:
    """A message's value with its dates moved; what is no message stays as it is."""
    with suppress(ValueError, AttributeError, TypeError):
        fields = json.loads(value or "")
        for name in fields.keys() & set(CLOCKS):
            fields[name] = (datetime.fromisoformat(fields[name]) + by).isoformat()
        return json.dumps(fields, ensure_ascii=False)
    return value
