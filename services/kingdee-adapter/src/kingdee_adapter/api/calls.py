"""Calls of counterparts: their signed messages. No person calls these, so no person's token opens them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from kingdee_adapter.docking import Docking
from lemai_chassis.web import Problem, ProblemDocument, not_found
from lemai_docking import http_server
from lemai_docking.signing import Credentials, Nonces, Unsigned

REFUSALS: dict[int | str, dict[str, Any]] = {status: {"model": ProblemDocument} for status in (401, 404, 413)}


@dataclass(frozen=True)
class Caller:
    """A counterpart that posts signed messages to us."""

    docking: Docking
    credentials: Credentials
    nonces: Nonces


def router(callers: Mapping[str, Caller]) -> APIRouter:
    routes = APIRouter(prefix="/v1/docking", tags=["calls"], responses=REFUSALS)

    @routes.post("/{counterpart}/{interface}", response_class=Response)
    async def receive(counterpart: str, interface: str, request: Request) -> Response:
        """A message in XML or JSON, signed by X-LK-AppKey, X-LK-Timestamp, X-LK-Nonce and X-LK-Sign.

        Answered by an acknowledgement in the same encoding; what is refused in it stands there, too.
        """
        caller = callers.get(counterpart)
        if caller is None:
            raise not_found("counterpart", counterpart)
        body = await body_of(request, caller.docking.profile.limits.bytes)
        try:
            answered = await http_server.answer(
                caller.docking.receiver, caller.credentials, caller.nonces, interface, request.headers, body
            )
        except Unsigned as error:
            raise Problem(401, "签名无效 / not signed", str(error)) from error
        except LookupError as error:
            raise Problem(404, "未找到 / not found", str(error)) from error
        return Response(answered.body, media_type=answered.media_type)

    return routes


async def body_of(request: Request, bytes_max: int) -> bytes:
    """The whole body. Raises Problem as soon as it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise Problem(413, "内容过大 / too large", f"> {bytes_max}")
    return bytes(body)
