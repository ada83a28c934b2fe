"""Whether this member has room for more. Without it the cluster takes nothing that grows, on any member, until an
operator has made room and clears the alarm; reads, deletes and the ends of leases go on.

It prevents the member that dies of a full disk in the middle of a write (free room is looked at ten times a second, and
some is held back for what must still be written), and the log that refused writes fill: they are refused before it.
"""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from serai.kernel.errors import SeraiError
from serai.runtime.machines.maps import DurableMap
from serai.runtime.machines.reserve import Reserve, free_bytes
from serai.systems.coordination.settings import CoordinationSettings
from serai.systems.coordination.state.machine import State
from serai.systems.coordination.state.words import Alarm, RaiseAlarm

RESERVE_FILE = "reserve"

log = logging.getLogger(__name__)

Propose = Callable[[object], Awaitable[object]]
Start = Callable[[Awaitable[object]], None]


class Room:
    """The room of one member. It is looked at when it is made, so that a start on a full disk has what it needs."""

    def __init__(self, data: Path, settings: CoordinationSettings) -> None:
        self._data = data
        self._settings = settings
        self._reserve = Reserve(data / RESERVE_FILE, settings.disk_reserve_bytes)
        self.lacking = ""
        """What there is not enough of, in words."""
        self._raising = False
        self._look_at_disk()

    def _look_at_disk(self) -> int:
        free = free_bytes(self._data)
        self._reserve.look(free, self._settings.disk_free_min_bytes)
        return free

    def look(self, ordered: DurableMap) -> None:
        """Sees what there is now."""
        free, quota, least = self._look_at_disk(), self._settings.quota_bytes, self._settings.disk_free_min_bytes
        if free < least:
            self.lacking = f"{free} bytes are free on the disk of {self._data}, and {least} must be"
        elif 0 < quota < ordered.size_bytes:
            self.lacking = f"the keys take {ordered.size_bytes} bytes, and the quota is {quota}"
        else:
            self.lacking = ""

    def alarm(self, member: int, state: State, propose: Propose, start: Start) -> None:
        """Says so to the cluster, again if an operator clears the alarm too early."""
        if self.lacking and not self._raising and (member, Alarm.NOSPACE) not in state.cluster.alarms:
            log.error("no room: %s; nothing that grows is taken until the alarm is cleared", self.lacking)
            self._raising = True
            start(self._raise(member, propose))

    async def _raise(self, member: int, propose: Propose) -> None:
        try:
            await propose(RaiseAlarm(member, Alarm.NOSPACE))
        except SeraiError as error:
            log.info("the alarm could not be raised yet: %s", error.message)
        finally:
            self._raising = False
