"""How severe an incident is: three names, and from how many times the usual on each begins."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Severity = Literal["warning", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("warning", "high", "critical")


def rank(severity: Severity) -> int:
    """The larger the worse."""
    return SEVERITIES.index(severity)


class Severities(BaseModel):
    """How many times the usual number of negative mentions makes an incident this severe."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    high: float = Field(4, gt=1)
    critical: float = Field(10, gt=1)

    @model_validator(mode="after")
    def _rising(self) -> Severities:
        if self.critical <= self.high:
            raise ValueError("critical must be above high")
        return self
