"""The WebAPI server: who calls, what is called, and what goes wrong on the way."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid5

from sim_kingdee.erp import Erp
from sim_kingdee.exchange import Pace
from sim_kingdee.storage import Store
from sim_kingdee.webapi.answers import Answer, MsgCode, Refused, failure
from sim_kingdee.webapi.approval import Site
from sim_kingdee.webapi.bills import Bills
from sim_kingdee.webapi.calls import Call, read_call
from sim_kingdee.webapi.columns import add_functions
from sim_kingdee.webapi.misbehaviour import Misbehaviour, Script
from sim_kingdee.webapi.operations import Operations, form_of
from sim_kingdee.webapi.query import run_query, view
from sim_kingdee.webapi.results import bill_results
from sim_kingdee.webapi.signature import Account, is_signed

SESSION = "kdservice-sessionid"
_NAMESPACE = UUID("5f0000000000ab00000000000000abcd")


class Server:
    """One server of one site. Used by one thread."""

    def __init__(self, erp: Erp, account: Account, site: Site) -> None:
        self.script = Script()
        self.store: Store = erp.store
        self._erp = erp
        self._account = account
        self._site = site
        self._operations = Operations(erp, site)
        self._sessions: set[str] = set()
        self._session_numbers = count(1)
        add_functions(erp.store.db, org=site.org, item_org=site.item_org, owner_code=site.owner_code)

    @property
    def bills(self) -> Bills:
        """All bills."""
        return self._operations.bills

    def bill_results(self, now: datetime) -> None:
        """Make bills of what the ERP did for orders that came through this face."""
        bill_results(self._erp, self.bills, self._site, now)

    async def serve(self, pace: Pace) -> None:
        """Make bills of actuals, until cancelled."""
        while True:
            self.bill_results(pace.now())
            await asyncio.sleep(pace.flush_s)

    # Sessions

    def login(self, arguments: Mapping[str, Any]) -> dict[str, object]:
        """Answer LoginByAppSecret: LoginResultType 1 with a session, or 0. Raises WrongDataCentre."""
        acct_id, user, app_id, secret, lcid = (
            str(arguments.get(name, "")) for name in ("acctID", "username", "appId", "appSecret", "lcid")
        )
        if not self._account.allows(acct_id, user, app_id, lcid) or secret != self._account.app_secret:
            return _login_answer(0, "", {}, "用户或第三方系统登录授权不正确")
        session = self._open_session()
        context = {
            "SessionId": session,
            "UserName": user,
            "DBid": acct_id,
            "UTimeZone": "+08:00",
            "STimeZone": "+08:00",
        }
        return _login_answer(1, session, context, "")

    def session_for(self, headers: Mapping[str, str], session: str, path: str, now: datetime) -> str:
        """The session a request belongs to: the one it names while that lives, or a new one for a good signature.

        Raises Refused with MsgCode 1, which is all the server says about wrong credentials, and WrongDataCentre.
        """
        if session in self._sessions:
            return session
        if not is_signed(headers, path, self._account, int(now.timestamp())):
            raise Refused(MsgCode.CONTEXT_LOST, "会话信息已丢失，请重新登录")
        return self._open_session()

    def _open_session(self) -> str:
        session = str(uuid5(_NAMESPACE, str(next(self._session_numbers))))
        self._sessions.add(session)
        return session

    def lose_sessions(self) -> None:
        """Forget who has logged in."""
        self._sessions.clear()

    # Calls

    def answer(self, operation: str, arguments: Mapping[str, Any], fault: Misbehaviour | None, now: datetime) -> str:
        """Carry out a call and give its answer as JSON."""
        try:
            call = read_call(operation, arguments)
        except Refused as unread:
            return _text(failure(operation, unread))
        with self.store.transaction():
            answer, refused = self._tried(call, fault, now)
            code, field = (refused.code, refused.field) if refused else (MsgCode.DEFAULT, "")
            self.bills.note_call(call.operation, call.form_id, call.numbers, code, field, now)
        return answer

    def _tried(self, call: Call, fault: Misbehaviour | None, now: datetime) -> tuple[str, Refused | None]:
        try:
            if fault and fault.refusal:
                raise fault.refusal
            with self.bills.attempt():
                if call.operation == "ExecuteBillQuery":
                    return run_query(self.store.db, call.data), None
                if call.operation == "View":
                    return self._view(call), None
                answer = self._operations.write(call, now)
                return _text(answer.body()), answer.refused[0][1] if answer.refused else None
        except Refused as refused:
            return _text(failure(call.operation, refused)), refused

    def _view(self, call: Call) -> str:
        form = form_of(call.form_id)
        bill = self._operations.find(form, call.data)
        status = _text(Answer(done=[(bill.id, bill.bill_no)]).status())
        return f'{{"Result":{{"ResponseStatus":{status},"Result":{view(self.store.db, form, bill.id)}}}}}'


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _login_answer(kind: int, session: str, context: Mapping[str, str], message: str) -> dict[str, object]:
    return {
        "Message": message,
        "MessageCode": "" if kind == 1 else "LoginFailed",
        "LoginResultType": kind,
        "Context": dict(context) or None,
        "KDSVCSessionId": session,
        "IsSuccessByAPI": kind == 1,
    }
