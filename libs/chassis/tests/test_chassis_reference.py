"""Reference data is checked as a whole at start; each problem names key, value and fix."""

import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from lemai_chassis.misconfigured import Misconfigured
from lemai_chassis.reference import read

DATA: dict[str, Any] = {
    "version": "1",
    "owners": [{"code": "JFY"}, {"code": "ABC"}],
    "counterparts": [
        {
            "code": "KD",
            "kind": "kingdee",
            "profile": "kingdee-default",
            "channel": {"kind": "folder", "folder": "kd"},
        }
    ],
    "warehouses": [{"code": "WH01", "counterpart": "KD"}],
    "stores": [{"code": "TM-01", "platform": "tmall", "owners": ["JFY", "ABC"], "warehouse": "WH01", "carrier": "SF"}],
    "carriers": [{"code": "SF", "name": "顺丰"}],
    "suppliers": [{"code": "VEN1", "owner": "JFY"}],
    "order_no_prefixes": {"tmall": "TM"},
}


def written(folder: Path, *changes: tuple[str, Any]) -> Path:
    """The data as a file, each `(place, value)` changed; None takes the place away."""
    data = copy.deepcopy(DATA)
    for place, value in changes:
        *path, last = [int(part) if part.isdigit() else part for part in place.split(".")]
        target: Any = data
        for part in path:
            target = target[part]
        if value is None:
            del target[last]
        else:
            target[last] = value
    file = folder / "lemai.yaml"
    file.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return file


def told(file: Path, error: Misconfigured) -> list[str]:
    """Its problems without the file and the line."""
    return [problem.removeprefix(f"{file}:").partition(": ")[2] for problem in error.problems]


def test_good_data_is_read(tmp_path: Path) -> None:
    reference = read(written(tmp_path, ("stores.0.pull_every_s", 0.5)))

    assert [owner.code for owner in reference.owners] == ["JFY", "ABC"]
    assert reference.store("TM-01").pull_every == timedelta(seconds=0.5)
    assert reference.counterpart_of("WH01").profile == "kingdee-default"
    with pytest.raises(KeyError):
        reference.warehouse("WH02")


@pytest.mark.parametrize(
    "channel",
    [
        {"kind": "folder", "folder": "kingdee-jfy"},
        {
            "kind": "sftp",
            "host": "sftp.kingdee",
            "user": "lemai",
            "host_key": "ssh-ed25519 AAAAC3Nz+/=",
            "rename": False,
        },
        {"kind": "soap", "url": "https://kingdee/soap", "user": "lemai", "partner_user": "jfy"},
        {"kind": "http", "url": "https://kingdee", "app_key": "lemai", "pull": True},
        {
            "kind": "k3cloud",
            "url": "https://kingdee/k3cloud/",
            "acct_id": "5f",
            "user": "lemai",
            "app_id": "1_a",
            "org": "100",
        },
    ],
    ids=lambda channel: channel["kind"],
)
def test_a_counterpart_is_reached_by_the_channel_of_its_kind(tmp_path: Path, channel: dict[str, Any]) -> None:
    reference = read(written(tmp_path, ("counterparts.0.channel", channel)))

    found = reference.counterpart("KD").channel
    assert found.model_dump(include=set(channel)) == channel


def test_a_profile_is_built_in_or_a_file_beside_the_reference_data(tmp_path: Path) -> None:
    reference = read(written(tmp_path, ("counterparts.0.profile", "profiles/acme.yaml")))

    assert reference.counterpart("KD").profile == "profiles/acme.yaml"


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        ("owners", None, "owners: 缺少此项，请添加 / missing, add it"),
        (
            "owners",
            "JFY",
            "owners = 'JFY': 请改正 / change it: 应为列表，如 [A, B] / should be a list: [A, B]",
        ),
        (
            "stores.0.approval",
            "5000",
            "stores.0.approval = '5000': 请改正 / change it: "
            "应为键与值，如 code: A / should be keys with values, such as code: A",
        ),
        ("stores.0.carrier", None, "stores.0.carrier: 缺少此项，请添加 / missing, add it"),
        (
            "stores.0.colour",
            "red",
            "stores.0.colour = 'red': 不认识此项，请删除或更正拼写 / not known, remove or respell it",
        ),
        (
            "stores.0.pull_every_s",
            0,
            "stores.0.pull_every_s = 0: 请改正：应不小于 0.2 / change it: Input should be greater than or equal to 0.2",
        ),
        (
            "counterparts.0.kind",
            "sap",
            "counterparts.0.kind = 'sap': 请改正：应为 'kingdee' / change it: Input should be 'kingdee'",
        ),
        (
            "counterparts.0.profile",
            "../acme.yaml",
            "counterparts.0.profile = '../acme.yaml': 请改正："
            r"应符合 ^[0-9A-Za-z][0-9A-Za-z_-]*$|^profiles/[0-9A-Za-z_-]+\.yaml$ / change it: "
            r"String should match pattern '^[0-9A-Za-z][0-9A-Za-z_-]*$|^profiles/[0-9A-Za-z_-]+\.yaml$'",
        ),
        ("counterparts.0.channel", None, "counterparts.0.channel: 缺少此项，请添加 / missing, add it"),
        (
            "counterparts.0.channel.kind",
            "ftp",
            "counterparts.0.channel: 请改正：应为 'folder', 'sftp', 'soap', 'http', 'k3cloud' / change it: "
            "Input tag 'ftp' found using 'kind' does not match any of the expected tags: "
            "'folder', 'sftp', 'soap', 'http', 'k3cloud'",
        ),
        (
            "counterparts.0.channel.folder",
            "../kd",
            "counterparts.0.channel.folder.folder = '../kd': 请改正：应符合 ^[0-9A-Za-z_-]+$ / change it: "
            "String should match pattern '^[0-9A-Za-z_-]+$'",
        ),
        (
            "counterparts.0.channel.password",
            "x",
            "counterparts.0.channel.folder.password = （密 secret）: "
            "不认识此项，请删除或更正拼写 / not known, remove or respell it",
        ),
        (
            "counterparts.0.channel",
            {"kind": "sftp", "host": "h", "user": "lemai"},
            "counterparts.0.channel.sftp.host_key: 缺少此项，请添加 / missing, add it",
        ),
        (
            "counterparts.0.channel",
            {"kind": "soap", "url": "ftp://kingdee", "user": "lemai", "partner_user": "jfy"},
            r"counterparts.0.channel.soap.url = 'ftp://kingdee': 请改正：应符合 ^https?://\S+$ / change it: "
            r"String should match pattern '^https?://\S+$'",
        ),
        (
            "counterparts.0.answer_within_hours",
            -1,
            "counterparts.0.answer_within_hours = -1: 请改正：应不小于 0 / change it: "
            "Input should be greater than or equal to 0",
        ),
        (
            "stores.0.code",
            "T M",
            "stores.0.code = 'T M': 请改正：应符合 ^[0-9A-Za-z][0-9A-Za-z_.-]{0,49}$ / change it: "
            "String should match pattern '^[0-9A-Za-z][0-9A-Za-z_.-]{0,49}$'",
        ),
        (
            "suppliers",
            [{"code": "V", "owner": "JFY"}] * 2,
            "suppliers = [{'code': 'V', 'owner': 'JFY'}, {'code': 'V', 'owner': 'JFY'}]: 请改正 / change it: "
            "重复，请各用一个 / used twice, each needs its own: V",
        ),
        (
            "stores.0.approval",
            {"total_max": "5000.005"},
            "stores.0.approval.total_max = '5000.005': 请改正：小数最多 2 位 / change it: "
            "Decimal input should have no more than 2 decimal places",
        ),
        (
            "order_no_prefixes.taobao",
            "TM",
            "order_no_prefixes: 请改正 / change it: 重复，请各用一个 / used twice, each needs its own: TM",
        ),
        (
            "stores.0.carrier",
            "YTO",
            "stores[TM-01].carrier = 'YTO': carriers 中没有该编码，请改为其中之一或先添加 / "
            "not in carriers; use one of these or add it: SF",
        ),
        (
            "stores.0.owners",
            ["JFY", "XYZ"],
            "stores[TM-01].owners = 'XYZ': owners 中没有该编码，请改为其中之一或先添加 / "
            "not in owners; use one of these or add it: ABC, JFY",
        ),
        (
            "stores.0.warehouse",
            "WH02",
            "stores[TM-01].warehouse = 'WH02': warehouses 中没有该编码，请改为其中之一或先添加 / "
            "not in warehouses; use one of these or add it: WH01",
        ),
        (
            "stores.0.platform",
            "jd",
            "stores[TM-01].platform = 'jd': order_no_prefixes 中没有该编码，请改为其中之一或先添加 / "
            "not in order_no_prefixes; use one of these or add it: tmall",
        ),
        (
            "warehouses.0.counterpart",
            "K3",
            "warehouses[WH01].counterpart = 'K3': counterparts 中没有该编码，请改为其中之一或先添加 / "
            "not in counterparts; use one of these or add it: KD",
        ),
        (
            "suppliers.0.owner",
            "XYZ",
            "suppliers[VEN1].owner = 'XYZ': owners 中没有该编码，请改为其中之一或先添加 / "
            "not in owners; use one of these or add it: ABC, JFY",
        ),
    ],
)
def test_a_problem_names_key_value_and_fix(tmp_path: Path, place: str, value: Any, problem: str) -> None:
    file = written(tmp_path, (place, value))

    with pytest.raises(Misconfigured) as refused:
        read(file)

    assert told(file, refused.value) == [problem]


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    file = written(
        tmp_path, ("version", None), ("stores.0.safety_stock", -1), ("warehouses.0.name", 7), ("suppliers.0.owner", "X")
    )

    with pytest.raises(Misconfigured) as refused:
        read(file)

    assert [problem.split(" ")[0].rstrip(":") for problem in told(file, refused.value)] == [
        "version",
        "stores.0.safety_stock",
        "suppliers[VEN1].owner",
        "warehouses.0.name",
    ], "in the order of the file"


def test_what_is_wrong_in_an_entry_hides_nothing_else_of_it(tmp_path: Path) -> None:
    store = {"code": "TM-02", "platform": "jd", "owners": ["XYZ", 7], "warehouse": "WH02", "carrier": ["SF"], "x": 1}
    whole = DATA["stores"][0] | {"owners": "JFY", "stock_share_percent": 60}
    file = written(tmp_path, ("stores", [store, whole, whole | {"code": "TM-03", "approval": 0}, "TM"]))

    with pytest.raises(Misconfigured) as refused:
        read(file)

    assert sorted(problem.split(" ")[0].rstrip(":") for problem in told(file, refused.value)) == [
        "stores.0.carrier",
        "stores.0.owners.1",
        "stores.0.x",
        "stores.1.owners",
        "stores.2.approval",
        "stores.2.owners",
        "stores.3",
        "stores.stock_share_percent",
        "stores[TM-02].owners",
        "stores[TM-02].platform",
        "stores[TM-02].warehouse",
    ]


def test_a_problem_names_its_line(tmp_path: Path) -> None:
    file = written(tmp_path, ("carriers.0.code", "S F"), ("suppliers.0.owner", "XYZ"), ("stores.0.warehouse", None))
    lines = file.read_text(encoding="utf-8").splitlines()

    with pytest.raises(Misconfigured) as refused:
        read(file)

    named = [lines[int(problem.removeprefix(f"{file}:").split(":")[0]) - 1] for problem in refused.value.problems]
    assert [line.strip("- ") for line in named] == ["code: S F", "carrier: SF", "carrier: SF", "owner: XYZ"]


def test_a_key_used_twice_is_named(tmp_path: Path) -> None:
    file = written(tmp_path)
    file.write_text(file.read_text(encoding="utf-8").replace("  platform: tmall", "  platform: jd\n  platform: tmall"))

    with pytest.raises(Misconfigured) as refused:
        read(file)

    assert told(file, refused.value) == ["stores.0.platform: 键重复，请保留一个 / key used 2 times, keep one"]


def test_shares_of_one_owners_shelf_are_at_most_all_of_it(tmp_path: Path) -> None:
    second = DATA["stores"][0] | {"code": "TM-02", "owners": ["JFY"], "stock_share_percent": 40}
    file = tmp_path / "lemai.yaml"

    def stores(first_share: int) -> Path:
        first = DATA["stores"][0] | {"stock_share_percent": first_share}
        return written(tmp_path, ("stores", [first, second]))

    assert [store.stock_share_percent for store in read(stores(60)).stores] == [60, 40]
    with pytest.raises(Misconfigured) as refused:
        read(stores(61))

    assert told(file, refused.value) == [
        "stores.stock_share_percent: TM-01 61 + TM-02 40 = 101: 仓库 WH01 货主 JFY 的份额超过 100，请调低 / "
        "shares of warehouse WH01, owner JFY exceed 100, lower them"
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            "name: 聚芳永\nowners: [".encode(),
            ":2: 不是 YAML，请改正 / not YAML, mend it: expected the",
        ),
        (
            b"version: 1\nowners:\n\t- A",
            ":3: 不是 YAML，请改正 / not YAML, mend it: found character",
        ),
        (b"version: \x07", ": 不是 UTF-8 文字 / not text in UTF-8: unacceptable character #x0007"),
        ("name: 聚芳永".encode("gbk"), ": 不是 UTF-8 文字 / not text in UTF-8: "),
        (b"", ":1: 文件 file = None: 请改正 / change it: 应为键与值，如 code: A / should be keys with values"),
    ],
    ids=["not YAML", "tab", "control", "not UTF-8", "empty"],
)
def test_a_file_that_is_no_reference_data_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "lemai.yaml"
    file.write_bytes(content)

    with pytest.raises(Misconfigured) as refused:
        read(file)
    assert refused.value.problems[0].startswith(f"{file}{problem}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="无法读取 / cannot be read: No such file or directory"):
        read(tmp_path / "lemai.yaml")
