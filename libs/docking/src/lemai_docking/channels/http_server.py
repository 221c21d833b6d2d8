"""Our signed endpoint, without its web framework: `POST /v1/docking/<counterpart>/<interface>`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from lemai_docking.ack_xml import xml_bytes
from lemai_docking.channels.signing import TOLERANCE, Credentials, Nonces, verify
from lemai_docking.definitions.layout import layouts
from lemai_docking.faults import FileRejected
from lemai_docking.receiver import Receiver


@dataclass(frozen=True, slots=True)
class Answered:
    """The body of a 200 answer: the acknowledgement, in the encoding of the message."""

    body: bytes
    media_type: str


@dataclass
class NonceTable:
    """The nonces of one counterpart, in the table `docking_nonce`."""

    engine: AsyncEngine
    table: Table
    counterpart: str

    async def claim(self, nonce: str, now: datetime) -> bool:
        """False if it was claimed before; old ones are forgotten on the way."""
        columns = self.table.c
        async with self.engine.begin() as connection:
            await connection.execute(
                delete(self.table).where(
                    columns.counterpart == self.counterpart, columns.claimed_at < now - 2 * TOLERANCE
                )
            )
            added = await connection.execute(
                insert(self.table)
                .values(counterpart=self.counterpart, nonce=nonce, claimed_at=now)
                .on_conflict_do_nothing()
                .returning(columns.nonce)
            )
            return added.one_or_none() is not None


async def answer(
    receiver: Receiver,
    credentials: Credentials,
    nonces: Nonces,
    interface: str,
    headers: Mapping[str, str],
    body: bytes,
) -> Answered:
    """Take a signed message. A business refusal is an answer too.

    Raises Unsigned; LookupError for an interface the counterpart does not send, or a file name of another one.
    """
    await verify(credentials, headers, body, now=receiver.now(), nonces=nonces)
    layout = layouts().get(interface)
    if layout is None or layout.direction != "in" or interface not in receiver.profile.interfaces:
        raise LookupError(f"没有接口 {interface} / no such interface")
    given = {name.lower(): value for name, value in headers.items()}.get("x-lk-file-name", "")
    name = given or await receiver.name_call(interface)
    try:
        belongs = interface in receiver.profile.match(name).interfaces
    except FileRejected as rejection:
        raise LookupError(rejection.fault.message) from rejection
    if not belongs:
        raise LookupError(f"{name} 不是 {interface} 的文件名 / is no file name of this interface")
    ack = await receiver.receive(name, body)
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return Answered(xml_bytes(ack), "application/xml")
    return Answered(ack.json_bytes(), "application/json")
