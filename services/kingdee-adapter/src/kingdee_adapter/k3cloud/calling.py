"""The calls that bring a bill forward, one step each, and how they end. Before any repeat K/3 Cloud is asked."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from kingdee_adapter.k3cloud import bills, handlers, storage
from kingdee_adapter.k3cloud.client import NOT_NOW, TIMEOUT_S, K3Client, LoggedOut, NotSent, QueryRefused, Unanswered
from kingdee_adapter.k3cloud.domain import Bill, Conflict, Found, Step, next_step, step_after
from kingdee_adapter.k3cloud.forms import ITEMS, Form, Forms
from kingdee_adapter.k3cloud.site import Site
from kingdee_adapter.k3cloud.status import Remedy, Status
from kingdee_adapter.k3cloud.trouble import Trouble
from kingdee_adapter.k3cloud.wire import Query, operation_body, quoted
from lemai_chassis.delivery.calls import Answer, Call, CallKind, Outcome
from lemai_chassis.delivery.engine import Engine
from lemai_chassis.state.unit_of_work import ref
from lemai_docking.faults import Fault
from lemai_docking.journal.outgoing import OutgoingFile, OutgoingJournal
from lemai_docking.journal.tables import Tables, Vault

OPERATIONS = {
    Step.UNAUDIT: "UnAudit",
    Step.SAVE: "Save",
    Step.SUBMIT: "Submit",
    Step.AUDIT: "Audit",
    Step.ALLOCATE: "Allocate",
}
ORGANISATIONS = "ORG_Organizations"
AT_ONCE = 4
ATTEMPTS_MAX = 20
PAUSE = timedelta(seconds=8)
"""One project saw edit locks gone after eight seconds (reference §3.4)."""
PAUSE_MAX = timedelta(minutes=5)


class Calls:
    """Makes the calls to one counterpart."""

    def __init__(
        self,
        engine: Engine,
        code: str,
        forms: Forms,
        site: Site,
        client: K3Client,
        outgoing: OutgoingJournal,
        tables: Tables,
        vault: Vault,
        trouble: Trouble,
    ) -> None:
        self._engine = engine
        self._code = code
        self._forms = forms
        self._site = site
        self._client = client
        self._outgoing = outgoing
        self._tables = tables
        self._vault = vault
        self._trouble = trouble

    def kind(self) -> CallKind:
        """The counterpart's row in the table of calls. A call looks, writes and looks again at most."""
        return CallKind(
            handlers.call_kind(self._code),
            self.perform,
            handlers.on_call_ended,
            lambda ended: [ref(Bill, self._code, ended.call.payload["form_id"], ended.call.payload["number"])],
            self.resolve,
            concurrency=AT_ONCE,
            timeout=timedelta(seconds=5 * TIMEOUT_S),
        )

    async def resolve(self, call: Call) -> Answer | None:
        """What became of a call nobody knows the end of; None if it did nothing."""
        try:
            found = await self._look_up(call, await self._file(call))
        except NOT_NOW as error:
            await self._trouble.met(error)
            return await self._unknown(call, _told(error))
        self._trouble.over()
        return self._moved(call, found)

    async def perform(self, call: Call) -> Answer:
        """Write one step, unless the bill turns out to be elsewhere."""
        step, file, found = Step(call.payload["step"]), await self._file(call), None
        try:
            # After an unknown call `resolve` has just looked; saving an item needs the id that is found.
            if step in {Step.SAVE, Step.ALLOCATE} or (call.attempts > 1 and not call.was_unknown):
                found = await self._look_up(call, file)
                if moved := self._moved(call, found):
                    return moved
        except NOT_NOW as error:
            return await self._later(call, error)
        try:
            status = await self._write(call, step, file, found)
        except (NotSent, LoggedOut, QueryRefused) as error:
            return await self._later(call, error)
        except Unanswered as error:
            await self._trouble.met(error)
            return await self._unknown(call, _told(error))
        self._trouble.over()
        return await self._judged(call, step, file, status)

    async def _judged(self, call: Call, step: Step, file: OutgoingFile, status: Status) -> Answer:
        if status.ok:
            return Answer(Outcome.DONE, handlers.done(step_after(step, allocated=self._allocates(call))))
        reason = "; ".join(f"{problem.field} {problem.message}".strip() for problem in status.problems)
        told = {"msg_code": status.msg_code, "reason": reason[:500]}
        if status.remedy is not Remedy.REFUSED and call.attempts < ATTEMPTS_MAX:
            if status.remedy is Remedy.LOOK_UP:
                return await self._unknown(call, told)
            return Answer(Outcome.RETRY_LATER, told, _pause(call))
        try:
            moved = self._moved(call, await self._look_up(call, file))
        except NOT_NOW as error:
            return await self._later(call, error)
        return moved or Answer(Outcome.REJECTED, handlers.refused(_faults(status)))

    async def _write(self, call: Call, step: Step, file: OutgoingFile, found: Found | None) -> Status:
        form_id, number = call.payload["form_id"], call.payload["number"]
        if step is Step.SAVE:
            return await self._client.write("Save", await self._request(form_id, file, found))
        data: Mapping[str, Any] = {
            "CreateOrgId": 0,
            "Numbers": [number],
            "Ids": "",
            "NetworkCtrl": "",
            "IgnoreInterationFlag": "",
        }
        if step is Step.ALLOCATE and found:
            data = {"PkIds": found.id, "TOrgIds": await self._org_ids(), "IsAutoSubmitAndAudit": "true"}
        return await self._client.write(OPERATIONS[step], operation_body(form_id, data))

    async def _org_ids(self) -> str:
        """Internal ids of the organisations that use items."""
        numbers = self._site.allocated_to
        queries = [Query(ORGANISATIONS, ("FOrgID",), f"FNumber={quoted(number)}", "FOrgID", 1) for number in numbers]
        return ",".join([str(row[0]) for query in queries for row in await self._client.query(query)])

    async def _request(self, form_id: str, file: OutgoingFile, found: Found | None) -> bytes:
        """The Save request. One that changes what is there is stored before it is sent, like every other."""
        if found is None:
            return file.content
        body = bills.replacing(self._forms.forms[form_id], file.content, found.id)
        async with self._engine.database.begin() as connection:
            await storage.rewrite(connection, self._tables, self._vault, file.id, body)
        return body

    async def _look_up(self, call: Call, file: OutgoingFile) -> Found | None:
        form = self._form(call)
        where = f"{form.number}={quoted(call.payload['number'])}"
        rows = await self._client.query(
            Query(call.payload["form_id"], form.lookup_keys, where, form.id, self._site.page_rows)
        )
        return bills.found(form, file.content, rows)

    def _moved(self, call: Call, found: Found | None) -> Answer | None:
        """The end of a call that finds its bill elsewhere than it thought; None if its step is the one due."""
        step = Step(call.payload["step"])
        replaceable = call.payload["form_id"] == ITEMS
        try:
            due = next_step(found, replaceable=replaceable, allocated=self._allocates(call))
        except Conflict as conflict:
            fault = Fault("E_DUP_CONFLICT", 0, self._form(call).number, call.payload["number"], str(conflict))
            return Answer(Outcome.REJECTED, handlers.refused([fault]))
        return None if due is step else Answer(Outcome.DONE, handlers.done(due))

    async def _later(self, call: Call, error: Exception) -> Answer:
        """Nothing was written, so the call simply waits."""
        await self._trouble.met(error)
        return Answer(Outcome.RETRY_LATER, _told(error), _pause(call))

    async def _unknown(self, call: Call, told: Mapping[str, Any]) -> Answer:
        """Nobody knows whether the call arrived, and the journal says so until somebody does."""
        async with self._engine.database.begin() as connection:
            file = await self._outgoing.file(connection, call.payload["file_name"])
            if file and file.state == "rendered":
                await self._outgoing.mark(connection, file, "unknown", self._engine.clock())
        return Answer(Outcome.UNKNOWN, told, _pause(call))

    async def _file(self, call: Call) -> OutgoingFile:
        async with self._engine.database.begin() as connection:
            file = await self._outgoing.file(connection, call.payload["file_name"])
        if file is None:
            raise LookupError(f"no file {call.payload['file_name']}")
        return file

    def _form(self, call: Call) -> Form:
        return self._forms.forms[call.payload["form_id"]]

    def _allocates(self, call: Call) -> bool:
        return call.payload["form_id"] == ITEMS and bool(self._site.allocated_to)


def _faults(status: Status) -> Sequence[Fault]:
    """Why K/3 Cloud refused, in its own words."""
    code = f"MsgCode {status.msg_code}"
    told = [Fault("E_PARTNER", 0, problem.field, f"{code} {problem.message}"[:500]) for problem in status.problems]
    return told or [Fault("E_PARTNER", value=code)]


def _told(error: Exception) -> Mapping[str, Any]:
    return {"error": f"{type(error).__name__}: {error}"[:500]}


def _pause(call: Call) -> timedelta:
    """Twice as long after every attempt, and not for all calls alike."""
    return min(PAUSE * (1 << min(call.attempts - 1, 6)), PAUSE_MAX) * (1 + call.id % 8 / 16)
