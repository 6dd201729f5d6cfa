"""What Grafana and its ClickHouse plugin make of a statement before the server sees it. Pure.

The part that our boards use, in the plugin's order: `$__conditionalAll` first, then variables, then
the macros of times. What is not known here is refused: a board shall use nothing untried.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

ALL = "$__all"
Chosen = str | Sequence[str]
"""A variable's value, or several; `ALL` where all are chosen."""

_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(?!__)(\w+)")
_BUILT_IN = "__timezone"
_MACRO = re.compile(r"\$__(\w+)")


class UnknownMacro(ValueError):
    """The statement uses a macro, variable or format that is not known."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at: the range, the step that Grafana reckons from it, and what is chosen.

    `options` are the values of the variables that stand at All.
    """

    since: datetime
    until: datetime
    step_seconds: int
    chosen: Mapping[str, Chosen]
    options: Mapping[str, Sequence[str]]
    time_zone: str = "UTC"


def expanded(sql: str, look: Look) -> str:
    """The statement as the server gets it. Raises UnknownMacro."""
    return _times(_variables(_conditions(sql, look), look), look)


def _conditions(sql: str, look: Look) -> str:
    """`$__conditionalAll(condition, $variable)`: 1=1 where all are chosen, or nothing is."""
    start = "$__conditionalAll("
    while (at := sql.rfind(start)) >= 0:
        (condition, variable), end = _arguments(sql, at + len(start), 2)
        name = variable.strip().strip("${}")
        value = look.chosen.get(name)
        if value is None:
            raise UnknownMacro(f"$__conditionalAll names {variable.strip()}, which is no variable")
        everything = value in ("", ALL)
        sql = sql[:at] + ("1=1" if everything else condition) + sql[end:]
    return sql


def _variables(sql: str, look: Look) -> str:
    def replaced(found: re.Match[str]) -> str:
        name, form = found[1] or found[3], found[2]
        if name == _BUILT_IN:
            value: Chosen = look.time_zone
        elif name in look.chosen:
            value = look.options[name] if look.chosen[name] == ALL else look.chosen[name]
        else:
            raise UnknownMacro(f"{found[0]} is no variable")
        values = [value] if isinstance(value, str) else list(value)
        if form == "singlequote":
            return ",".join("'" + one.replace("'", r"\'") + "'" for one in values)
        if form == "raw" and len(values) == 1:
            return values[0]
        raise UnknownMacro(f"{found[0]}: the format {form} is not known or would not hold")

    return _VARIABLE.sub(replaced, sql)


def _times(sql: str, look: Look) -> str:
    since, until = (f"toDateTime({int(t.timestamp())})" for t in (look.since, look.until))
    step = max(look.step_seconds, 1)
    constants = {"fromTime": since, "toTime": until, "interval_s": str(step)}
    functions: dict[str, Callable[[str], str]] = {
        "timeFilter": lambda column: f"{column} >= {since} AND {column} <= {until}",
        "timeInterval": lambda column: (
            f"toStartOfInterval(toDateTime({column}), INTERVAL {step} second)"
        ),
    }
    while found := _MACRO.search(sql):
        name = found[1]
        if name in constants:
            sql = sql[: found.start()] + constants[name] + sql[found.end() :]
        elif name in functions:
            (argument,), end = _arguments(sql, found.end() + 1, 1)
            sql = sql[: found.start()] + functions[name](argument.strip()) + sql[end:]
        else:
            raise UnknownMacro(f"{found[0]} is not known")
    return sql


def _arguments(sql: str, begin: int, count: int) -> tuple[list[str], int]:
    """The arguments of a call whose first begins here, and where what follows it begins."""
    depth, found, last = 1, [], begin
    for at in range(begin, len(sql)):
        if sql[at] == "(":
            depth += 1
        elif sql[at] == ")":
            depth -= 1
        if depth == 0 or (depth == 1 and sql[at] == ","):
            found.append(sql[last:at])
            last = at + 1
        if depth == 0:
            if len(found) != count:
                raise UnknownMacro(f"{count} arguments are wanted: {sql[begin:at]}")
            return found, at + 1
    raise UnknownMacro(f"a call is not closed: {sql[begin : begin + 40]}")
