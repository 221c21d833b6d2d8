"""What can be wrong with a file or a document: codes, places, and texts for people."""

import re
from dataclasses import dataclass

from lemai_contracts.text import code_point

# Codes of the Kingdee reference §1-2, with E_HEADER, E_RECORD, E_CHECKSUM, E_COUNT, E_LIMIT added for frames.
REASONS = {
    "E_NAME": ("文件名不合规定", "the file name fits no interface"),
    "E_HEADER": ("文件头不合规定", "the header is malformed"),
    "E_SYNTAX": ("不是格式良好的消息", "not a well-formed message"),
    "E_CHARSET": ("字符集不支持或字节无法解码", "unsupported charset or undecodable bytes"),
    "E_COLUMN": ("列不符", "columns do not fit"),
    "E_RECORD": ("记录标记未知或位置不对", "unknown or misplaced record tag"),
    "E_TRAILER": ("文件尾缺失或不合规定", "the trailer is missing or malformed"),
    "E_CHECKSUM": ("校验和不符，传输须用二进制模式", "checksum differs; transfer in binary mode"),
    "E_COUNT": ("数量合计不符", "counts do not add up"),
    "E_LIMIT": ("超过大小限制", "larger than allowed"),
    "E_FILE_CHANGED": ("同名文件内容不同，文件名只能用一次", "same name, other content; a name is used once"),
    "E_FIELD": ("字段值不合规定", "malformed value"),
    "E_QTY": ("数量须为整数件且在允许范围内", "quantity must be a whole number of pieces in range"),
    "E_INVTYPE": ("库存类型未知", "unknown inventory type"),
    "E_ESCAPE": ("转义不合规定", "malformed percent escape"),
    "E_READ": ("程序无法读取，请报告平台组", "our own program fails on it; tell the platform team"),
    "E_CHAR": ("含有禁用字符", "forbidden character"),
    "E_AMOUNT": ("金额合计不符", "amounts do not add up"),
    "E_SN_COUNT": ("序列号个数与实际数量不符", "as many serial numbers as pieces are needed"),
    "E_OWNER": ("货主未知，或与指示的货主不一致", "unknown owner, or not the one we instructed for"),
    "E_WAREHOUSE": ("仓库未知，或不归此对接方", "unknown warehouse, or not one of this counterpart"),
    "E_ROUTE": ("订单类型、单号后缀与指示不一致", "order kind, number suffix and instruction disagree"),
    "E_DUP_CONFLICT": ("同一业务编码内容不同", "same business code, other content"),
    "E_AUTH": ("用户名或密码不对", "wrong user name or password"),
    "E_OPERATION": ("没有此操作，或与 SOAPAction、消息头不符", "no such operation, or not the one stated"),
    "E_SERVER": ("服务暂不可用，请原样重发", "not available now; send the same again"),
    "E_SPECIAL": ("不是可读的普通文件，未处理", "not a readable regular file, left alone"),
    "E_UNKNOWN": ("中断后不知文件是否已被取走，请人工确认", "interrupted; whether it was taken, a person must tell"),
    "E_CHANNEL": ("通道不通，正在重试", "the channel fails; trying again"),
    "E_PARTNER": ("对接方拒收", "refused by the counterpart"),
    "E_ACK": ("回执无法识别", "unreadable acknowledgement"),
    "E_UNREAD": (
        "多次发送均得不到可识别的回答，请询问对接方后决定",
        "sent several times, never answered readably: ask, then decide",
    ),
    "W_BOM": ("已去掉文件首的 BOM", "leading BOM removed"),
    "W_CR": ("已去掉行尾 CR", "CR at line ends removed"),
    "W_NAME": ("文件名写法不标准，已接受", "non-standard spelling of the file name, accepted"),
    "W_COLUMN": ("未知列已忽略", "unknown column ignored"),
    "W_QTY": ("库存为负", "negative stock"),
    "W_ROUND": ("金额合计有尾差，已接受", "amounts are off by rounding, accepted"),
    "W_PACKAGE_SUM": ("包裹内数量合计与实际数量不符", "packages do not hold what the line says"),
    "W_LINE_GUESS": ("行号缺失，已按商品编码对应", "line number missing, matched by item code"),
    "W_ROUTE": ("文件头与单据不一致，以单据为准", "header and document differ; the document decides"),
    "W_SUFFIX_CASE": ("单号后缀须为小写，按无后缀处理", "suffixes are lower case; read as no suffix"),
    "I_SAME": ("重复的相同内容，不再处理", "same content again, nothing done"),
}

_UNKEPT = re.compile("[\x00\ud800-\udfff]")
HELD = frozenset({"E_ROUTE", "E_DUP_CONFLICT"})


def kept(text: str) -> str:
    """A text with the code points of what PostgreSQL and JSON cannot hold in its place."""
    return _UNKEPT.sub(lambda found: f"<{code_point(found[0])}>", text)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong, at its place. `line` counts from 1, 0 is the whole file; personal values are masked.

    Whatever a file holds, a fault can be kept: what PostgreSQL or JSON cannot hold stands in it as its code point.
    """

    code: str
    line: int = 0
    field: str = ""
    value: str = ""
    expected: str = ""

    def __post_init__(self) -> None:
        for name in ("field", "value", "expected"):
            object.__setattr__(self, name, kept(getattr(self, name)))

    @property
    def level(self) -> str:
        """ERROR, WARN or INFO, as in an acknowledgement."""
        return {"E": "ERROR", "W": "WARN", "I": "INFO"}[self.code[0]]

    @property
    def message(self) -> str:
        """One sentence for people, Chinese first."""
        chinese, english = REASONS[self.code]
        place_zh = (f"第 {self.line} 行 " if self.line else "") + (f"{self.field}：" if self.field else "")
        place_en = (f"line {self.line} " if self.line else "") + (f"{self.field}: " if self.field else "")
        got_zh = (f"，收到「{self.value}」" if self.value else "") + (
            f"，应为 {self.expected}" if self.expected else ""
        )
        got_en = (f", got {self.value!r}" if self.value else "") + (
            f", expected {self.expected}" if self.expected else ""
        )
        return f"{place_zh}{chinese}{got_zh} / {place_en}{english}{got_en}"


class FileRejected(Exception):
    """The frame of a file is broken: nothing in it may be applied."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class DocumentRefused(Exception):
    """A document of ours cannot be written in this profile."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = faults


class BadValue(Exception):
    """One value is not what its field asks for; the caller adds line and field."""

    def __init__(self, code: str, expected: str) -> None:
        super().__init__(code, expected)
        self.code = code
        self.expected = expected


class FencedOut(ConnectionError):
    """Another publisher has taken over this counterpart's outbox."""
