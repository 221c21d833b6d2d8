"""Who gets a parcel is written into the file for Kingdee, and nowhere else."""

import logging

import pytest
from kingdee_world import CONSIGNEE, World
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from lemai_contracts.fulfilment import DocumentRejectedV1, DocumentSentV1

CANARIES = {"name": "CanaryLi", "phone": "13912345678", "address": "CanaryRoad 77"}


async def test_a_consignee_is_in_the_published_file_and_nowhere_else(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    too_long = CONSIGNEE | CANARIES | {"address": CANARIES["address"] * 20}

    async with world.running():
        await world.order("2611220001", consignee=CONSIGNEE | CANARIES)
        await world.order("2611220002", consignee=too_long)
        (sent,) = await world.wait_for(DocumentSentV1)
        (rejected,) = await world.wait_for(DocumentRejectedV1)

    assert (rejected.reference, rejected.field, rejected.value) == ("2611220002", "receiver_address", "***")
    published = (world.folder / "outbox" / sent.document.file_name).read_text()
    assert all(canary in published for canary in CANARIES.values())
    kept = await contents(world) | {"log": caplog.text + "".join(capfd.readouterr())}
    assert sum(map(len, kept.values())) > len(published)
    for canary in CANARIES.values():
        assert [place for place, content in kept.items() if canary in content or canary.encode().hex() in content] == []


async def test_each_reveal_is_audited_with_purpose_and_actor(world: World) -> None:
    async with world.running():
        await world.order("2611220001")
        await world.wait_for(DocumentSentV1)

    assert "出库指示" in (await contents(world))["keyring consignee_reveal"]


async def test_an_order_whose_consignee_was_forgotten_is_refused_and_the_others_go_out(world: World) -> None:
    _, forgotten, _ = await world.order("2611220001", "2611220002", "2611220003")
    await world.keyring.forget([forgotten])

    async with world.running():
        (rejected,) = await world.wait_for(DocumentRejectedV1)
        sent = await world.wait_for(DocumentSentV1, 2)

    assert [event.reference for event in sent] == ["2611220001", "2611220003"]
    assert (rejected.reference, rejected.code, rejected.field) == ("2611220002", "E_FIELD", "receiver_name")
    assert "未被删除的收件人/a consignee not forgotten" in rejected.message
    assert rejected.document.file_name == ""


async def contents(world: World) -> dict[str, str]:
    """Every row of every table as text, by database and table."""
    found = {}
    urls = {"adapter": world.settings.database_url, "keyring": world.settings.keyring_database_url}
    for database, url in urls.items():
        engine = create_async_engine(url.get_secret_value())
        async with engine.connect() as connection:
            tables = await connection.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            )
            for table in tables.scalars().all():
                rows = await connection.execute(text(f"SELECT to_jsonb(row)::text FROM {table} row"))
                found[f"{database} {table}"] = "\n".join(rows.scalars())
        await engine.dispose()
    return found
