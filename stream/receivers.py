"""Who is told: where an alert is sent, and how it is signed.

Secrets come from the environment, from a file, or inline; they never show in a `repr`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

from stream.errors import UsageError


def _secret(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().strip()
    body = text.removeprefix("whsec_")
    try:
        size = len(base64.b64decode(body + "=" * (-len(body) % 4), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not text.startswith("whsec_") or not 24 <= size <= 64:
        raise ValueError("must be whsec_ followed by 24 to 64 bytes in base64")
    return SecretStr(text)


def _web_address(value: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(value.get_secret_value())
        right = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        right = False
    if not right or "@" in parts.netloc:
        raise ValueError("must be https://host/path, without user name or password")
    return value


def as_list(value: Any) -> Any:
    """One where a list may stand."""
    return value if isinstance(value, list | tuple) else [value]


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]


class Receiver(BaseModel):
    """Where alerts are sent. The URL may hold a token and is treated as a secret too."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Name
    url: Annotated[SecretStr, AfterValidator(_web_address)]
    secrets: Annotated[tuple[Secret, ...], BeforeValidator(as_list)] = Field(
        min_length=1, description="the first signs first; two during a rotation"
    )
    allow_private: bool = Field(False, description="may lie in a private network, or on plain http")
    allowed_subnets: tuple[IPv4Network | IPv6Network, ...] = ()

    @model_validator(mode="after")
    def _encrypted(self) -> Receiver:
        plain = self.url.get_secret_value().lower().startswith("http:")
        if plain and not (self.allow_private or self.allowed_subnets):
            raise ValueError(
                "url: must be https; plain http needs allow_private or allowed_subnets"
            )
        return self

    @property
    def shown(self) -> str:
        """The URL without what may be secret in it."""
        parts = urlsplit(self.url.get_secret_value())
        return f"{parts.scheme}://{parts.hostname or '?'}/…"


def with_secrets(entry: Any, place: str, folder: Path, environ: Mapping[str, str]) -> Any:
    """The entry with `secret`, `secret_env` and `secret_file` (each one or a list) read."""
    if not isinstance(entry, dict) or "secrets" in entry:
        return entry
    entry = dict(entry)
    secrets = as_list(entry.pop("secret", []))
    for name in as_list(entry.pop("secret_env", [])):
        if not environ.get(str(name)):
            raise UsageError(
                f"{place}.secret_env: {name} is not set; export {name}=whsec_… before starting"
            )
        secrets = [*secrets, environ[str(name)]]
    for name in as_list(entry.pop("secret_file", [])):
        try:
            secrets = [*secrets, (folder / str(name)).read_text(encoding="utf-8").strip()]
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise UsageError(
                f"{place}.secret_file: {name}: {reason}; write the secret into it"
            ) from None
    if not secrets:
        raise UsageError(f"{place}: no secret; give secret_env, secret_file or secret")
    return entry | {"secrets": secrets}
