"""Files that people upload: bounded before they are kept anywhere, read beside the event loop."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import File, UploadFile

from catalog_svc.domain.sheets import Line, SheetRefused
from catalog_svc.spreadsheets import FILE_BYTES_MAX, read_lines
from lemai_chassis.strict import LIMIT
from lemai_chassis.web import FieldProblem, Problem

T = TypeVar("T")
BODY_BYTES_MAX = FILE_BYTES_MAX + 64 * 1024
"""A file and what multipart writes around it."""
SHEET_LIMIT = {LIMIT: BODY_BYTES_MAX}
FILE_NAME_LENGTH_MAX = 200

SheetFile = Annotated[
    UploadFile,
    File(description="xlsx 的第一张可见工作表，或 UTF-8 / GB18030 编码的 CSV / the first visible worksheet, or CSV"),
]


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
