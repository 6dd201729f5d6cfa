"""All settings as one frozen tree, built once by the command line; nothing else reads them.

Order of precedence: environment (`UNDERTONE_KAFKA__BOOTSTRAP_SERVERS=…`) over the YAML file over
the defaults below. A wrong name or value is refused with its place and the fix.
"""

from __future__ import annotations

import re
from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)
from yaml import YAMLError

from stream.errors import UsageError

_SHORTEST_TOKEN = 16  # characters
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(value: Any) -> Any:
    """Turn `500ms`, `30s`, `5m`, `2h`, `400d` or a number of seconds into a timedelta.

    Raises ValueError on other text; anything else is left to pydantic.
    """
    if isinstance(value, int | float):
        return timedelta(seconds=value)
    if isinstance(value, str):
        found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?\s*", value)
        if not found:
            raise ValueError("a duration looks like 500ms, 30s, 5m, 2h or 400d")
        return timedelta(seconds=float(found[1]) * _UNITS[found[2] or "s"])
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration), Field(gt=timedelta(0))]


def parse_time_of_day(value: Any) -> Any:
    """Turn `03:17` into a time and `off` into None. Raises ValueError on anything else.

    YAML reads an unquoted 13:17 as the number 797, by sixties, and off as False.
    """
    if value in (None, "off") or value is False:
        return None
    if isinstance(value, int) and value is not True and 0 <= value < 24 * 60:
        value = f"{value // 60:02}:{value % 60:02}"
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if not found:
        raise ValueError("a time of day looks like 03:17 (UTC); off for never")
    return time(int(found[1]), int(found[2]))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kafka(_Part):
    """The broker and how the consumer group reads from it."""

    bootstrap_servers: str = Field("", description="host:port[,host:port]; empty: embedded broker")
    topic: str = "posts"
    dlq_topic: str = "posts.dlq"
    group_id: str = "undertone"
    create_topics: bool = Field(False, description="create missing topics at start (embedded does)")
    partitions: int = Field(6, ge=1, le=10_000, description="partitions of a topic we create")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_cafile: Path | None = None
    batch_posts: int = Field(4096, ge=1, le=10_000, description="a micro-batch is never larger")
    batch_time: Duration = Field(
        timedelta(seconds=1), description="… nor so large that it takes longer to score or store"
    )
    batch_age: Duration = Field(
        timedelta(milliseconds=500), description="a smaller one begins at this age"
    )
    most_bad: float = Field(
        0.5, gt=0, le=1, description="stop when more of the last 400 messages are bad; 1: never"
    )
    most_fetched: int = Field(
        32 << 20, ge=2 << 20, description="bytes of one answer of a broker; ours bounds none"
    )
    most_unpacked: int = Field(
        16 << 20, ge=1 << 20, description="bytes of a compressed batch; a larger one is a bomb"
    )
    max_poll_interval: Duration = Field(
        timedelta(minutes=1), description="a member that did not poll for so long is left out"
    )
    session_timeout: Duration = timedelta(seconds=20)
    path: Path = Field(Path("data/kafka"), description="directory of the embedded broker")
    port: int = Field(9092, ge=0, le=65535, description="of the embedded broker; 0: a free one")


class ClickHouse(_Part):
    """The database: embedded (`chdb`) or a server."""

    interface: Literal["chdb", "http", "https"] = "chdb"
    path: Path = Field(Path("data/clickhouse"), description="directory of the embedded database")
    host: str = "127.0.0.1"
    port: int = Field(8123, ge=1, le=65535)
    database: str = Field("undertone", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    username: str = "default"
    password: SecretStr = SecretStr("")
    cluster: str | None = Field(None, description="cluster name for ON CLUSTER")
    insert_timeout: Duration = Field(
        timedelta(seconds=20), description="max_execution_time of an insert"
    )
    query_timeout: Duration = Field(timedelta(seconds=30), description="max_execution_time else")


class Model(_Part):
    """The classifier."""

    path: Path | None = Field(None, description="model directory; empty: the shipped default")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    backend: Literal["auto", "torch", "onnx"] = "auto"
    threads: int | None = Field(None, ge=1, description="CPU threads; empty: all cores")
    labels: str | None = Field(None, description="what a model's own labels mean, NAME=negative,…")


class Brands(_Part):
    """What is watched."""

    file: Path = Path("config/brands.yaml")


class Alerts(_Part):
    """Rules and receivers, and when a minute is judged (DESIGN §4)."""

    file: Path = Path("config/alerts.yaml")
    lateness: Duration = Field(
        timedelta(hours=2), description="late posts count for minutes younger than this"
    )
    closes_after: Duration = Field(
        timedelta(seconds=10), description="a minute is closed this long after its end"
    )
    leader_topic: str = Field(
        "undertone.leader", description="one partition; the watcher that holds it acts"
    )


def _web_root(text: str) -> str:
    if text and not re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./~-]*)?", text, re.ASCII):
        raise ValueError("must be like https://undertone.example.com, without query")
    return text.rstrip("/")


def _networks(value: Any) -> Any:
    """`10.0.0.7, 10.1.0.0/16` as networks; anything but text is left to pydantic."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(ip_network(one.strip()) for one in value.split(",") if one.strip())
    except ValueError as error:
        raise ValueError(f"addresses or networks, like 10.0.0.7, 10.1.0.0/16: {error}") from None


def _secret_enough(token: SecretStr | None) -> SecretStr | None:
    if token and len(token.get_secret_value()) < _SHORTEST_TOKEN:
        raise ValueError(f"must have {_SHORTEST_TOKEN} characters or more: it can be guessed")
    return token


class Web(_Part):
    """The live board, health and metrics."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    token: Annotated[SecretStr | None, AfterValidator(_secret_enough)] = Field(
        None, description="opens the board to whoever sends it; needed unless bound to 127.0.0.1"
    )
    user_header: str = Field(
        "", pattern=r"^[A-Za-z0-9-]*$", description="in which a proxy that signs in names the user"
    )
    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)
    ] = Field((), description="addresses or networks whose user_header is believed")
    public_url: Annotated[str, AfterValidator(_web_root)] = Field(
        "", description="of the board as its readers reach it, for links in alerts; empty: no link"
    )
    probe_port: int = Field(
        0, ge=0, le=65535, description="of `consume`: health and metrics; 0: none"
    )

    @model_validator(mode="after")
    def _names_its_proxies(self) -> Web:
        if self.user_header and not self.trusted_proxies:
            raise ValueError("user_header: anybody could send it; name web.trusted_proxies too")
        return self


class Windows(_Part):
    """The passes that recompute what changed."""

    interval: Duration = Field(timedelta(seconds=2), description="between two passes")
    time_limit: Duration = Field(timedelta(seconds=60), description="of one statement of a pass")
    sweep: Annotated[time | None, BeforeValidator(parse_time_of_day)] = Field(
        time(3, 17), description="when all windows are compared with their posts, UTC; off: never"
    )


class Retention(_Part):
    """How long posts are kept."""

    # Kept within what a 32-bit DateTime can hold, which the TTL is computed in.
    posts: Annotated[Duration, Field(le=timedelta(days=20_000))] = timedelta(days=400)


class Log(_Part):
    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool | None = Field(None, description="empty: JSON unless on a terminal")


class Settings(BaseSettings):
    """The whole tree. Build it with `load_settings`."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="UNDERTONE_", env_nested_delimiter="__"
    )

    kafka: Kafka = Kafka()
    clickhouse: ClickHouse = ClickHouse()
    model: Model = Model()
    brands: Brands = Brands()
    alerts: Alerts = Alerts()
    web: Web = Web()
    windows: Windows = Windows()
    retention: Retention = Retention()
    log: Log = Log()

    @property
    def window_margin(self) -> timedelta:
        """How far a pass looks back before the last one: twice the longest insert (DESIGN §3)."""
        return 2 * self.clickhouse.insert_timeout


def load_settings(file: Path | None = None, **overrides: dict[str, Any]) -> Settings:
    """Read the file (if any), lay the environment over it, then `overrides` (of flags) over both.

    Raises UsageError: one line with the field, where it stands and the fix.
    """
    if file is not None and not file.is_file():
        raise UsageError(f"--config {file}: no such file; copy config/undertone.yaml and edit it")
    try:
        values = YamlConfigSettingsSource(Settings, yaml_file=file)() if file else {}
        merged = _deep_update(values, EnvSettingsSource(Settings)())
        return Settings.model_validate(_deep_update(merged, overrides))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        name = "UNDERTONE_" + "__".join(str(part) for part in first["loc"]).upper()
        where = f"{file} or {name}" if file else name
        if first["type"] == "extra_forbidden":
            raise UsageError(
                f"setting {field} ({where}): no such setting; check its name"
            ) from None
        raise UsageError(
            f"setting {field} ({where}): {first['msg'].removeprefix('Value error, ')}"
        ) from None
    except (YAMLError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"--config {file}: not a YAML mapping of settings: {reason}") from None


def _deep_update(values: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in over.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _deep_update(old, value) if both and old is not None else value
    return merged
