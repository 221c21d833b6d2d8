"""Settings from the environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Names are the environment variables in lower case; `_ms` and `_s` are units."""

    model_config = SettingsConfigDict(frozen=True)

    http_host: str = "127.0.0.1"
    http_port: int = 8402
    sim_kingdee_root: Path
    sim_kingdee_dir: Path
    sim_kingdee_poll_ms: int = Field(default=200, gt=0)
    sim_kingdee_flush_ms: int = Field(default=300, gt=0)
    sim_kingdee_ship_delay_ms: int = Field(default=0, ge=0)
    sim_kingdee_trailer_patience_s: int = Field(default=600, ge=0)
    sim_kingdee_seed: int = 1
    sim_kingdee_warehouses: list[str] = ["WH01"]
