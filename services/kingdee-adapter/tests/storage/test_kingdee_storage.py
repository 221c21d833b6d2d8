"""Migrations make the tables the code declares, and the journal answers what is asked of it."""

from kingdee_world import KINGDEE, MIGRATIONS, World, an_instruction

from kingdee_adapter import storage
from lemai_chassis.database import check


async def test_migrations_make_what_the_code_declares(world: World) -> None:
    await check(world.settings.database_url.get_secret_value(), MIGRATIONS)


async def test_an_instruction_is_queued_once_and_a_contradiction_is_alarmed(world: World) -> None:
    await world.take(an_instruction(), an_instruction())
    await world.take(an_instruction(), an_instruction(seller_message="换地址"))

    queued = await world.rows("docking_outgoing")
    alerts = await world.rows("event", type="lemai.ops.alert_raised.v1")
    assert [(row["order_no"], row["revision"], row["state"]) for row in queued] == [("2611220001", 1, "pending")]
    assert [(row["data"]["code"], row["data"]["about"]) for row in alerts] == [
        ("document_conflict", f"{KINGDEE}/2611220001")
    ]


async def test_a_new_revision_is_queued_besides_the_first(world: World) -> None:
    await world.take(an_instruction(), an_instruction(revision=2))

    assert [row["revision"] for row in await world.rows("docking_outgoing")] == [1, 2]


async def test_both_legs_of_an_order_are_one_story(world: World) -> None:
    await world.take(an_instruction(order_no="A", family="f1"), an_instruction(order_no="A", family="f1", revision=2))
    await world.take(an_instruction(order_no="B", family="f2", owner_code="NB"))

    async with world.service.engine.database.connect() as connection:
        found = await storage.stories(connection, KINGDEE, {("JFY", "A"), ("JFY", "B"), ("NB", "B"), ("JFY", "C")})
        elsewhere = await storage.stories(connection, "KINGDEE-2", {("JFY", "A")})
        none = await storage.stories(connection, KINGDEE, set())

    assert {order: story.family for order, story in found.items()} == {("JFY", "A"): "f1", ("NB", "B"): "f2"}
    assert (elsewhere, none) == ({}, {})
