"""Who is told: where an alert is sent, in which product's format, and how it is signed.

Secrets come from the environment, from a file, or inline; they never show in a `repr`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal
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
from stream.time_zones import TimeZone


def _web_address(value: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(value.get_secret_value())
        right = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        right = False
    if not right or "@" in parts.netloc:
        raise ValueError("must be https://host/path, without user name or password")
    return value


def _stripped(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().strip()
    if not re.fullmatch(r"[!-~]{1,200}", text):
        raise ValueError("must be printable ASCII without spaces, at most 200 characters")
    return SecretStr(text)


def _is_standard(secret: SecretStr) -> bool:
    """Whether it is a secret of Standard Webhooks."""
    prefix, _, body = secret.get_secret_value().partition("_")
    try:
        size = len(base64.b64decode(body + "=" * (-len(body) % 4), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    return prefix == "whsec" and 24 <= size <= 64


def as_list(value: Any) -> Any:
    """One where a list may stand."""
    return value if isinstance(value, list | tuple) else [value]


Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Format = Literal["generic", "alertmanager", "slack", "teams", "feishu", "dingtalk", "wecom"]
Language = Literal["en", "zh"]
Secret = Annotated[SecretStr, AfterValidator(_stripped)]

MUST_SIGN: tuple[Format, ...] = ("generic", "alertmanager")
OWN_SIGNATURE: tuple[Format, ...] = ("feishu", "dingtalk")  # in the body, in the URL


class Receiver(BaseModel):
    """Where alerts are sent, and how. The URL may hold a token and is treated as a secret too."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Name
    url: Annotated[SecretStr, AfterValidator(_web_address)]
    format: Format = "generic"
    language: Language = Field("en", description="of what people read")
    time_zone: TimeZone = Field("UTC", description="of the times people read")
    secrets: Annotated[tuple[Secret, ...], BeforeValidator(as_list)] = Field(
        (), description="the first signs first; two during a rotation"
    )
    allow_private: bool = Field(False, description="may lie in a private network, or on plain http")
    allowed_subnets: tuple[IPv4Network | IPv6Network, ...] = ()

    @model_validator(mode="after")
    def _signed(self) -> Receiver:
        """Standard Webhooks secrets, but for the products that sign in a way of their own."""
        if self.format in MUST_SIGN and not self.secrets:
            raise ValueError("no secret; give secret_env, secret_file or secret")
        if self.format in OWN_SIGNATURE:
            if len(self.secrets) > 1:
                raise ValueError(f"secrets: {self.format} knows one secret only; give its newest")
            if self.secrets and _is_standard(self.secrets[0]):
                raise ValueError(
                    f"secrets[0]: {self.format} signs with the bot's own secret, not with whsec_…; "
                    "copy it from the bot's security settings"
                )
            return self
        for number, secret in enumerate(self.secrets):
            if not _is_standard(secret):
                raise ValueError(
                    f"secrets[{number}]: must be whsec_ followed by 24 to 64 bytes in base64"
                )
        return self

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
                f"{place}.secret_env: {name} is not set; export {name}=… before starting"
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
    return entry | {"secrets": secrets}


def secret_files(entry: Any, folder: Path) -> list[Path]:
    """The files that an entry reads secrets from."""
    named = as_list(entry.get("secret_file", [])) if isinstance(entry, dict) else []
    return [folder / str(name) for name in named]
