"""What is watched for and who is told: `config/alerts.yaml` as one frozen tree.

A wrong file is refused in one line that names the file, the place and the fix.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from stream.errors import UsageError
from stream.receivers import Name, Receiver, with_secrets
from stream.settings import Duration

Severity = Literal["warning", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("warning", "high", "critical")
EVERY = "*"

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def _granule(value: timedelta) -> timedelta:
    if value % _MINUTE or (_HOUR % value and (value % _HOUR or _DAY % value)):
        raise ValueError("must be whole minutes that divide an hour, or hours that divide a day")
    return value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Minimum(_Part):
    """Below these, in the window judged, nothing alarms, however unusual it is."""

    negative: int = Field(5, ge=1, description="negative mentions")
    mentions: int = Field(8, ge=1, description="mentions of any mood")
    authors: int = Field(4, ge=1, description="distinct authors of negative mentions")


class Severities(_Part):
    """How many times the usual number of negative mentions makes an incident this severe."""

    high: float = Field(4, gt=1)
    critical: float = Field(10, gt=1)

    @model_validator(mode="after")
    def _rising(self) -> Severities:
        if self.critical <= self.high:
            raise ValueError("critical must be above high")
        return self


class Rule(_Part):
    """One rule: which series, how sensitive, and how an incident lives."""

    name: Name
    brands: tuple[Name, ...] = (EVERY,)
    topics: tuple[Annotated[str, StringConstraints(strip_whitespace=True)], ...] = ("",)
    sources: tuple[Name, ...] = Field((EVERY,), min_length=1)
    languages: tuple[Name, ...] = Field((EVERY,), min_length=1)
    granularity: Annotated[Duration, AfterValidator(_granule)] = _MINUTE
    sensitivity: float = Field(
        0.25, gt=0, le=100, description="false alarms per brand and week to put up with"
    )
    history: Duration = Field(
        timedelta(days=28), description="how much stored past a rule without memory learns from"
    )
    warm_up: Duration = Field(timedelta(hours=12), description="no alarm with less past than this")
    minimum: Minimum = Minimum()
    severities: Severities = Severities()
    update_every: Duration = Field(timedelta(minutes=30), description="at most one update in this")
    resolve_after: Duration = Field(timedelta(minutes=30), description="calm for this long")
    cool_down: Duration = Field(
        timedelta(hours=1), description="a spike this soon after the end reopens the incident"
    )
    receivers: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _long_enough(self) -> Rule:
        if self.history < 24 * self.granularity:
            raise ValueError("history must be at least 24 times the granularity")
        if self.warm_up > self.history:
            raise ValueError("warm_up must not be longer than history")
        return self

    def covers(self, brand: str, topic: str) -> bool:
        """Whether the rule watches this series; topic '' is the brand as a whole."""
        topics_meant = topic in self.topics or (EVERY in self.topics and topic != "")
        return topics_meant and (brand in self.brands or EVERY in self.brands)


class Rules(_Part):
    """All rules and receivers. `Rules(rules=[…], receivers=[…])` needs no file."""

    rules: tuple[Rule, ...] = ()
    receivers: tuple[Receiver, ...] = ()

    @model_validator(mode="after")
    def _names_fit(self) -> Rules:
        for kind, names in (
            ("rules", [rule.name for rule in self.rules]),
            ("receivers", [receiver.name for receiver in self.receivers]),
        ):
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise ValueError(f"{kind}: the name {min(twice)!r} is given twice; rename one")
        known = {receiver.name for receiver in self.receivers}
        for number, rule in enumerate(self.rules):
            for name in rule.receivers:
                if name not in known:
                    raise ValueError(
                        f"rules[{number}].receivers: no receiver is called {name!r}; "
                        f"known: {', '.join(sorted(known)) or 'none'}"
                    )
        return self

    def receiver(self, name: str) -> Receiver | None:
        return next((one for one in self.receivers if one.name == name), None)


def load_rules(file: Path, environ: Mapping[str, str] | None = None) -> Rules:
    """Read and check the rules. `environ` (default: the process's) holds secrets by name.

    Raises UsageError: one line with the file, the place (`rules[0].granularity`) and the fix.
    """
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise UsageError(
            f"alerts.file {file}: no such file; copy config/alerts.yaml and edit it"
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"alerts.file {file}: cannot be read as YAML: {reason}") from None
    if not isinstance(values, dict):
        raise UsageError(f"alerts.file {file}: must hold the keys rules and receivers")
    receivers = values.get("receivers")
    if isinstance(receivers, list):
        known = os.environ if environ is None else environ
        values["receivers"] = [
            with_secrets(entry, f"{file}: receivers[{number}]", file.parent, known)
            for number, entry in enumerate(receivers)
        ]
    try:
        return Rules.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            reason = "no such field; check its name"
        where = f"{place.removeprefix('.')}: " if place else ""
        raise UsageError(f"{file}: {where}{reason}") from None
