"""A member of the cluster on this machine: consensus on real files and sockets, and the port that handlers speak to.

It prevents the two wrong answers of a distributed store: what was not done is never told as done, and what may have
been done is never told as refused (`LeaderChanged` and `TimedOut` say so). A follower passes on to the leader what only
that one may do.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serai.kernel.errors import SeraiError
from serai.kernel.machines import Store
from serai.kernel.ports import Clock, Random
from serai.mechanisms.consensus import frames
from serai.mechanisms.consensus.messages import AnyMessage, Configuration
from serai.mechanisms.consensus.node import Node
from serai.mechanisms.consensus.requests import HandOver
from serai.mechanisms.consensus.roles import Role
from serai.mechanisms.consensus.settings import Settings as ConsensusSettings
from serai.runtime.machines.disk import Directory, Storing
from serai.runtime.machines.driver import Driver
from serai.runtime.machines.errors import DiskFull, MachineHalted
from serai.runtime.machines.maps import DurableMap
from serai.runtime.machines.peers import Ears, Peers, Self
from serai.systems.coordination import errors
from serai.systems.coordination.cluster import forwarding
from serai.systems.coordination.cluster.asking import Asking
from serai.systems.coordination.cluster.identity import (
    KEYS,
    LOG,
    Identity,
    address_of,
    consensus_name,
    member_id,
    member_of,
)
from serai.systems.coordination.cluster.leading import Leading
from serai.systems.coordination.cluster.membership import Membership
from serai.systems.coordination.cluster.room import Room
from serai.systems.coordination.errors import BY_CODE
from serai.systems.coordination.member import NOBODY, Caller, MemberStatus, Snapshot
from serai.systems.coordination.settings import CoordinationSettings
from serai.systems.coordination.state.access import Access
from serai.systems.coordination.state.machine import Command, Query, State, encode_command, grows
from serai.systems.coordination.state.words import (
    Alarm,
    Fault,
    GetLease,
    Introduce,
    LeaseResult,
    ListAlarms,
    MemberInfo,
    Outcome,
)
from serai.systems.coordination.watching import Watchers, Watching

LOOK_EVERY_S = 0.1
"""How often what is due is looked at: leases, alarms, history to be taken away."""
HAND_OVER_S = 2.0
"""How long a stop waits for another member to take the lead."""
TASKS_MAX = 10_000
"""Duties under way at once; leases beyond it end at the next look."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class World:
    """What a member needs of its machine."""

    clock: Clock
    random: Random
    peer_socket: socket.socket
    server_tls: ssl.SSLContext | None = None
    client_tls: ssl.SSLContext | None = None


class CoordinationNode:
    """Implements `member.Member`. `await start()`, then `over` raises if the member cannot go on; `await stop()`."""

    def __init__(self, identity: Identity, settings: CoordinationSettings, data: Path, world: World) -> None:
        """DamagedLog, DamagedSnapshot, MapDamaged: the member must not start."""
        self._identity = identity
        self._settings = settings
        self._data = data
        self._random = world.random
        self._clock = world.clock
        self._name = consensus_name(identity.member_id)
        self._room = Room(data, settings)
        self._map = DurableMap(data / KEYS)
        self.state = State(self._map)
        files = Directory(data / LOG)
        self._node = Node(
            self._name,
            disk=files,
            random=world.random,
            applied=self.state,
            settings=_consensus(settings),
            initial=self._founders(),
        )
        if self._node.cut:
            log.info("at the end of the log, %s", self._node.cut)
        self._loop = asyncio.get_running_loop()
        self._watchers = Watchers(self.state)
        self._storing = Storing(files.path, self._stored, self._disk_failed)
        self._peers = Peers(
            Self(f"{identity.cluster_id:016x}", self._name),
            world.peer_socket,
            Ears(self._hear, self._answer_peer, self._is_gone, self._end_as_removed),
            world.random,
            server_tls=world.server_tls,
            client_tls=world.client_tls,
        )
        self._driver = Driver(self._node, send=self._send, store=self._store, after_step=self._after_step)
        self._map.on_failure = self._driver.end
        self._asking = Asking(self._driver, self._node, self._peers, settings, self._here)
        self._leading = Leading(self._node, self.state, identity, self._internal, self._asking, self._start_duty)
        self._membership = Membership(self._node, self.state, self._leading, self._asking, self._internal, self._made)
        self._seen_changes = -1
        self._seen_leader: str | None = None
        self._duties: set[asyncio.Future[Any]] = set()
        self._ticking: asyncio.Task[None] | None = None
        self._introducing = False
        self._compacting: asyncio.Future[None] | None = None

    def _founders(self) -> Configuration | None:
        if not self._identity.founder:
            return None
        return Configuration(tuple(sorted(consensus_name(member.id) for member in self._identity.known)))

    # Life -------------------------------------------------------------------------------------------------------------

    @property
    def over(self) -> asyncio.Future[None]:
        """Raises what ended the member."""
        return self._driver.over

    async def start(self) -> None:
        """Speaks with the others."""
        await self._peers.start()
        for member in self._identity.known:
            self._call(member)
        self._driver.start()
        self._ticking = self._loop.create_task(self._tick())
        self._ticking.add_done_callback(self._ticked)

    async def caught_up(self, within_s: float) -> bool:
        """Waits until this member has applied what was committed when it started; then its first answers are not older
        than the last ones of its life before. False, if nobody leads in that time."""
        try:
            async with asyncio.timeout(within_s):
                await self._asking.read(Query(ListAlarms()))
        except (TimeoutError, errors.CoordinationError):
            return False
        return True

    async def stop(self) -> None:
        """Hands the lead over if it can, and ends."""
        await self._hand_over()
        await self.kill()

    async def _hand_over(self) -> None:
        m = self._node.member
        others = [name for name in m.log.configuration.voters if name != self._name and name in self._peers.connected]
        if m.role is Role.LEADER and others:
            best = max(others, key=lambda name: m.progress[name].match if name in m.progress else 0)
            try:
                async with asyncio.timeout(HAND_OVER_S):
                    await self._driver.ask(HandOver(best))
            except (TimeoutError, MachineHalted):
                log.info("nobody took the lead in time")

    async def kill(self) -> None:
        """Ends at once, as a crash would, but lets go of everything."""
        if self._ticking is not None:
            self._ticking.cancel()
        self._driver.end()
        self._watchers.close()
        for duty in list(self._duties):
            duty.cancel()
        await self._peers.close()
        await self._storing.close()
        if self._compacting is not None:
            self._map.stop_compacting()
            await asyncio.wait([self._compacting])
        self._map.close()

    async def _tick(self) -> None:
        since_progress_s = 0.0
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now_s = self._loop.time()
            self._leading.look(now_s)
            self._introduce()
            self.state.tidy()
            self._room.look(self._map)
            self._room.alarm(self.id, self.state, self._internal, self._start_duty)
            if now_s - since_progress_s > self._settings.progress_every_s:
                since_progress_s = now_s
                self.state.hub.notify_progress()
                self._watchers.look()

    def _ticked(self, ticking: "asyncio.Task[None]") -> None:
        """Without these looks no lease would ever end."""
        if not ticking.cancelled():
            self._driver.end(ticking.exception())

    def _start_duty(self, work: Awaitable[object]) -> None:
        if len(self._duties) >= TASKS_MAX:
            asyncio.ensure_future(work).cancel()
            return
        duty = asyncio.ensure_future(work)
        self._duties.add(duty)
        duty.add_done_callback(self._duty_done)

    def _duty_done(self, duty: "asyncio.Future[object]") -> None:
        self._duties.discard(duty)
        if not duty.cancelled() and (error := duty.exception()) is not None:
            words = error.message if isinstance(error, SeraiError) else repr(error)
            log.info("a duty could not be done: %s", words)

    # The machine's world ----------------------------------------------------------------------------------------------

    def _send(self, to: str, message: object) -> None:
        self._peers.send(to, frames.encode(message))  # type: ignore[arg-type]  # what consensus sends is its message

    def _store(self, store: Store) -> None:
        self._storing.store(store)

    def _stored(self, token: int) -> None:
        self._driver.stored(token)

    def _disk_failed(self, failure: SeraiError) -> None:
        self._driver.end(failure)

    def _hear(self, peer: str, body: bytes) -> None:
        for message in frames.Decoder().feed(body):
            self._received(peer, message)

    async def _answer_peer(self, peer: str, body: bytes) -> bytes:
        return await self._asking.answer(body)

    def _received(self, peer: str, message: AnyMessage) -> None:
        self._driver.received(peer, message)

    def _after_step(self) -> None:
        self._leading.step(self._loop.time())
        hub = self.state.hub
        if hub.ready or hub.behind:
            self._watchers.look()
        if self.state.cluster.changes != self._seen_changes:
            self._seen_changes = self.state.cluster.changes
            self._see_members()
            self._introduce()
        if self._node.member.leader != self._seen_leader:
            self._seen_leader = self._node.member.leader
            self._asking.leader_changed()

    def _see_members(self) -> None:
        cluster = self.state.cluster
        if cluster.removed(self.id):
            self._end_as_removed()
            return
        for member in cluster.members:
            self._call(member)
        for name in [name for name in self._peers.known if cluster.removed(member_of(name))]:
            self._peers.forget(name)

    def _is_gone(self, name: str) -> bool:
        return self.state.cluster.removed(member_of(name))

    def _end_as_removed(self) -> None:
        self._driver.end(
            MachineHalted(
                f"Member {self.id:x} was removed from its cluster. To come back, empty {self._data} and add it anew."
            )
        )

    def _call(self, member: MemberInfo) -> None:
        if member.id != self.id and member.peer_urls:
            self._peers.set_peer(consensus_name(member.id), address_of(member.peer_urls[0]))

    def _introduce(self) -> None:
        """Tells the cluster this member's name and where clients find it, if that is news."""
        known = self.state.cluster.member(self.id)
        urls = (self._settings.client_url,)
        news = known is not None and (known.name, known.client_urls) != (self._identity.name, urls)
        if news and not self._introducing and self._node.member.leader is not None:
            self._introducing = True
            self._start_duty(self._say_who(Introduce(self.id, self._identity.name, urls)))

    async def _say_who(self, word: Introduce) -> None:
        try:
            await self._internal(word)
        finally:
            self._introducing = False

    # What every answer says -------------------------------------------------------------------------------------------

    @property
    def id(self) -> int:
        """As the port says."""
        return self._identity.member_id

    @property
    def cluster_id(self) -> int:
        """As the port says."""
        return self._identity.cluster_id

    @property
    def leader(self) -> int:
        """As the port says."""
        name = self._node.member.leader
        return 0 if name is None else member_of(name)

    @property
    def raft_term(self) -> int:
        """As the port says."""
        return self._node.member.term

    @property
    def revision(self) -> int:
        """As the port says."""
        return self.state.space.revision

    @property
    def access(self) -> Access:
        """As the port says."""
        return self.state.door.access

    def status(self) -> MemberStatus:
        """As the port says."""
        status = self._node.status()
        troubles = [f"memberID:{member:x} alarm:{alarm.name}" for member, alarm in sorted(self.state.cluster.alarms)]
        if status.leader is None:
            troubles.append(errors.NoLeader.etcd)
        known = self.state.cluster.member(self.id)
        return MemberStatus(
            id=self.id,
            cluster_id=self.cluster_id,
            leader=self.leader,
            raft_term=status.term,
            raft_index=status.last,
            applied_index=status.applied,
            db_size=self._map.size_bytes,
            db_size_in_use=self.state.size_bytes,
            db_size_quota=self._settings.quota_bytes,
            learner=bool(known and known.learner),
            errors=tuple(troubles),
        )

    def snapshot(self) -> Snapshot:
        """As the port says."""
        return Snapshot(self._node.applied_index, self.raft_term, self.revision, self.state.snapshot())

    def watch(self) -> Watching:
        """As the port says."""
        return self._watchers.open()

    # Commands and questions -------------------------------------------------------------------------------------------

    async def propose(self, command: object, caller: Caller = NOBODY) -> Outcome:
        """As the port says."""
        if grows(command) and (self._room.lacking or self.state.cluster.has(Alarm.NOSPACE)):
            raise errors.NoSpace(self._room.lacking)  # before the log, which would fill the disk with refusals
        data = encode_command(Command(command, caller.user, caller.auth_revision))  # type: ignore[arg-type]  # a word that changes something
        if len(data) > self._settings.request_bytes_max:
            raise errors.RequestTooLarge(
                f"the request has {len(data)} bytes; at most {self._settings.request_bytes_max} are taken"
            )
        return _raised(await self._asking.propose(data))

    async def _internal(self, word: object) -> Outcome:
        """A member's own: nobody may refuse it."""
        return _raised(await self._asking.propose(encode_command(Command(word, internal=True))))  # type: ignore[arg-type]  # the same

    async def read(self, query: object, caller: Caller = NOBODY, *, linearizable: bool = True) -> Outcome:
        """As the port says."""
        asked = Query(query, caller.user, caller.auth_revision)  # type: ignore[arg-type]  # a word that changes nothing
        if linearizable:
            return _raised(await self._asking.read(asked))
        mine = self.state.query(asked)
        if not (isinstance(mine.result, Fault) and mine.result.code == errors.FutureRevision.code):
            return _raised(mine)
        try:  # another member may have told of that revision, and this one only be behind
            return _raised(await self._asking.read(asked))
        except errors.Away:
            return _raised(mine)

    # Leases -----------------------------------------------------------------------------------------------------------

    async def keep_alive(self, lease: int) -> int:
        """As the port says."""
        return max(0, await self._asking.number(forwarding.AskKeepAlive(lease)))

    async def time_to_live(self, lease: int, *, keys: bool, caller: Caller = NOBODY) -> Outcome:
        """As the port says."""
        left_s = await self._asking.number(forwarding.AskLeft(lease))
        outcome = await self.read(GetLease(lease, keys), caller)
        known = outcome.result
        assert isinstance(known, LeaseResult), "a lease is asked for"
        if left_s < 0 or known.ttl_s < 0:
            return Outcome(LeaseResult(lease, -1), outcome.revision)
        return Outcome(LeaseResult(lease, left_s, known.granted_ttl_s, known.keys), outcome.revision)

    async def _here(self, ask: forwarding.AskNumber) -> int | None:
        """Seconds; -1 for a lease that is not there; whether a learner may vote; None if this member does not lead."""
        if isinstance(ask, forwarding.AskKeepAlive):
            return await self._leading.keep_alive(ask.lease, self._loop.time())
        clock = self._leading.clock
        if clock is None:
            return None
        if isinstance(ask, forwarding.AskCaughtUp):
            return int(self._leading.caught_up(ask.member))
        left_s = clock.left_s(ask.lease, self._loop.time())
        return -1 if left_s is None else int(left_s)

    def _made(self, peer_urls: tuple[str, ...]) -> int:
        """An id for a new member."""
        return member_id(peer_urls, self._settings.token, int(self._clock.now().timestamp()))

    # Members ----------------------------------------------------------------------------------------------------------

    async def add_member(self, peer_urls: tuple[str, ...], *, learner: bool) -> MemberInfo:
        """As the port says."""
        return await self._membership.add(peer_urls, learner=learner)

    async def remove_member(self, member: int) -> None:
        """As the port says."""
        await self._membership.remove(member)

    async def update_member(self, member: int, peer_urls: tuple[str, ...]) -> None:
        """As the port says."""
        await self._membership.update(member, peer_urls)

    async def promote_member(self, member: int) -> None:
        """As the port says."""
        await self._membership.promote(member)

    async def move_leader(self, to: int) -> None:
        """As the port says."""
        await self._membership.move_lead(to)

    async def defragment(self) -> None:
        """As the port says."""
        if self._compacting is None or self._compacting.done():
            self._compacting = self._loop.run_in_executor(None, self._map.compact)
        try:
            await asyncio.shield(self._compacting)
        except DiskFull as failure:
            raise errors.NoSpace(failure.message) from failure
        except SeraiError as failure:
            self._driver.end(failure)
            raise errors.Stopped(failure.message) from failure


def _raised(outcome: Outcome) -> Outcome:
    if isinstance(outcome.result, Fault):
        raise BY_CODE[outcome.result.code](outcome.result.detail)
    return outcome


def _consensus(settings: CoordinationSettings) -> ConsensusSettings:
    return ConsensusSettings(
        heartbeat_s=settings.heartbeat_s,
        election_s=settings.election_s,
        snapshot_every_bytes=settings.snapshot_every_bytes,
    )
