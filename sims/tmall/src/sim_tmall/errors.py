"""TOP's error envelope: code, msg, sub_code, sub_msg (TOP error pages; see the code list per function)."""


class TopError(Exception):
    """A refusal that the caller reads as `error_response`; nothing was applied."""

    def __init__(self, code: int, msg: str, sub_code: str | None = None, sub_msg: str | None = None) -> None:
        super().__init__(f"{code} {msg} {sub_code or ''}".rstrip())
        self.code = code
        self.sub_code = sub_code
        optional = {"sub_code": sub_code, "sub_msg": sub_msg}
        self.body: dict[str, object] = {
            "code": code,
            "msg": msg,
            **{name: value for name, value in optional.items() if value is not None},
        }


def missing(name: str) -> TopError:
    """Code 40: a required business parameter is not there."""
    return TopError(40, f"Missing required arguments:{name}", f"isv.missing-parameter:{name}", f"缺少参数 {name}")


def invalid(name: str, why: str) -> TopError:
    """Code 41: a business parameter is there but wrong."""
    return TopError(41, f"Invalid arguments:{name}", f"isv.invalid-parameter:{name}", why)


def remote(sub_code: str, sub_msg: str) -> TopError:
    """Code 15: the service behind the gateway refused; the sub code says why."""
    return TopError(15, "Remote service error", sub_code, sub_msg)


def invalid_session(sub_code: str) -> TopError:
    """Code 27: the session is unknown, expired or belongs to another app."""
    return TopError(27, "Invalid session", sub_code, "SessionKey 无效或已过期")


def throttled(seconds: int) -> TopError:
    """Code 7: the app called this method too often and is banned for some seconds."""
    return TopError(
        7,
        "App Call Limited",
        "accesscontrol.limited-by-app-api-access-count",
        f"This ban will last for {seconds} more seconds",
    )
