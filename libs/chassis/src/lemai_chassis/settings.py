"""What a process is told by its environment. Secrets come as files or variables, never from the repository."""

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings every service has; a service with more of its own inherits from this."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    lemai_config: Path = Path("config/lemai.yaml")
    """The reference data: owners, stores, warehouses, counterparts, …"""
    database_url: SecretStr
    """`postgresql+asyncpg://…` of the service's own database."""
    keyring_database_url: SecretStr | None = None
    """Where consignee keys are kept; only services that seal or reveal consignees have it."""
    kafka_bootstrap_servers: str
    access_file: Path | None = None
    """Who may do what: a JSON list of `name`, `roles`, `owners`, `token_sha256`. None: nobody may do anything."""
    http_host: str = "127.0.0.1"
    http_port: int = 8000
    master_key_file: Path | None = None
    """32 bytes in base64: wraps the consignee keys and keys the digests."""
