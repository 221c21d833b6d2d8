"""Settings from the environment."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sim_kingdee.encodings import EncodingName


class _Exchange(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FolderExchange(_Exchange):
    """Files in a shared folder; `root` holds outbox, inbox, archive, ack and quarantine as Lemai names them.

    Of several folders each has a `face` of its own.
    """

    name: Literal["folder"]
    face: str = "folder"
    root: Path
    encoding: EncodingName = "text"


class SftpExchange(_Exchange):
    """The same folder behind an SFTP server of ours; a user logs in with the password, the key, or either.

    The host key is made when its file is missing; without a file it lies in the simulator's own store.
    """

    name: Literal["sftp"]
    root: Path
    encoding: EncodingName = "xml"
    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    user: str
    password: SecretStr | None = None
    authorized_key: str = ""
    host_key_file: Path | None = None


class HttpExchange(_Exchange):
    """Signed calls: instructions are posted to us; actuals are pulled from us, or posted to `{url}/<interface>`."""

    name: Literal["http"]
    encoding: Literal["xml", "json"] = "json"
    app_key: str
    app_secret: SecretStr
    url: str = ""
    timeout_s: float = Field(default=30, gt=0)
    retry_s: float = Field(default=1, gt=0)


class SoapExchange(_Exchange):
    """SOAP both ways: `user` calls us at /soap, we call Lemai at `url` as `lemai_user`."""

    name: Literal["soap"]
    user: str
    password: SecretStr
    url: str
    lemai_user: str
    lemai_password: SecretStr
    timeout_s: float = Field(default=30, gt=0)
    retry_s: float = Field(default=1, gt=0)


ExchangeSettings = Annotated[FolderExchange | SftpExchange | HttpExchange | SoapExchange, Field(discriminator="name")]


class Settings(BaseSettings):
    """Names are the environment variables in lower case; `_ms` and `_s` are units."""

    model_config = SettingsConfigDict(frozen=True)

    http_host: str = "127.0.0.1"
    http_port: int = 8402
    sim_kingdee_root: Path | None = None
    sim_kingdee_exchanges: list[ExchangeSettings] = []
    sim_kingdee_dir: Path
    sim_kingdee_poll_ms: int = Field(default=200, gt=0)
    sim_kingdee_flush_ms: int = Field(default=300, gt=0)
    sim_kingdee_ship_delay_ms: int = Field(default=0, ge=0)
    sim_kingdee_trailer_patience_s: int = Field(default=600, ge=0)
    sim_kingdee_seed: int = 1
    sim_kingdee_warehouses: list[str] = Field(default=["WH01"], min_length=1)
    sim_kingdee_k3_acct_id: str = ""
    sim_kingdee_k3_user: str = "lemai_api"
    sim_kingdee_k3_app_id: str = ""
    sim_kingdee_k3_app_secret: SecretStr = SecretStr("")
    sim_kingdee_k3_org: str = "100"
    sim_kingdee_k3_item_org: str = ""
    sim_kingdee_k3_owner: str = "JFY"

    @model_validator(mode="after")
    def _check_exchanges(self) -> Self:
        faces = [one.face if isinstance(one, FolderExchange) else one.name for one in self.exchanges]
        if not faces and not self.sim_kingdee_k3_acct_id:
            raise ValueError("SIM_KINGDEE_ROOT, SIM_KINGDEE_EXCHANGES or SIM_KINGDEE_K3_ACCT_ID is needed")
        if len(set(faces)) < len(faces):
            raise ValueError("SIM_KINGDEE_EXCHANGES: each name, or of folders each face, once")
        return self

    @property
    def exchanges(self) -> list[ExchangeSettings]:
        """All faces in the order given; without any there is the text folder `SIM_KINGDEE_ROOT`."""
        if self.sim_kingdee_exchanges or self.sim_kingdee_root is None:
            return self.sim_kingdee_exchanges
        return [FolderExchange(name="folder", root=self.sim_kingdee_root)]
