"""Lock: the service over the same keys that etcd's own clients use, so that both exclude each other.

A lock is no proof of exclusion: its lease may end while its owner believes to hold it. `fencing`, the place's number,
is to be said with every write to what the lock guards, which refuses a smaller number than it has seen.
"""

from typing import Any

from serai.protocols.etcd.messages import lock
from serai.runtime.grpc.calls import Call
from serai.systems.coordination.errors import SessionExpired
from serai.systems.coordination.handlers.family import Family
from serai.systems.coordination.handlers.queues import Queue
from serai.systems.coordination.state.words import DeleteRange, Range


class Lock(Family):
    """Locks."""

    async def lock(self, request: Any, call: Call) -> Any:
        """Waits until the lock is the caller's. SessionExpired, if the lease ended meanwhile."""
        caller = self._callers.of(call)
        queue = Queue(self._context, request.name, caller)
        lease = await queue.lease(request.lease)
        place = await queue.join(lease, b"")
        await queue.waited(place, request.lease, lease)
        outcome = await self._member.read(Range(place.key), caller)
        held: Any = outcome.result
        if not held.kvs or held.kvs[0].create_revision != place.number:
            raise SessionExpired(f"lease {lease:x} ended while it waited")
        answer = self._answer(lock.LockResponse, outcome.revision)
        answer.key = place.key
        answer.fencing = place.number
        return answer

    async def unlock(self, request: Any, call: Call) -> Any:
        """Gives it up."""
        outcome = await self._member.propose(DeleteRange(request.key), self._callers.of(call))
        return self._answer(lock.UnlockResponse, outcome.revision)
