"""A reply that never arrives whole."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import Response

Message = MutableMapping[str, Any]


class DroppedReply(Response):
    """Announces its body and sends none of it; the server then closes the connection."""

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Start the response and leave it at that."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
