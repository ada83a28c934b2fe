"""A watch that goes on: after a break it begins again just behind what it has told, at the next member, so nothing is
missed and nothing told twice. Only if the history in between was compacted away is there a gap, and then it says so.

How far it is comes from the events, not from the revision in an answer's head: a store that is catching up a watch says
in the head how far itself is, with more events of smaller revisions to come. Only an answer without events (the watch
was made, or all is told) vouches for its head.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import grpc.aio

from serai.protocols.etcd.messages import rpc
from serai.systems.coordination.client.errors import Foreign, Unanswered
from serai.systems.coordination.client.wire import LEADER_NEEDED, Wire, by_words, ended, told
from serai.systems.coordination.client.words import Change, Gap, Item
from serai.systems.coordination.errors import (
    AuthOldRevision,
    Away,
    Compacted,
    InvalidToken,
    Overloaded,
)

DELETE = 1


@dataclass(frozen=True, slots=True)
class Range:
    """What is watched."""

    key: bytes
    end: bytes = b""
    """b"" for the key alone."""
    before: bool = False
    """Whether changes say what was before."""
    deletions_only: bool = False

    def request(self, start_revision: int) -> Any:
        """Of the wire. Progress notices move the place on where nothing changes: no compaction overtakes it."""
        create = rpc.WatchCreateRequest(
            key=self.key,
            range_end=self.end,
            start_revision=start_revision,
            prev_kv=self.before,
            filters=["NOPUT"] if self.deletions_only else [],
            progress_notify=True,
        )
        return rpc.WatchRequest(create_request=create)


class Watching:
    """One watch across breaks: `async for told in Watching(...).tell()`. `next_revision` is where it would go on."""

    def __init__(self, wire: Wire, watched: Range, start_revision: int = 0) -> None:
        """`start_revision` 0: from now on."""
        self._wire = wire
        self._watched = watched
        self._at = wire.at
        self.next_revision = start_revision
        self.made = asyncio.Event()
        """Set when the store has said, for the first time, that it watches."""

    async def tell(self) -> AsyncIterator[Change | Gap]:
        """Every change from then on; a Gap where the store has forgotten some. CoordinationError where going on would
        not help, such as a right that was taken away."""
        while True:
            try:
                async with aclosing(self._answers()) as answers:
                    async for answer in answers:
                        for change in self._taken(answer):
                            yield change
            except Compacted:
                yield Gap(self.next_revision)
            except (InvalidToken, AuthOldRevision):
                self._wire.forget_token()
                await self._pause()
            except (Away, Overloaded):
                self._at += 1
                await self._pause()

    async def _pause(self) -> None:
        await asyncio.sleep(self._wire.deadlines.pause_s)

    def _taken(self, answer: Any) -> list[Change]:
        if answer.canceled:
            self._ended(answer)
        if answer.created:
            self._begun(answer)
            return []
        if not answer.events:
            self.next_revision = max(self.next_revision, answer.header.revision + 1)
            return []
        changes = [_change(event) for event in answer.events]
        fresh = [change for change in changes if change.revision >= self.next_revision]
        self.next_revision = max(self.next_revision, changes[-1].revision + 1)
        return fresh

    def _ended(self, answer: Any) -> None:
        if answer.compact_revision:
            self.next_revision = answer.compact_revision
            raise Compacted(f"what changed before revision {answer.compact_revision} is no longer known")
        reason = answer.cancel_reason or "it gave no reason"
        raise (by_words(reason) or Foreign)(f"the store ended the watch: {reason}")

    async def _answers(self) -> AsyncGenerator[Any, None]:
        """What one connection tells. An error when it ends, whatever ended it."""
        member = str(self._wire.member(self._at))
        metadata = await self._wire.metadata(self._at)
        call = self._wire.stream("Watch/Watch", self._at, (*metadata, LEADER_NEEDED))
        try:
            async with asyncio.timeout(self._wire.deadlines.call_s):
                await call.write(self._watched.request(self.next_revision))
                first = await call.read()
            while first is not grpc.aio.EOF:
                yield first
                first = await call.read()
            raise await ended(call, member)
        except grpc.aio.AioRpcError as error:
            raise told(error, member) from error
        except asyncio.InvalidStateError as error:
            raise await ended(call, member) from error
        except TimeoutError as error:
            raise Unanswered(f"{member} does not say that it watches") from error
        finally:
            call.cancel()

    def _begun(self, answer: Any) -> None:
        """Its head says where "from now on" begins; of a watch of the past it says nothing about how far that is."""
        if not self.next_revision:
            self.next_revision = answer.header.revision + 1
        self.made.set()


def _change(event: Any) -> Change:
    item = Item.of(event.kv)
    value = None if event.type == DELETE else item.value
    before = Item.of(event.prev_kv) if event.HasField("prev_kv") else None
    return Change(item.key, value, item.mod_revision, item, before)
