"""Calls of counterparts: signed messages, and SOAP. They prove who they are by themselves, not by a person's token."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from kingdee_adapter.docking import Docking
from lemai_chassis.access import without_token
from lemai_chassis.web import Problem, not_found
from lemai_docking.channels import http_server
from lemai_docking.channels.signing import Credentials, Nonces, Unsigned
from lemai_docking.soap import server as soap_server
from lemai_docking.soap import wsdl
from lemai_docking.soap.envelope import BYTES_MAX, Login

BY_THEMSELVES = without_token("the counterpart signs its messages, or logs in within them")
CounterpartCode = Annotated[str, Path(description="对接方编码 / its code", examples=["KINGDEE-JFY"])]
Interface = Annotated[str, Path(description="接口标识 / id of the interface", examples=["ship_result"])]


@dataclass(frozen=True)
class Signer:
    """A counterpart that posts signed messages to us."""

    docking: Docking
    credentials: Credentials
    nonces: Nonces


@dataclass(frozen=True)
class SoapCaller:
    """A counterpart that calls us by SOAP, and how it logs in."""

    docking: Docking
    login: Login


def signed_router(signers: Mapping[str, Signer]) -> APIRouter:
    routes = APIRouter(prefix="/v1/docking", tags=["calls"], dependencies=[BY_THEMSELVES])

    @routes.post("/{counterpart}/{interface}", response_class=Response)
    async def receive_message(counterpart: CounterpartCode, interface: Interface, request: Request) -> Response:
        """A message in XML or JSON, signed by X-LK-AppKey, X-LK-Timestamp, X-LK-Nonce and X-LK-Sign.

        Answered by an acknowledgement in the same encoding; what is refused in it stands there, too.
        """
        signer = signers.get(counterpart)
        if signer is None:
            raise not_found("counterpart", counterpart)
        bytes_max = signer.docking.profile.limits.bytes
        body = await _body(request, bytes_max)
        if len(body) > bytes_max:
            raise Problem(413, "内容过大 / too large", f"> {bytes_max}")
        try:
            answered = await http_server.answer(
                signer.docking.receiver, signer.credentials, signer.nonces, interface, request.headers, body
            )
        except Unsigned as error:
            raise Problem(401, "签名无效 / not signed", str(error)) from error
        except LookupError as error:
            raise Problem(404, "未找到 / not found", str(error)) from error
        return Response(answered.body, media_type=answered.media_type)

    return routes


def soap_router(callers: Mapping[str, SoapCaller]) -> APIRouter:
    routes = APIRouter(prefix="/soap", tags=["calls"], dependencies=[BY_THEMSELVES])

    def caller_of(counterpart: str) -> SoapCaller:
        if counterpart not in callers:
            raise not_found("counterpart", counterpart)
        return callers[counterpart]

    @routes.get("/{counterpart}", response_class=Response)
    async def get_wsdl(
        counterpart: CounterpartCode,
        request: Request,
        lower: Annotated[str | None, Query(alias="wsdl", description="无值 / without a value")] = None,
        upper: Annotated[str | None, Query(alias="WSDL", description="同上 / the same")] = None,
    ) -> Response:
        """The WSDL, at `?wsdl`, with the address it was asked for at."""
        caller_of(counterpart)
        if lower is None and upper is None:
            raise Problem(404, "未找到 / not found", "?wsdl")
        return Response(wsdl.served(str(request.url.replace(query=""))), media_type=soap_server.MEDIA_TYPE)

    @routes.post("/{counterpart}", response_class=Response)
    async def call_by_soap(counterpart: CounterpartCode, request: Request) -> Response:
        """An operation of the WSDL: an acknowledgement, or with status 500 a SOAP Fault."""
        caller = caller_of(counterpart)
        answered = await soap_server.respond(
            caller.docking.receiver,
            caller.login,
            action=request.headers.get("soapaction", ""),
            content_type=request.headers.get("content-type", ""),
            body=await _body(request, BYTES_MAX),
        )
        return Response(answered.body, answered.status, media_type=soap_server.MEDIA_TYPE)

    return routes


async def _body(request: Request, bytes_max: int) -> bytes:
    """The whole body, or its beginning, longer than allowed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            break
    return bytes(body)
