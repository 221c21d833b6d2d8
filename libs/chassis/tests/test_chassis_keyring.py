"""Consignee data is sealed where it enters; each reveal is audited; deleting the key forgets it everywhere."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy.ext.asyncio import AsyncEngine
from toy_kit import fetch

from lemai_chassis.database import connect
from lemai_chassis.keyring import ForgottenError, Keyring, MasterKey, SealedValue
from lemai_chassis.misconfigured import Misconfigured

MASTER = MasterKey(bytes(range(32)))
ZHANG = {"name": "张三", "phone": "13800000000"}
LI = {"name": "李四"}


@pytest.fixture
async def keys(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The database of a keyring, prepared twice, as two processes do."""
    engine = connect(database_url)
    await Keyring(engine, MASTER).prepare()
    await Keyring(engine, MASTER).prepare()
    yield engine
    await engine.dispose()


async def test_what_was_sealed_is_revealed_in_order(keys: AsyncEngine) -> None:
    zhang, li = await Keyring(keys, MASTER).seal([ZHANG, LI])

    revealed = await Keyring(keys, MASTER).reveal([li, zhang, li], purpose="label", actor="kingdee-adapter")

    assert revealed == [LI, ZHANG, LI]


async def test_each_value_has_a_key_of_its_own_and_none_is_stored_in_clear(keys: AsyncEngine) -> None:
    first, second = await Keyring(keys, MASTER).seal([ZHANG, ZHANG])

    assert first.key_id != second.key_id
    assert first.sealed != second.sealed
    assert b"138" not in base64.b64decode(first.sealed)
    stored = await fetch(keys, "SELECT key_id, octet_length(wrapped) FROM consignee_key")
    assert dict(stored) == {first.key_id: 12 + 32 + 16, second.key_id: 12 + 32 + 16}


async def test_each_reveal_is_audited(keys: AsyncEngine) -> None:
    keyring = Keyring(keys, MASTER)
    [zhang] = await keyring.seal([ZHANG])

    await keyring.reveal([zhang], purpose="label", actor="kingdee-adapter")
    await keyring.reveal([zhang, zhang], purpose="call the customer", actor="wang")

    assert await fetch(keys, "SELECT key_id, purpose, actor FROM consignee_reveal ORDER BY id") == [
        (zhang.key_id, "label", "kingdee-adapter"),
        (zhang.key_id, "call the customer", "wang"),
    ]


async def test_a_forgotten_value_can_never_be_read_again(keys: AsyncEngine) -> None:
    keyring = Keyring(keys, MASTER)
    zhang, li = await keyring.seal([ZHANG, LI])

    await keyring.forget([zhang.key_id])

    with pytest.raises(ForgottenError, match=zhang.key_id):
        await keyring.reveal([li, zhang], purpose="label", actor="x")
    assert await keyring.reveal([li], purpose="label", actor="x") == [LI]


async def test_another_master_key_opens_nothing(keys: AsyncEngine) -> None:
    [zhang] = await Keyring(keys, MASTER).seal([ZHANG])

    with pytest.raises(InvalidTag):
        await Keyring(keys, MasterKey(bytes(32))).reveal([zhang], purpose="label", actor="x")
    assert await fetch(keys, "SELECT * FROM consignee_reveal") == []


async def test_a_value_that_was_tampered_with_is_refused(keys: AsyncEngine) -> None:
    [zhang] = await Keyring(keys, MASTER).seal([ZHANG])
    sealed = bytearray(base64.b64decode(zhang.sealed))
    sealed[-1] ^= 1

    with pytest.raises(InvalidTag):
        await Keyring(keys, MASTER).reveal(
            [SealedValue(zhang.key_id, base64.b64encode(sealed).decode())], purpose="label", actor="x"
        )


async def test_nothing_to_seal_is_no_error(keys: AsyncEngine) -> None:
    assert await Keyring(keys, MASTER).seal([]) == []


def test_equal_values_have_equal_digests_under_one_master_key_only() -> None:
    assert MASTER.digest("13800000000") == MASTER.digest("13800000000")
    assert MASTER.digest("13800000000") != MASTER.digest("13800000001")
    assert MASTER.digest("13800000000") != MasterKey(bytes(32)).digest("13800000000")
    assert MASTER.derive("digest") != MASTER.derive("wrap consignee keys")


def test_a_master_key_is_read_from_a_file_of_32_bytes_in_base64(tmp_path: Path) -> None:
    path = tmp_path / "master"
    path.write_bytes(base64.b64encode(bytes(range(32))) + b"\n")
    assert MasterKey.read(path).digest("x") == MASTER.digest("x")

    path.write_bytes(base64.b64encode(bytes(31)))
    with pytest.raises(Misconfigured, match=r"MASTER_KEY_FILE = .*32 bytes, not 31"):
        MasterKey.read(path)
