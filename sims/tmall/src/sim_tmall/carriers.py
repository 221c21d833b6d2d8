"""The carriers that `taobao.logistics.companies.get` lists, with the waybill pattern of each.

Ids and codes are the platform's; patterns cover the numbers in use today. An empty pattern takes any waybill.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Carrier:
    """A logistics company as the platform shows it."""

    id: int
    code: str
    name: str
    reg_mail_no: str

    def takes(self, waybill: str) -> bool:
        """Whether the waybill has this carrier's form; `$` alone would let a line end through."""
        return re.search(self.reg_mail_no, waybill) is not None and not any(map(str.isspace, waybill))


CARRIERS = {
    carrier.code: carrier
    for carrier in (
        Carrier(505, "SF", "顺丰速运", r"^SF[0-9]{13}$|^[0-9]{12}$"),
        Carrier(101, "YTO", "圆通速递", r"^YT[0-9]{13}$|^[0-9A-Z][0-9]{9}$"),
        Carrier(500, "ZTO", "中通快递", r"^[0-9]{12}$|^7[0-9]{13}$"),
        Carrier(100, "STO", "申通快递", r"^[0-9]{12,13}$|^77[0-9]{13}$"),
        Carrier(102, "YUNDA", "韵达快递", r"^[1-9][0-9]{12}$|^[1-9][0-9]{14}$"),
        Carrier(2, "EMS", "EMS", r"^[A-Z]{2}[0-9]{9}[A-Z]{2}$|^[0-9]{13}$"),
        Carrier(3, "EYB", "EMS经济快递", r"^[0-9]{13}$"),
        Carrier(200734, "POSTB", "邮政快递包裹", r"^[0-9]{13}$"),
        Carrier(1, "POST", "中国邮政", ""),
        Carrier(502, "HTKY", "百世快递", r"^[0-9A-Z]{13,14}$"),
        Carrier(504, "TTKDEX", "天天快递", r"^[0-9]{12}$"),
        Carrier(103, "ZJS", "宅急送", r"^[0-9A-Z]{10}$|^ZJS[0-9]{12}$"),
        Carrier(1216, "QFKD", "全峰快递", r"^[0-9]{12}$|^[0-9]{15}$"),
        Carrier(200143, "GTO", "国通快递", r"^[235678][0-9]{9}$"),
        Carrier(1207, "UC", "优速快递", r"^VIP[0-9]{9}$|^V[0-9]{11}$|^[0-9]{12}$"),
        Carrier(1204, "FAST", "快捷快递", r"^[0-9]{13}$"),
        Carrier(1195, "LB", "龙邦速递", r"^[0-9]{12}$|^[0-9]{15}$"),
        Carrier(107, "DBL", "德邦物流", r"^(DPK)?[0-9]{8,10}$"),
        Carrier(1016, "CRE", "中铁快运", r"^K[0-9]{13}$"),
        Carrier(-1, "JD", "京东快递", r"^JD[0-9A-Z]{11,15}$|^[0-9]{12}$"),
        Carrier(-1, "OTHER", "其他", ""),
    )
}
