"""Dataclasses that are answered as they are, described for OpenAPI and for the columns of CSV."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any, get_type_hints

from pydantic import BaseModel, create_model


def described(name: str, of: type, **more: Any) -> type[BaseModel]:
    """A model with the fields `more`, then those of the dataclass; it is never made, only read."""
    assert is_dataclass(of)
    hints = more | get_type_hints(of)
    fields: dict[str, Any] = {key: (hint, ...) for key, hint in hints.items()}
    found: type[BaseModel] = create_model(name, __doc__=of.__doc__, **fields)
    return found
