"""Receiving a counterpart's file or call, whichever way it came: stored once, posted once, answered."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from lemai_docking.ack import Ack, ack_of, ack_of_rejection
from lemai_docking.codec import Codec
from lemai_docking.definitions.profile import Profile
from lemai_docking.documents import Decoded
from lemai_docking.faults import Fault, FileRejected
from lemai_docking.journal.incoming import IncomingFile, IncomingJournal
from lemai_docking.posting import Posting, ReceiverPorts

log = logging.getLogger(__name__)


class Receiver:
    """Takes one counterpart's files. Several may run: a file belongs to whoever stores its name first."""

    def __init__(
        self,
        engine: AsyncEngine,
        journal: IncomingJournal,
        codec: Codec,
        profile: Profile,
        ports: ReceiverPorts,
        now: Callable[[], datetime],
    ) -> None:
        self.engine = engine
        self.journal = journal
        self.codec = codec
        self.profile = profile
        self.ports = ports
        self.now = now
        self.posting = Posting(journal, codec, ports, now)

    async def receive(self, name: str, data: bytes) -> Ack:
        """Take a whole file; when this returns it is stored, and the answer is final."""
        sha256 = hashlib.sha256(data).hexdigest()
        while True:
            async with self.engine.connect() as connection:
                known = await self.journal.known(connection, name, sha256)
            if known and known.sha256 != sha256:
                return await self._changed(name, data)
            if known and known.ack:
                log.info("file came again", extra={"file": name, "first": known.name})
                return _again(Ack.model_validate(known.ack), name)
            ack = await self._take(name, data)
            if ack:
                taken = {"status": ack.status, "documents": ack.documents, "rejected": ack.rejected}
                log.info("file in", extra={"counterpart": self.journal.counterpart, "file": name, **taken})
                return ack

    async def name_call(self, interface: str) -> str:
        """A file name for a call that brings none; bytes that came before are known whatever they are called."""
        pattern = self.profile.interfaces[interface].file
        async with self.engine.begin() as connection:
            stamp = await self.journal.next_stamp(connection, pattern, self.now())
        return self.profile.file_name(interface, stamp)

    async def alert(self, file_name: str, fault: Fault) -> None:
        """Tell a person, in a transaction of its own."""
        async with self.engine.begin() as connection:
            await self.ports.on_alert(connection, file_name, fault)

    async def _take(self, name: str, data: bytes) -> Ack | None:
        """Decode and store it. None if somebody else has just stored it."""
        try:
            decoded = await self._decoded(name, data)
            async with self.engine.begin() as connection:
                return await self._store(connection, name, data, decoded)
        except FileRejected as rejection:
            return await self._reject(name, data, rejection.fault)

    async def _decoded(self, name: str, data: bytes) -> Decoded:
        """Raises FileRejected, for a mistake of ours too: a file that cannot be read must not keep others waiting."""
        try:
            return await asyncio.to_thread(self.codec.decode, name, data)
        except FileRejected:
            raise
        except Exception as error:
            log.exception("file cannot be read", extra={"file": name})
            raise FileRejected(Fault("E_READ", value=f"{type(error).__name__} {error}"[:200])) from error

    async def _store(self, connection: AsyncConnection, name: str, data: bytes, decoded: Decoded) -> Ack | None:
        """Everything that makes a file received, in one transaction."""
        now = self.now()
        await check_message(connection, self.journal, decoded)
        file = await self.journal.add_file(
            connection,
            name=name,
            data=data,
            state="received",
            interface=decoded.header.interface,
            message_id=decoded.header.message_id,
            documents=len(decoded.documents) + len(decoded.rejected),
            now=now,
        )
        if file is None:
            return None
        posted = await self.posting.post(connection, file, data, decoded)
        ack = ack_of(
            decoded, name=name, sha256=file.sha256, received_at=now, same=posted.same, rejected=posted.rejected
        )
        await self.journal.answer(connection, file, ack.model_dump(mode="json"), now)
        return ack

    async def _reject(self, name: str, data: bytes, fault: Fault) -> Ack | None:
        """Refuse a whole file."""
        now = self.now()
        async with self.engine.begin() as connection:
            file = await self.journal.add_file(connection, name=name, data=data, state="rejected", now=now)
            if file is None:
                return None
            await self.journal.quarantine.add_file(
                connection, name=name, data=data, file_id=file.id, fault=fault, now=now
            )
            await self.ports.on_alert(connection, name, fault)
            ack = ack_of_rejection(fault, name=name, sha256=file.sha256, received_at=now)
            await self.journal.answer(connection, file, ack.model_dump(mode="json"), now)
        return ack

    async def _changed(self, name: str, data: bytes) -> Ack:
        """Refuse other bytes under a known name; the first file stays what it was."""
        now = self.now()
        fault = Fault("E_FILE_CHANGED", value=name)
        async with self.engine.begin() as connection:
            if await self.journal.quarantine.add_file(
                connection, name=name, data=data, file_id=None, fault=fault, now=now
            ):
                await self.ports.on_alert(connection, name, fault)
        return ack_of_rejection(fault, name=name, sha256=hashlib.sha256(data).hexdigest(), received_at=now)


async def check_message(
    connection: AsyncConnection, journal: IncomingJournal, decoded: Decoded, file: IncomingFile | None = None
) -> None:
    """Raises FileRejected if another good file than this has the same message number, and so other bytes."""
    message_id = decoded.header.message_id
    known = await journal.file_of_message(connection, message_id)
    if known is not None and (file is None or known != file.id):
        raise FileRejected(Fault("E_DUP_CONFLICT", 0, "message_id", message_id))


def _again(first: Ack, name: str) -> Ack:
    """The first answer again; under another name it says that the bytes are known."""
    if first.file_name == name:
        return first
    return first.model_copy(update={"file_name": name, "status": "DUPLICATE"})
