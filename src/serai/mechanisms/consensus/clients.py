"""Clients that wait for an answer: each gets exactly one, and never a wrong one.

It prevents an entry of another leader from being taken for the one that a client proposed (index and term must both
match), and a client that waits for ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from serai.kernel.machines import Answer
from serai.mechanisms.consensus.log import Log
from serai.mechanisms.consensus.member import Member
from serai.mechanisms.consensus.messages import Configuration, Entry
from serai.mechanisms.consensus.requests import Done, NotLeader, Refused, Reply, Unknown
from serai.mechanisms.consensus.roles import Role


@dataclass(slots=True)
class Clients:
    """Who waits, by the token of the request."""

    answers: list[Answer] = field(default_factory=list)
    """To be taken by the node."""
    _entries: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Proposals in the log: index -> (term, token)."""
    _queries: dict[int, tuple[object, float]] = field(default_factory=dict)
    """Reads: token -> (query, when it is given up)."""
    _readable: list[tuple[int, int]] = field(default_factory=list)
    """Reads whose index is known: (index, token)."""
    _change: tuple[int, Configuration] | None = None
    _hand_over: tuple[int, str, float] | None = None
    """Who asked, who is to lead, and when it is given up."""

    def answer(self, token: int, reply: Reply) -> None:
        """The one answer to a request."""
        self.answers.append(Answer(token, reply))

    def appended(self, token: int, index: int, term: int) -> None:
        """A proposal is in the log."""
        assert index not in self._entries, "one place holds one proposal"
        self._entries[index] = (term, token)

    def asks(self, token: int, query: object, until_s: float) -> None:
        """A read whose index is not known yet."""
        self._queries[token] = (query, until_s)

    def late(self, now_s: float) -> list[int]:
        """Reads that have waited too long."""
        return [token for token, (_, until_s) in self._queries.items() if until_s <= now_s]

    def readable(self, token: int, index: int) -> None:
        """A read may be answered from this index on."""
        self._readable.append((index, token))

    def unreadable(self, token: int, leader: str | None) -> None:
        """A read that this member cannot answer."""
        if self._queries.pop(token, None) is not None:
            self.answer(token, NotLeader(leader))

    def due(self, applied: int) -> list[tuple[int, object]]:
        """Reads that may be answered now, as (token, query)."""
        ready = [token for index, token in self._readable if index <= applied]
        self._readable = [known for known in self._readable if known[0] > applied]
        return [(token, self._queries.pop(token)[0]) for token in ready if token in self._queries]

    def applied(self, entries: Sequence[Entry], results: Sequence[object]) -> None:
        """Commands were applied. Another leader's entry in a proposal's place means that the proposal is no more."""
        assert len(entries) == len(results), "every command has a result"
        for entry, result in zip(entries, results, strict=True):
            term, token = self._entries.pop(entry.index, (0, 0))
            if term == entry.term:
                self.answer(token, Done(result, entry.index))
            elif term:
                self.answer(token, NotLeader(None))

    def lost_lead(self) -> None:
        """Another leader may commit what is in the log, or not."""
        for _, token in self._entries.values():
            self.answer(token, Unknown())
        self._entries.clear()
        if self._change is not None:
            self.answer(self._change[0], Unknown())
            self._change = None

    @property
    def changing(self) -> bool:
        """A change of members waits for its end."""
        return self._change is not None

    def changes(self, token: int, target: Configuration) -> None:
        """A change of members is under way."""
        self._change = (token, target)

    def hands_over(self, token: int, to: str, until_s: float) -> None:
        """The lead is under way to another; an earlier wish is overtaken."""
        if self._hand_over is not None:
            self.answer(self._hand_over[0], Refused(f"the lead is now to go to {to}"))
        self._hand_over = (token, to, until_s)

    def see(self, m: Member) -> None:
        """Answers what the member's state has decided."""
        if self._change is not None and _complete(m.log, self._change[1]):
            self.answer(self._change[0], Done(None, m.log.configuration_index))
            self._change = None
        if self._hand_over is not None:
            self._see_hand_over(m, *self._hand_over)

    def _see_hand_over(self, m: Member, token: int, to: str, until_s: float) -> None:
        if m.leader == to:
            self.answer(token, Done(None, 0))
        elif m.role is Role.LEADER and m.transfer is None:
            self.answer(token, Refused(f"{to} did not take the lead in time; {m.name} keeps it"))
        elif m.leader not in (None, m.name):
            self.answer(token, Refused(f"{m.leader} took the lead before {to}"))
        elif m.now_s >= until_s:
            self.answer(token, Unknown())
        else:
            return
        self._hand_over = None


def _complete(log: Log, target: Configuration) -> bool:
    return log.configuration_index <= log.commit and log.configuration == target
