"""Sending our messages to a counterpart's HTTP server: `POST {url}/v1/{interface}`, answered by an acknowledgement."""

from lemai_docking.ack import Ack, Result, read_ack
from lemai_docking.ack_xml import read_xml
from lemai_docking.channel import CallOutlet, NotDone, Undecided
from lemai_docking.channels.http_client import Answer, HttpClient
from lemai_docking.definitions.profile import Profile

ACK_BYTES_MAX = 20_000_000
_REFUSED = frozenset({400, 413, 415, 422})
_UNAVAILABLE = frozenset({401, 403, 404, 405, 407, 410, 421, 426, 429})


class HttpOutlet(CallOutlet):
    """A message is judged by the answer's status first.

    200: by its acknowledgement. 400, 413, 415, 422: refused for good, as the answer says. 401, 404, 429 and the like:
    surely not taken, tried again. Anything else, 500 above all: nobody can tell, it may have been stored before.
    """

    def __init__(self, client: HttpClient, profile: Profile) -> None:
        self._client = client
        self._profile = profile

    async def put(self, name: str, data: bytes, token: int) -> Ack | None:
        """Post it. The same bytes again are safe: the counterpart knows their message number."""
        interface = self._profile.match(name).interfaces[0]
        headers = {"Content-Type": f"application/{self._profile.encoding}", "X-LK-File-Name": name}
        answer = await self._client.call(
            "POST", f"/v1/{interface}", body=data, headers=headers, bytes_max=ACK_BYTES_MAX
        )
        if answer.status == 200:
            return _acknowledgement(name, answer)
        if answer.status in _REFUSED:
            refusal = Result(code=f"HTTP_{answer.status}", message=answer.text)
            return Ack(file_name=name, status="REJECTED", results=(refusal,))
        told = f"{name}: HTTP {answer.status} {answer.text}".strip()
        if answer.status in _UNAVAILABLE or 300 <= answer.status < 400:
            raise NotDone(told)
        raise Undecided(told)


def _acknowledgement(name: str, answer: Answer) -> Ack:
    """Another page than an acknowledgement, as of a proxy, proves nothing."""
    ack = (read_xml if answer.content.lstrip().startswith(b"<") else read_ack)(answer.content)
    if ack is None:
        raise Undecided(f"{name}: {answer.text}")
    return ack
