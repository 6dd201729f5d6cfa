"""The demo's script as it lies on disk: a directory with `scenario.yaml` (how much, when) and
`pools/ROLE.jsonl` (the texts: `everyday`, and one pool for each role of a wave).

A text's `mood` only chooses what is played; the service's model labels by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from stream.errors import RejectReason, UsageError
from stream.settings import Duration, parse_duration

Outcome = Literal["stored", "duplicate", "edited", "stale", "deleted", RejectReason]
Mood = Literal["negative", "neutral", "positive"]
Offset = Annotated[timedelta, BeforeValidator(parse_duration), Field(ge=timedelta(0))]
Moods = dict[Mood, Annotated[float, Field(ge=0, le=1)]]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PoolText(_Part):
    """One line of a pool. `brand` is the one it is played for; it may name others too."""

    text: Annotated[str, Field(min_length=1, max_length=1000)]
    lang: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    mood: Mood
    brand: str
    kind: Literal["post", "comment", "review"] = "post"
    rating: Annotated[int, Field(ge=1, le=5)] | None = None


class Everyday(_Part):
    """A brand's ordinary chatter: posts per hour at weight 1 and the share of each mood."""

    per_hour: Annotated[float, Field(gt=0)]
    moods: Moods


class Wave(_Part):
    """Posts on top of the everyday, from the pool of `role`.

    `per_minute`: (minutes after `begins`, posts per minute), joined by straight lines.
    """

    role: Annotated[str, Field(pattern=r"^[a-z]+$")]
    brand: str
    begins: Offset
    per_minute: Annotated[tuple[tuple[float, float], ...], Field(min_length=2)]
    moods: Moods


class Event(_Part):
    """One message with a part of its own: a `post`, an `empty` value for a post, or `raw` text."""

    at: Offset
    expect: Outcome = "stored"
    post: dict[str, Any] | None = None
    empty: dict[Literal["source", "post_id"], str] | None = None
    raw: str | None = None
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    copies: Annotated[int, Field(ge=1, le=1000)] = 1
    over: Offset = timedelta(0)

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if sum(part is not None for part in (self.post, self.empty, self.raw)) != 1:
            raise ValueError("give exactly one of post, empty and raw")
        return self


class Plan(_Part):
    """`scenario.yaml`. In maps by language or brand the key '' stands for any other."""

    length: Duration
    baseline: Duration
    speed: Annotated[float, Field(ge=1)]
    seed: int
    first_hour: Annotated[int, Field(ge=0, le=23)]
    waking: Annotated[
        tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=24, max_length=24)
    ]
    everyday: dict[str, Everyday]
    waves: tuple[Wave, ...] = ()
    duplicates: Annotated[float, Field(ge=0, le=1)] = 0
    sources: dict[str, dict[str, float]]
    reviews: dict[str, str]
    events: tuple[Event, ...] = ()
    names: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for number, event in enumerate(self.events):
            if event.at + event.over >= self.length:
                raise ValueError(f"events.{number}.at must lie before the scenario's end")
        for field in ("sources", "reviews", "names"):
            if "" not in getattr(self, field):
                raise ValueError(f"{field} needs a default under the key ''")
        return self


@dataclass(frozen=True)
class Scenario:
    """A plan and its pools, by role; everyday chatter is the role `everyday`."""

    plan: Plan
    pools: dict[str, tuple[PoolText, ...]]

    @property
    def length(self) -> timedelta:
        return self.plan.length

    @property
    def default_speed(self) -> float:
        return self.plan.speed


def load_scenario(directory: Path) -> Scenario:
    """Read and check a scenario. Raises UsageError: one line with file, field and fix."""
    file = directory / "scenario.yaml"
    try:
        plan = Plan.model_validate(yaml.safe_load(_read(file)))
    except yaml.YAMLError as error:
        raise UsageError(f"{file}: not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise UsageError(_first(error, str(file))) from None
    drawn = [("everyday", brand, chatter.moods) for brand, chatter in plan.everyday.items()]
    drawn += [(wave.role, wave.brand, wave.moods) for wave in plan.waves]
    pools = {role: _load_pool(directory / "pools" / f"{role}.jsonl") for role, _, _ in drawn}
    for role, brand, moods in drawn:
        for mood, share in moods.items():
            if share and not any(t.brand == brand and t.mood == mood for t in pools[role]):
                raise UsageError(
                    f"{directory}/pools/{role}.jsonl: no {mood} text for brand {brand!r}; "
                    f"add one or set its share in {file} to 0"
                )
    return Scenario(plan, pools)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read as UTF-8 text: {error}") from None


def _load_pool(file: Path) -> tuple[PoolText, ...]:
    texts = []
    for number, line in enumerate(_read(file).splitlines(), 1):
        try:
            texts.append(PoolText.model_validate_json(line))
        except ValidationError as error:
            raise UsageError(_first(error, f"{file}:{number}")) from None
    return tuple(texts)


def _first(error: ValidationError, place: str) -> str:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "the whole"
    reason = "no such field; check its name" if first["type"] == "extra_forbidden" else first["msg"]
    return f"{place}: {field}: {reason.removeprefix('Value error, ')}"
