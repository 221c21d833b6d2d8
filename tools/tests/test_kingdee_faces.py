"""The Kingdee simulator stands at the other end of whatever counterparts the reference data names."""

import json
from pathlib import Path

import pytest

from lemai_chassis import reference
from lemai_tools.platform.home import Home
from lemai_tools.platform.members import _kingdee
from sim_kingdee.settings import Settings

ALONE = """
version: "2026-11-22"
owners: [{{code: JFY, name: 聚芳永}}]
counterparts:
{counterparts}
warehouses:
{warehouses}
stores:
  - {{code: TM-JFY-01, name: 聚芳永旗舰店, platform: tmall, owners: [JFY], warehouse: WH01, carrier: SF,
     pull_every_s: 1, approval: {{total_max: "5000.00", with_seller_message: true}},
     stock_share_percent: 100, safety_stock: 0}}
suppliers: []
carriers: [{{code: SF, name: 顺丰速运}}]
order_no_prefixes: {{tmall: TM}}
document_codes: {{tmall: TM}}
"""
K3 = """
  - {code: K3, name: 云, kind: kingdee, profile: kingdee-json, adjustments: interfaces,
     channel: {kind: k3cloud, url: "http://127.0.0.1:1/k3cloud/", acct_id: "5f0c", user: lemai, app_id: lemai,
               org: "100", confirm_type_key: F_LM_ConfirmType, stores: {聚芳永旗舰店: TM-JFY-01}}}
"""
FOLDER = """
  - {{code: {code}, name: 夹, kind: kingdee, profile: kingdee-default, channel: {{kind: folder, folder: {code}}}}}
"""
WAREHOUSE = "  - {{code: {code}, name: 仓, counterpart: {counterpart}}}\n"


@pytest.mark.parametrize(
    ("counterparts", "codes", "faces"),
    [
        (K3, ["K3"], []),
        (FOLDER.format(code="a") + FOLDER.format(code="b"), ["a", "b"], ["folder", "b"]),
        (FOLDER.format(code="a") + K3, ["a", "K3"], ["folder"]),
    ],
    ids=["a K/3 Cloud alone", "two folders", "both"],
)
def test_the_simulator_can_start_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counterparts: str, codes: list[str], faces: list[str]
) -> None:
    config = tmp_path / "lemai.yaml"
    served = [codes[-1], *codes[:-1]]
    warehouses = "".join(WAREHOUSE.format(code=f"WH0{n}", counterpart=code) for n, code in enumerate(served, 1))
    config.write_text(ALONE.format(counterparts=counterparts, warehouses=warehouses), encoding="utf-8")

    environment = _kingdee(Home(tmp_path / "home"), config, reference.read(config), "http://127.0.0.1:2")

    for name, value in {"SIM_KINGDEE_DIR": str(tmp_path / "sim"), **environment}.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert [getattr(exchange, "face", exchange.name) for exchange in settings.exchanges] == faces
    assert bool(settings.sim_kingdee_k3_acct_id) == ("K3" in codes)
    assert len(json.loads(environment["SIM_KINGDEE_WAREHOUSES"])) == len(codes)
