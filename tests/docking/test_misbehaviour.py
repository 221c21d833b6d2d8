"""A Kingdee that does otherwise than told, or spoils what it sends: every fact comes through as it is, once."""

from dataclasses import dataclass

import pytest
import pytest_asyncio
from tests.docking.counterparts import FILES, K3CLOUD, OWNERS, SFTP, through
from tests.docking.exchange import Exchange
from tests.docking.orders import CASES, SALES, Case, Instruction, Owner

from lemai_contracts.fulfilment import (
    ActualReportedV1,
    Direction,
    DocumentAcknowledgedV1,
    DocumentRejectedV1,
    DocumentSentV1,
)
from lemai_contracts.ops import AlertRaisedV1
from lemai_contracts.values import Grade

pytestmark = pytest.mark.asyncio(loop_scope="session")

PURCHASE = next(case for case in CASES if case.name == "purchase")
Pieces = list[tuple[int, int, Grade]]
GOOD, DEFECTIVE = Grade.GOOD, Grade.DEFECTIVE


@dataclass(frozen=True)
class Script:
    """What a Kingdee does with an order of this kind, and the reports that tell of it: status, final, pieces."""

    case: Case
    number: str
    reports: list[tuple[str, bool, Pieces]]


WHOLE = [(1, 1, GOOD), (2, 2, GOOD)]
SCRIPTS = {
    "partial": Script(
        SALES,
        "2611230001",
        [("PARTDELIVERED", False, [(1, 1, GOOD), (2, 1, GOOD)]), ("DELIVERED", True, [(2, 1, GOOD)])],
    ),
    "short": Script(SALES, "2611230002", [("DELIVERED", True, [(1, 1, GOOD), (2, 1, GOOD)])]),
    "damaged": Script(PURCHASE, "2611230003", [("FULFILLED", True, [(1, 199, GOOD), (1, 1, DEFECTIVE)])]),
    "late": Script(SALES, "2611230007", [("DELIVERED", True, WHOLE)]),
    "reject": Script(SALES, "2611230004", [("REJECT", True, [(1, 0, GOOD), (2, 0, GOOD)])]),
    "status_only": Script(SALES, "2611230005", [("ACCEPT", False, []), ("DELIVERED", True, WHOLE)]),
    "exception": Script(SALES, "2611230006", [("EXCEPTION", False, []), ("DELIVERED", True, WHOLE)]),
}
# A bill is of pieces: K/3 Cloud tells no mere status, and of a refusal that nothing more will come.
ON_BILLS = {
    "reject": [("CLOSED", True, [(1, 0, GOOD), (2, 0, GOOD)])],
    "status_only": [("DELIVERED", True, WHOLE)],
    "exception": [("DELIVERED", True, WHOLE)],
}
TROUBLES = ("cut_upload", "refuse_rename", "disk_full", "permission_denied")
LATE_MS = 2_000


def pieces(report: ActualReportedV1) -> Pieces:
    return [(line.line_no, line.quantity, line.grade) for line in report.lines]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scripted(ready: Exchange) -> dict[tuple[str, str], Instruction]:
    """An order for each script through every channel at once, by owner and script."""
    for name, script in SCRIPTS.items():
        plan = {"kind": name, "order_no": script.number + script.case.suffix, "count": len(OWNERS)}
        await ready.kingdee.post("/sim/misbehave", plan | ({"delay_ms": LATE_MS} if name == "late" else {}))
    return {
        (owner.code, name): (await ready.instruct(script.case, owner, script.number))[0]
        for owner in OWNERS
        for name, script in SCRIPTS.items()
    }


@through(OWNERS)
@pytest.mark.parametrize("name", SCRIPTS)
async def test_what_was_really_done_is_reported(
    exchange: Exchange, scripted: dict[tuple[str, str], Instruction], owner: Owner, name: str
) -> None:
    expected = ON_BILLS.get(name, SCRIPTS[name].reports) if owner is K3CLOUD else SCRIPTS[name].reports

    reports = await exchange.reports(scripted[owner.code, name], len(expected))

    assert [(report.status, report.final, pieces(report)) for report in reports] == expected


@through(FILES)
async def test_reports_in_files_cut_short_are_told_once_when_they_come_again(ready: Exchange, owner: Owner) -> None:
    damages = ("half_file", "half_temporary", "crash_mid_file")
    for damage in damages:
        await ready.kingdee.post("/sim/misbehave", {"kind": damage, "face": owner.channel})
    [order] = await ready.instruct(SALES, owner, "2611231000")

    [report] = await ready.reports(order)

    files = (await ready.kingdee.get("/sim/files", direction="out"))["files"]
    assert {file["damage"] for file in files if file["face"] == owner.channel} >= set(damages)
    assert pieces(report) == WHOLE


@pytest.mark.parametrize("trouble", TROUBLES)
@through([SFTP])
async def test_a_server_that_refuses_or_breaks_off_gets_the_file_once_all_the_same(
    ready: Exchange, owner: Owner, trouble: str
) -> None:
    await ready.kingdee.post("/sim/misbehave", {"kind": trouble, "face": owner.channel})
    [order] = await ready.instruct(SALES, owner, f"26112320{TROUBLES.index(trouble):02}")

    [report] = await ready.reports(order)

    assert pieces(report) == WHOLE
    assert await ready.came(order) == 1


@through(FILES)
async def test_a_line_nobody_can_read_is_told_with_its_place(ready: Exchange, owner: Owner) -> None:
    await ready.kingdee.post("/sim/misbehave", {"kind": "bad_line", "face": owner.channel})
    [order] = await ready.instruct(SALES, owner, "2611231101")

    [report] = await ready.reports(order)
    [rejected] = ready.told.of(DocumentRejectedV1, owner_code=owner.code, reference=order.order_no)

    assert (rejected.direction, rejected.code, rejected.field, rejected.value) == (
        Direction.INCOMING,
        "E_FIELD",
        "line_no",
        "第一行",
    )
    assert pieces(report) == WHOLE
    assert rejected.document.file_name != report.document.file_name


@through(FILES)
async def test_a_file_with_a_wrong_total_is_refused_whole_and_somebody_is_told(ready: Exchange, owner: Owner) -> None:
    await ready.kingdee.post("/sim/misbehave", {"kind": "wrong_total", "face": owner.channel})
    [order] = await ready.instruct(SALES, owner, "2611231102")

    [report] = await ready.reports(order)
    refused = [
        alert.about
        for alert in ready.told.of(AlertRaisedV1, code="file_refused")
        if alert.about.startswith(f"{owner.counterpart}/") and "E_COUNT" in alert.message
    ]

    assert pieces(report) == WHOLE
    assert f"{owner.counterpart}/{report.document.file_name}" not in refused
    assert refused != []


@through(FILES)
async def test_the_same_file_again_changes_nothing_and_another_of_its_name_is_told(
    ready: Exchange, owner: Owner
) -> None:
    [order] = await ready.instruct(SALES, owner, "2611231103")
    [report] = await ready.reports(order)
    name = report.document.file_name
    for kind in ("duplicate", "changed"):
        await ready.all_taken(name)
        await ready.kingdee.post("/sim/misbehave", {"kind": kind, "face": owner.channel, "file_name": name})

    [alert] = await ready.told.wait_for(AlertRaisedV1, about=f"{owner.counterpart}/{name}")

    assert alert.code == "file_changed"
    assert len(ready.told.of(ActualReportedV1, owner_code=owner.code, order_no=order.order_no)) == 1


@through(FILES)
async def test_a_file_taken_before_we_noted_that_it_is_out_was_sent_once(ready: Exchange, owner: Owner) -> None:
    await ready.kingdee.post("/sim/misbehave", {"kind": "takes_before_marked", "face": owner.channel})
    [order] = await ready.instruct(SALES, owner, "2611231104")

    [_] = await ready.reports(order)
    document = {"owner_code": owner.code, "reference": order.order_no}
    await ready.told.wait_for(DocumentAcknowledgedV1, **document)
    [sent] = ready.told.of(DocumentSentV1, **document)
    [file] = (await ready.documents.get("/v1/files", name=sent.document.file_name))["items"]

    assert file["state"] == "acknowledged"
