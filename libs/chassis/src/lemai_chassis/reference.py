"""Reference data: `config/lemai.yaml`, one schema, checked as a whole before a process starts."""

import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

Code = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_.-]{0,49}$")]
Name = Annotated[str, Field(min_length=1)]
Url = Annotated[str, Field(pattern=r"^https?://\S+$")]
T = TypeVar("T", bound="Coded")


class InvalidReference(ValueError):
    """The reference data cannot be used. Each problem names key, value and fix."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))
        self.problems = tuple(problems)


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Coded(Entry):
    code: Code
    name: str = ""


class Owner(Coded):
    """货主: the brand whose goods and money these are."""


class Carrier(Coded):
    """承运商, by our code."""


class Supplier(Coded):
    """供应商 of one owner."""

    owner: Code


class FolderChannel(Entry):
    """Files in a folder that both sides see, under the adapter's docking root."""

    kind: Literal["folder"]
    folder: Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]+$")]


class SftpChannel(Entry):
    """Files on the counterpart's SFTP server. Secrets: `password` or `private_key`."""

    kind: Literal["sftp"]
    host: Name
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    user: Name
    host_key: Annotated[str, Field(pattern=r"^[a-z0-9@.-]+ [0-9A-Za-z+/=]+$")]
    """The server's public key as in `known_hosts`: `ssh-ed25519 AAAA…`. Another one is refused."""
    root: Annotated[str, Field(pattern="^/")] = "/"
    rename: bool = True
    """False where the server cannot rename what was uploaded."""


class SoapChannel(Entry):
    """SOAP both ways: we call `url` as `user`; it calls us at `/soap/<code>` as `partner_user`.

    Secrets: `password` (ours there), `partner_password` (its here).
    """

    kind: Literal["soap"]
    url: Url
    user: Name
    partner_user: Name


class HttpChannel(Entry):
    """Signed HTTP: we post to `url`; it posts to `/v1/docking/<code>/<interface>`. Secret: `app_secret`."""

    kind: Literal["http"]
    url: Url
    app_key: Name
    pull: bool = False
    """True where it does not post: its files are listed and fetched at `url`."""


class K3CloudChannel(Entry):
    """The WebAPI of Kingdee K/3 Cloud (kingdee.md §3). Secret: `app_secret`.

    Whatever else stands here are options of the site, which the adapter knows and checks.
    """

    model_config = ConfigDict(extra="allow")

    kind: Literal["k3cloud"]
    url: Url
    acct_id: Name
    user: Name
    app_id: Name
    lcid: int = 2052
    login: Literal["signature", "app_secret"] = "signature"


class Counterpart(Coded):
    """对接方: the system that runs an owner's warehouses. Secrets are files named `<code>.<secret>`."""

    kind: Literal["kingdee"]
    profile: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z_-]*$|^profiles/[0-9A-Za-z_-]+\.yaml$")]
    """How it writes documents: a built-in profile, or a file beside `lemai.yaml`: `profiles/acme.yaml`."""
    channel: Annotated[
        FolderChannel | SftpChannel | SoapChannel | HttpChannel | K3CloudChannel, Field(discriminator="kind")
    ]
    adjustments: Literal["internal", "interfaces"] = "internal"
    """Whether counted losses and gains stay with us, or go to it by interfaces 1 and 5."""
    locked_stock: Literal["ours", "others"] = "ours"
    """Whose open orders the counterpart's locked quantity is: ours is promised already, others' is frozen."""
    snapshot_loss_max_percent: Annotated[int, Field(ge=0, le=100)] = 30
    """A stock snapshot that takes more of a warehouse's sellable pieces, or has no lines, waits for a person."""
    acknowledge_within_minutes: Annotated[int, Field(ge=0)] = 0
    """After so long without an acknowledgement of what we sent, somebody is told; 0 is never."""
    answer_within_hours: Annotated[int, Field(ge=0)] = 0
    """After so long without any actual of what we instructed, somebody is told; 0 is never."""
    keep_bytes_days: Annotated[int, Field(ge=1)] = 180
    """So long the bytes exchanged are kept; names, hashes and states stay."""


class Warehouse(Coded):
    """仓库, run by a counterpart."""

    counterpart: Code


class Approval(Entry):
    """What is approved by rule; the rest waits for customer service."""

    total_max: Annotated[Decimal, Field(ge=0)] = Decimal(5000)
    """In the order's currency, major units."""
    with_seller_message: bool = False
    """Whether an order with a note of ours for customer service is approved by rule too."""


class Store(Coded):
    """店铺: one shop on one platform."""

    platform: Code
    owners: Annotated[tuple[Code, ...], Field(min_length=1)]
    """Whose goods it sells; the first is its default owner."""
    warehouse: Code
    carrier: Code
    approval: Approval = Approval()
    pull_every_s: Annotated[float, Field(ge=0.2, le=3600)] = 5
    stock_share_percent: Annotated[int, Field(ge=0, le=100)] = 100
    safety_stock: Annotated[int, Field(ge=0)] = 0

    @property
    def pull_every(self) -> timedelta:
        return timedelta(seconds=self.pull_every_s)


class Reference(Entry):
    """All of it. `version` is the operator's own label of this state of the data."""

    version: str
    owners: tuple[Owner, ...]
    counterparts: tuple[Counterpart, ...]
    warehouses: tuple[Warehouse, ...]
    stores: tuple[Store, ...]
    carriers: tuple[Carrier, ...]
    suppliers: tuple[Supplier, ...] = ()
    order_no_prefixes: Mapping[Code, Annotated[str, Field(pattern="^[A-Z]{2}$")]]
    """Two letters that start the order numbers of a platform's trades."""
    document_codes: Mapping[Code, str] = {}
    """How documents name a platform (平台编码): tmall → TM."""

    @field_validator("owners", "counterparts", "warehouses", "stores", "carriers", "suppliers")
    @classmethod
    def _codes_are_unique(cls, entries: tuple[T, ...]) -> tuple[T, ...]:
        codes = [entry.code for entry in entries]
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(f"编码重复，请保留一个 / code used twice, keep one: {', '.join(twice)}")
        return entries

    @field_validator("order_no_prefixes")
    @classmethod
    def _prefixes_are_unique(cls, prefixes: Mapping[str, str]) -> Mapping[str, str]:
        used = list(prefixes.values())
        if twice := sorted({prefix for prefix in used if used.count(prefix) > 1}):
            raise ValueError(
                f"前缀重复，请各用一个 / prefix used twice, each platform needs its own: {', '.join(twice)}"
            )
        return prefixes

    def owner(self, code: str) -> Owner:
        return _find(self.owners, code)

    def store(self, code: str) -> Store:
        return _find(self.stores, code)

    def warehouse(self, code: str) -> Warehouse:
        return _find(self.warehouses, code)

    def counterpart(self, code: str) -> Counterpart:
        return _find(self.counterparts, code)

    def counterpart_of(self, warehouse_code: str) -> Counterpart:
        return self.counterpart(self.warehouse(warehouse_code).counterpart)


def read(path: Path) -> Reference:
    """Read and check the reference data. Raises InvalidReference with every problem found."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        reference = Reference.model_validate(document)
    except OSError as error:
        raise InvalidReference(path, [f"无法读取 / cannot be read: {error.strerror}"]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidReference(path, [f"不是 UTF-8 的 YAML / not YAML in UTF-8: {error}"]) from error
    except ValidationError as error:
        raise InvalidReference(path, [_explain(problem) for problem in error.errors()]) from None
    if problems := list(_dangling(reference)):
        raise InvalidReference(path, problems)
    return reference


def _find(entries: Iterable[T], code: str) -> T:
    for entry in entries:
        if entry.code == code:
            return entry
    raise KeyError(code)


def _explain(problem: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in problem["loc"]) or "文件 file"
    if problem["type"] == "missing":
        return f"{place}: 缺少此项，请添加 / missing, add it"
    fix = _FIXES.get(problem["type"], f"请改正 / change it: {problem['msg'].removeprefix('Value error, ')}")
    return f"{place} = {reprlib.repr(problem['input'])}: {fix}"


_FIXES = {"extra_forbidden": "不认识此项，请删除或更正拼写 / not known, remove or respell it"}


def _dangling(reference: Reference) -> Iterator[str]:
    """References that lead nowhere."""
    known: Mapping[str, set[str]] = {
        "owners": {entry.code for entry in reference.owners},
        "counterparts": {entry.code for entry in reference.counterparts},
        "warehouses": {entry.code for entry in reference.warehouses},
        "carriers": {entry.code for entry in reference.carriers},
        "order_no_prefixes": set(reference.order_no_prefixes),
    }

    def check(place: str, code: str, kind: str) -> Iterator[str]:
        if code not in known[kind]:
            choice = ", ".join(sorted(known[kind])) or "-"
            yield (
                f"{place} = {code!r}: {kind} 中没有该编码，请改为其中之一或先添加 / "
                f"not in {kind}; use one of these or add it: {choice}"
            )

    for store in reference.stores:
        place = f"stores[{store.code}]"
        for owner in store.owners:
            yield from check(f"{place}.owners", owner, "owners")
        yield from check(f"{place}.warehouse", store.warehouse, "warehouses")
        yield from check(f"{place}.carrier", store.carrier, "carriers")
        yield from check(f"{place}.platform", store.platform, "order_no_prefixes")
    for warehouse in reference.warehouses:
        yield from check(f"warehouses[{warehouse.code}].counterpart", warehouse.counterpart, "counterparts")
    for supplier in reference.suppliers:
        yield from check(f"suppliers[{supplier.code}].owner", supplier.owner, "owners")
