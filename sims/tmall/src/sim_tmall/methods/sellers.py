"""Who the session stands for."""

import hashlib

from sim_tmall.fields import Struct, select
from sim_tmall.methods.base import Call, Result, top_method


def user_id(nick: str) -> int:
    """The platform's number for a seller."""
    return 2_200_000_000_000 + int.from_bytes(hashlib.sha256(nick.encode()).digest()[:4], "big")


USER: Struct[str] = Struct(
    {
        "user_id": user_id,
        "nick": lambda nick: nick,
        "type": lambda _: "B",
        "status": lambda _: "normal",
        "has_shop": lambda _: True,
    }
)


@top_method("taobao.user.seller.get", required="fields")
def seller(call: Call) -> Result:
    """The seller of the session."""
    return {"user": select(USER, call.arguments.given["fields"]).show(call.nick)}
