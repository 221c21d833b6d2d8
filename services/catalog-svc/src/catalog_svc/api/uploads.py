"""Files that people upload: bounded before they are kept anywhere, read beside the event loop."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import File, HTTPException, Request, Response, UploadFile
from fastapi.routing import APIRoute
from starlette.types import Message, Receive

from catalog_svc.domain.sheets import Line, SheetRefused
from catalog_svc.spreadsheets import FILE_BYTES_MAX, read_lines
from lemai_chassis.web import FieldProblem, Problem

T = TypeVar("T")
BODY_BYTES_MAX = FILE_BYTES_MAX + 64 * 1024
"""A file and what multipart writes around it."""
FILE_NAME_LENGTH_MAX = 200

SheetFile = Annotated[
    UploadFile,
    File(description="xlsx 的第一张可见工作表，或 UTF-8 / GB18030 编码的 CSV / the first visible worksheet, or CSV"),
]


class BoundedRoute(APIRoute):
    """Answers 413 to a larger body, whether it declares its length or not."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            declared = request.headers.get("content-length", "0")
            if declared.isdecimal() and int(declared) > BODY_BYTES_MAX:
                raise _too_large()
            response: Response = await handle(Request(request.scope, _bounded(request.receive)))
            return response

        return bounded


def _bounded(receive: Receive) -> Receive:
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > BODY_BYTES_MAX:
            raise _too_large()
        return message

    return bounded


def _too_large() -> HTTPException:
    return HTTPException(413, f"请求超过 {BODY_BYTES_MAX} 字节 / the request is larger than {BODY_BYTES_MAX} bytes")


async def parsed(content: bytes, parse: Callable[[Sequence[Line]], T]) -> T:
    """What `parse` makes of a file's rows. Raises Problem where the file as a whole cannot be read."""
    try:
        return await asyncio.to_thread(lambda: parse(read_lines(content)))
    except SheetRefused as refused:
        problem = FieldProblem(field="file", value=refused.value, message=refused.reason)
        raise Problem(422, "表格无法读取 / the sheet cannot be read", errors=[problem]) from None


def file_name(file: UploadFile) -> str:
    """The name as people will see it, without what could not be shown."""
    return "".join(filter(str.isprintable, file.filename or ""))[:FILE_NAME_LENGTH_MAX]
