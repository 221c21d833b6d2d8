"""What a process is told by its environment. Secrets come as files or variables, never from the repository."""

import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, FilePath, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from lemai_chassis.misconfigured import Misconfigured, fix

S = TypeVar("S", bound="Settings")
DRIVER = "postgresql+asyncpg"


def _database(url: SecretStr) -> SecretStr:
    try:
        parts = make_url(url.get_secret_value())
    except (ArgumentError, ValueError):
        parts = None
    if parts is None or parts.drivername != DRIVER or not (parts.host and parts.database):
        form = f"{DRIVER}://USER:PASSWORD@HOST:PORT/DATABASE"
        raise ValueError(f"应为 {form}，特殊字符须 % 转义 / should be {form}, special characters escaped by %")
    return url


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database)]


class Settings(BaseSettings):
    """Settings every service has; a service with more of its own inherits from this."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    lemai_config: Path = Path("config/lemai.yaml")
    """The reference data: owners, stores, warehouses, counterparts, …"""
    database_url: DatabaseUrl
    """`postgresql+asyncpg://…` of the service's own database, without a transaction pooler in between."""
    keyring_database_url: DatabaseUrl | None = None
    """Where consignee keys are kept; only services that seal or reveal consignees have it."""
    access_file: Path | None = None
    """Who may do what: a JSON list of `name`, `roles`, `owners`, `token_sha256`. None: nobody may do anything."""
    pgsslmode: Literal["disable", "prefer", "require", "verify-full"] = "prefer"
    """How sure a database must be; the driver reads it and the next from the environment by itself."""
    pgsslrootcert: FilePath | None = None
    """PEM of whom to believe who a database is, for `verify-full`."""
    kafka_bootstrap_servers: Annotated[str, Field(pattern=r"^[^\s,]+:\d+(,[^\s,]+:\d+)*$")]
    """The brokers, `HOST:PORT`, several by commas."""
    kafka_ca_file: FilePath | None = None
    """PEM of whom to believe who a broker is. None: no TLS."""
    kafka_user: str = ""
    """By whose name the process logs in to Kafka, by SCRAM-SHA-512. Empty: it does not."""
    kafka_password: SecretStr = SecretStr("")
    """The password of that user."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """`info` has one line for each step of the business."""
    otel_exporter_otlp_endpoint: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    """Where a collector takes traces (OTLP over HTTP), such as `http://collector:4318`; none are sent without it."""
    http_host: str = "127.0.0.1"
    """Where its REST listens."""
    http_port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """0: any free one."""
    master_key_file: Path | None = None
    """32 bytes in base64: wraps the consignee keys and keys the digests."""


def read(settings_type: type[S]) -> S:
    """From the environment. Raises Misconfigured with every variable that is missing or wrong."""
    try:
        return settings_type()
    except ValidationError as error:
        raise Misconfigured(*(_told(settings_type, problem) for problem in error.errors())) from None


def _told(settings_type: type[Settings], problem: Mapping[str, Any]) -> str:
    name = str(problem["loc"][0])
    field = settings_type.model_fields[name]
    if problem["type"] == "missing":
        return f"{name.upper()}: 未设置此环境变量，请设置 / not set, set this variable: {field.description}"
    secret = "SecretStr" in str(field.annotation) + str(field.metadata)
    value = "（密 secret）" if secret else reprlib.repr(problem["input"])
    return f"{name.upper()} = {value}: {fix(problem)}"
