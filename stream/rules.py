"""What is watched for and who is told, as one frozen tree: the meaning of `config/alerts.yaml`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from stream.quiet_hours import QuietHours
from stream.receivers import Name, Receiver, as_list
from stream.settings import Duration
from stream.severities import Severities, Severity

EVERY = "*"
NO_DATA = "no data"
"""The rule of the alerts that tell that nothing is known."""

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def _granule(value: timedelta) -> timedelta:
    if value % _MINUTE or (_HOUR % value and (value % _HOUR or _DAY % value)):
        raise ValueError("must be whole minutes that divide an hour, or hours that divide a day")
    return value


Place = tuple[str | int, ...]


class Misfit(ValueError):
    """Two parts of the rules that do not go together. `path` leads to the second."""

    def __init__(self, path: Place, reason: str) -> None:
        super().__init__(reason)
        self.path = path


class _Part(BaseModel):
    # Durations are dumped as seconds, which are read back.
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, ser_json_timedelta="float"
    )


class Minimum(_Part):
    """Below these, in the window judged, nothing alarms, however unusual it is."""

    negative: int = Field(5, ge=1, description="negative mentions")
    mentions: int = Field(8, ge=1, description="mentions of any mood")
    authors: int = Field(4, ge=1, description="distinct authors of negative mentions")


class Escalation(_Part):
    """Who is told when nobody has acknowledged an incident that goes on for so long."""

    after: Annotated[Duration, Field(gt=timedelta(0))]
    receivers: tuple[Name, ...] = Field(min_length=1)


WHO_IS_TOLD = {"receivers", "quiet_hours", "escalation"}
"""Fields of a rule that are no ground of a verdict."""


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
    quiet_hours: Annotated[tuple[QuietHours, ...], BeforeValidator(as_list)] = ()
    escalation: Annotated[tuple[Escalation, ...], BeforeValidator(as_list)] = ()

    @model_validator(mode="after")
    def _long_enough(self) -> Rule:
        if self.history < 24 * self.granularity:
            raise ValueError("history must be at least 24 times the granularity")
        if self.warm_up > self.history:
            raise ValueError("warm_up must not be longer than history")
        waits = [one.after for one in self.escalation]
        if waits != sorted(set(waits)):
            raise ValueError("escalation: each step must come after the one before")
        return self

    @property
    def version(self) -> str:
        """12 hexadecimal digits that change with whatever the rule means but for who is told."""
        meant = self.model_dump_json(exclude=WHO_IS_TOLD)
        return hashlib.sha256(meant.encode()).hexdigest()[:12]

    def covers(self, brand: str, topic: str) -> bool:
        """Whether the rule watches this series; topic '' is the brand as a whole."""
        topics_meant = topic in self.topics or (EVERY in self.topics and topic != "")
        return topics_meant and (brand in self.brands or EVERY in self.brands)

    def is_quiet(self, at: datetime, severity: Severity) -> bool:
        """Whether something this severe is not told at this moment."""
        return any(hours.hold(at, severity) for hours in self.quiet_hours)


class NoData(_Part):
    """When it is told that nothing is known: posts that stop, a lag, a model that fails."""

    watch: bool = True
    lag: Annotated[Duration, Field(ge=_MINUTE)] = Field(
        timedelta(minutes=5), description="posts read later than this are too late"
    )
    least_silence: Annotated[Duration, Field(ge=_MINUTE)] = Field(
        timedelta(minutes=10), description="nobody is called silent sooner, however talkative"
    )
    false_alarms: float = Field(
        1, gt=0, le=100, description="usual silences told in four weeks, all sources and brands"
    )
    warm_up: Duration = Field(timedelta(days=7), description="no habit is known from less past")
    ignore_sources: tuple[Name, ...] = ()
    ignore_brands: tuple[Name, ...] = ()
    resolve_after: Duration = Field(timedelta(minutes=5), description="data is back for this long")
    cool_down: Duration = timedelta(hours=1)
    receivers: tuple[Name, ...] = ()
    quiet_hours: Annotated[tuple[QuietHours, ...], BeforeValidator(as_list)] = ()
    escalation: Annotated[tuple[Escalation, ...], BeforeValidator(as_list)] = ()

    def ignores(self, source: str, brand: str) -> bool:
        """Whether nobody minds that this source, or brand, is silent."""
        return source in self.ignore_sources or brand in self.ignore_brands

    @property
    def life(self) -> Rule:
        """How an incident lives, and who is told."""
        same = ("resolve_after", "cool_down", "receivers", "quiet_hours", "escalation")
        return Rule(name=NO_DATA, **{name: getattr(self, name) for name in same})


class Rules(_Part):
    """All rules and receivers. `Rules(rules=[…], receivers=[…])` needs no file."""

    rules: tuple[Rule, ...] = ()
    no_data: NoData = NoData()
    receivers: tuple[Receiver, ...] = ()

    @model_validator(mode="after")
    def _names_fit(self) -> Rules:
        for kind, names in (
            ("rules", [rule.name for rule in self.rules]),
            ("receivers", [receiver.name for receiver in self.receivers]),
        ):
            for number, name in enumerate(names):
                if name in names[:number]:
                    raise Misfit((kind, number, "name"), f"{name!r} is given twice; rename one")
                if (kind, name) == ("rules", NO_DATA):
                    raise Misfit((kind, number, "name"), f"{name!r} is taken; rename it")
        known = {receiver.name for receiver in self.receivers}
        listed = ", ".join(sorted(known)) or "none"
        for path, name in self._told():
            if name not in known:
                raise Misfit(path, f"no receiver is called {name!r}; known: {listed}")
        return self

    def _told(self) -> Iterator[tuple[Place, str]]:
        """Whoever is told of something, and where the rules say so."""
        ruled: list[tuple[Place, Rule | NoData]] = [
            *((("rules", number), rule) for number, rule in enumerate(self.rules)),
            (("no_data",), self.no_data),
        ]
        for place, rule in ruled:
            for at, name in enumerate(rule.receivers):
                yield (*place, "receivers", at), name
            for step, escalation in enumerate(rule.escalation):
                for at, name in enumerate(escalation.receivers):
                    yield (*place, "escalation", step, "receivers", at), name

    def receiver(self, name: str) -> Receiver | None:
        return next((one for one in self.receivers if one.name == name), None)
