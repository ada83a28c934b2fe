"""Where a member takes requests in: what can be refused is refused here, before anything is written.

It prevents a leader that fills its memory with what it cannot commit, and an entry so large that it holds up all
others.
"""

from serai.mechanisms.consensus import changing, core, reading
from serai.mechanisms.consensus.applied import Applied
from serai.mechanisms.consensus.clients import Clients
from serai.mechanisms.consensus.errors import ChangeRefused
from serai.mechanisms.consensus.member import Member
from serai.mechanisms.consensus.messages import Configuration
from serai.mechanisms.consensus.requests import (
    Busy,
    Change,
    HandOver,
    NotLeader,
    Propose,
    Read,
    ReadHere,
    Refused,
    Request,
    Value,
)
from serai.mechanisms.consensus.roles import Role


class Desk:
    """Between the clients and the member. `member.now_s` is the time of the request."""

    def __init__(self, member: Member, clients: Clients, state: Applied) -> None:
        self._member = member
        self._clients = clients
        self._state = state

    def ask(self, token: int, request: object) -> None:
        """Takes a request in; its answer comes by the clients, now or later."""
        m = self._member
        match request:
            case Propose(data):
                self._propose(token, data)
            case Read(query):
                self._clients.asks(token, query, m.now_s + m.settings.client_wait_s)
                reading.read(m, token)
            case ReadHere(query):
                self._clients.answer(token, Value(self._state.query(query)))
            case Change() | HandOver() if m.role is not Role.LEADER:
                self._clients.answer(token, NotLeader(m.leader))
            case Change(voters, learners):
                self._change(token, Configuration(voters, (), learners))
            case HandOver(to):
                self._hand_over(token, to)
            case _:
                raise AssertionError(f"{request!r} is no {Request}")

    def _propose(self, token: int, data: bytes) -> None:
        m = self._member
        if m.role is not Role.LEADER:
            self._clients.answer(token, NotLeader(m.leader))
        elif len(data) > m.settings.entry_bytes_max:
            reason = f"a proposal of {len(data)} bytes is too large; at most {m.settings.entry_bytes_max} are taken"
            self._clients.answer(token, Refused(reason))
        elif not core.room(m):
            self._clients.answer(token, Busy())
        else:
            core.propose(m, token, data)

    def _change(self, token: int, target: Configuration) -> None:
        try:
            changing.propose_change(self._member, target)
        except ChangeRefused as refusal:
            self._clients.answer(token, Refused(refusal.message))
        else:
            self._clients.changes(token, target)

    def _hand_over(self, token: int, to: str) -> None:
        try:
            changing.hand_over(self._member, to)
        except ChangeRefused as refusal:
            self._clients.answer(token, Refused(refusal.message))
        else:
            self._clients.hands_over(token, to, self._member.now_s + self._member.settings.client_wait_s)

    def give_up_late_reads(self) -> None:
        """Reads that have waited longer than a client is asked to."""
        for token in self._clients.late(self._member.now_s):
            reading.give_up(self._member, token)
            self._clients.unreadable(token, self._member.leader)
