"""Reading stored files again, and putting right what was refused: each step by a person, with a reason.

Documents taken before are ignored, so that replaying never posts anything twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from lemai_docking.ack import Ack, ack_of
from lemai_docking.documents import Decoded
from lemai_docking.encodings.values import SHANGHAI
from lemai_docking.faults import Fault, FileRejected
from lemai_docking.journal.incoming import IncomingFile
from lemai_docking.journal.quarantine import Decision
from lemai_docking.receiver import Receiver, check_message

Keep = Callable[[AsyncConnection], Awaitable[None]]
"""Keeps what a person does, in the transaction that does it: nothing is kept of what turns out to be impossible."""


class StillRefused(Exception):
    """What a person made of a refused document is refused as well; nothing was done."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of reading several files again: documents found good, new or not, and what is refused still."""

    files: int = 0
    documents: int = 0
    rejected_files: int = 0
    rejected_documents: int = 0

    def and_file(self, ack: Ack | None) -> "Replayed":
        """With one more file; None is a file refused as a whole."""
        if ack is None:
            return replace(self, files=self.files + 1, rejected_files=self.rejected_files + 1)
        refused = ack.held + ack.rejected
        return Replayed(
            self.files + 1,
            self.documents + ack.accepted,
            self.rejected_files,
            self.rejected_documents + refused,
        )


class Replayer:
    """Replays one counterpart's incoming files."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._journal = receiver.journal
        self._now: Callable[[], datetime] = receiver.now

    async def replay(
        self, file_id: int, *, line: int | None = None, by: str, why: str, keep: Keep | None = None
    ) -> Ack | None:
        """Read a file again, or its one document that begins on `line`. None if there is none to read.

        Raises FileRejected if it is still refused as a whole.
        """
        async with self._receiver.engine.connect() as connection:
            stored = await self._journal.read(connection, file_id)
        if stored is None:
            return None
        file, data = stored
        decoded = await self._decode(file.read_name, data, vouched=file.read_as is not None)
        if line is not None:
            decoded = _only(decoded, line)
            if file.state == "rejected" or not (decoded.documents or decoded.rejected):
                return None
        async with self._receiver.engine.begin() as connection:
            file = await self._journal.lock(connection, file_id)
            if keep:
                await keep(connection)
            return await self._post(connection, file, data, decoded, Decision(by, why, self._now()))

    async def replay_day(self, day: date, *, by: str, why: str) -> Replayed:
        """Read all files of a day in China again."""
        since = datetime.combine(day, time(), SHANGHAI)
        async with self._receiver.engine.connect() as connection:
            file_ids = await self._journal.between(connection, since, since + timedelta(days=1))
        return await self._replay_all(file_ids, by, why)

    async def replay_quarantined(
        self,
        *,
        code: str | None = None,
        interface: str | None = None,
        since: datetime | None = None,
        by: str,
        why: str,
    ) -> Replayed:
        """Read all files again of which something fitting lies in quarantine, as after a profile was put right."""
        async with self._receiver.engine.connect() as connection:
            file_ids = await self._journal.quarantine.files(connection, code=code, interface=interface, since=since)
        return await self._replay_all(file_ids, by, why)

    async def mend(
        self, quarantine_id: int, content: bytes, *, by: str, why: str, name: str = "", keep: Keep | None = None
    ) -> Ack | None:
        """Post what a person made of a quarantined file or document, under another name if its own was wrong.

        None if it is not open. Raises FileRejected or StillRefused.
        """
        async with self._receiver.engine.connect() as connection:
            row = await self._journal.quarantine.lock(connection, quarantine_id)
        if row is None:
            return None
        read_as = name or row.name
        decoded = await self._decode(read_as, content, vouched=True)
        async with self._receiver.engine.begin() as connection:
            row = await self._journal.quarantine.lock(connection, quarantine_id)
            if row is None:
                return None
            if keep:
                await keep(connection)
            now = self._now()
            file = await self._journal.add_file(
                connection,
                name=f"{row.name}#{row.id}",
                data=content,
                state="received",
                interface=decoded.header.interface,
                documents=len(decoded.documents) + len(decoded.rejected),
                read_as=read_as,
                now=now,
            )
            assert file is not None
            posted = await self._receiver.posting.post(connection, file, content, decoded)
            if posted.rejected:
                raise StillRefused([fault for document in posted.rejected for fault in document.faults])
            await self._journal.quarantine.mended(connection, row, content, Decision(by, why, now))
            ack = ack_of(decoded, name=file.name, sha256=file.sha256, received_at=now, same=posted.same, rejected=())
            await self._journal.answer(connection, file, ack.model_dump(mode="json"), now)
        return ack

    async def discard(self, quarantine_id: int, *, by: str, why: str, keep: Keep | None = None) -> bool:
        """Give up what was refused. False if it is not open."""
        async with self._receiver.engine.begin() as connection:
            decision = Decision(by, why, self._now())
            discarded = await self._journal.quarantine.discard(connection, quarantine_id, decision)
            if discarded and keep:
                await keep(connection)
            return discarded

    async def _replay_all(self, file_ids: Sequence[int], by: str, why: str) -> Replayed:
        """Each file in a transaction of its own; one whose bytes are forgotten is passed over."""
        replayed = Replayed()
        for file_id in file_ids:
            try:
                ack = await self.replay(file_id, by=by, why=why)
            except FileRejected:
                replayed = replayed.and_file(None)
                continue
            if ack is not None:
                replayed = replayed.and_file(ack)
        return replayed

    async def _decode(self, name: str, data: bytes, *, vouched: bool) -> Decoded:
        return await asyncio.to_thread(self._receiver.codec.decode, name, data, vouched=vouched)

    async def _post(
        self, connection: AsyncConnection, file: IncomingFile, data: bytes, decoded: Decoded, decision: Decision
    ) -> Ack:
        """A file that was rejected as a whole becomes a received one, and has its answer from now on."""
        if file.read_as is None:
            await check_message(connection, self._journal, decoded, file)
        posted = await self._receiver.posting.post(connection, file, data, decoded)
        refused = {document.line_no for document in posted.rejected}
        good = {document.line_no for document in decoded.documents} - refused
        await self._journal.quarantine.replayed(connection, file.id, {0} | good, decision)
        ack = ack_of(
            decoded,
            name=file.name,
            sha256=file.sha256,
            received_at=decision.at,
            same=posted.same,
            rejected=posted.rejected,
        )
        if file.state == "rejected":
            header = decoded.header
            await self._journal.accept(
                connection, file, interface=header.interface, message_id=header.message_id, documents=ack.documents
            )
            await self._journal.answer(connection, file, ack.model_dump(mode="json"), decision.at)
        return ack


def _only(decoded: Decoded, line: int) -> Decoded:
    return replace(
        decoded,
        documents=[document for document in decoded.documents if document.line_no == line],
        rejected=[document for document in decoded.rejected if document.line_no == line],
    )
