"""A K/3 Cloud that cannot be worked with: told to people once, and not for every call."""

from kingdee_adapter.k3cloud.client import LoggedOut
from lemai_chassis.delivery.engine import Engine
from lemai_docking.backoff import Backoff
from lemai_docking.faults import Fault
from lemai_docking.publisher import SenderPorts


class Trouble:
    """The failures of one counterpart: refused credentials are told at once, others when they last."""

    def __init__(self, engine: Engine, ports: SenderPorts) -> None:
        self._engine = engine
        self._ports = ports
        self._backoff = Backoff()
        self._locked_out = False

    async def met(self, error: Exception) -> None:
        """A call failed."""
        now = self._engine.clock()
        self._backoff.failed(now)
        locked_out = isinstance(error, LoggedOut)
        if self._backoff.must_tell(now) or (locked_out and not self._locked_out):
            fault = Fault("E_CHANNEL", field="k3cloud", value=str(error)[:300])
            async with self._engine.database.begin() as connection:
                await self._ports.on_alert(connection, "", fault)
        self._locked_out = self._locked_out or locked_out

    def over(self) -> None:
        """A call went well."""
        self._backoff.worked()
        self._locked_out = False
