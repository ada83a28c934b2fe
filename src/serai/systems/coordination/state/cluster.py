"""Members of the cluster and their alarms, as all of them know them."""

import msgspec

from serai.systems.coordination.state import layout
from serai.systems.coordination.state.buffered import Buffered
from serai.systems.coordination.state.words import (
    AddMember,
    Alarm,
    Alarms,
    ClearAlarm,
    Fault,
    Introduce,
    MemberInfo,
    Members,
    RaiseAlarm,
    RemoveMember,
    UpdateMember,
)

_MEMBERS = layout.only("members")
_ALARMS = layout.only("alarms")


class _Known(msgspec.Struct, array_like=True):
    """What is kept. `removed` ids never come back."""

    members: dict[int, MemberInfo] = {}
    removed: set[int] = set()


class Cluster:
    """Who belongs to it, and what ails them."""

    def __init__(self, records: Buffered) -> None:
        self._records = records
        self._known = _Known()
        self.alarms: set[tuple[int, Alarm]] = set()
        self.changes = 0
        """Rises with each change of the members, for those who follow them."""

    def reload(self) -> None:
        """Knows what the map says."""
        self.changes += 1
        record = self._records.get(_MEMBERS)
        self._known = msgspec.msgpack.decode(record, type=_Known) if record else _Known({}, set())
        record = self._records.get(_ALARMS)
        self.alarms = set(msgspec.msgpack.decode(record, type=set[tuple[int, Alarm]])) if record else set()

    @property
    def members(self) -> tuple[MemberInfo, ...]:
        """All, by id."""
        return tuple([self._known.members[number] for number in sorted(self._known.members)])

    def member(self, number: int) -> MemberInfo | None:
        """One."""
        return self._known.members.get(number)

    def removed(self, number: int) -> bool:
        """Whether one was a member and is no more."""
        return number in self._known.removed

    def add(self, word: AddMember) -> Members | Fault:
        """One more."""
        member = word.member
        if self._taken(member):
            return Fault("coordination_peer_url_exists", ", ".join(member.peer_urls))
        if member.id in self._known.members or member.id in self._known.removed:
            return Fault("coordination_member_exists", f"member {member.id:x}")
        self._keep(member)
        return Members(self.members)

    def update(self, word: UpdateMember) -> Members | Fault:
        """Another name, other addresses."""
        if word.member.id not in self._known.members:
            return _absent(word.member.id)
        if self._taken(word.member, besides=word.member.id):
            return Fault("coordination_peer_url_exists", ", ".join(word.member.peer_urls))
        self._keep(word.member)
        return Members(self.members)

    def introduce(self, word: Introduce) -> Members | Fault:
        """Its name, and where clients find it."""
        known = self._known.members.get(word.id)
        if known is None:
            return _absent(word.id)
        self._keep(msgspec.structs.replace(known, name=word.name, client_urls=word.client_urls))
        return Members(self.members)

    def remove(self, word: RemoveMember) -> Members | Fault:
        """One less, for ever."""
        if self._known.members.pop(word.id, None) is None:
            return _absent(word.id)
        self._known.removed.add(word.id)
        self._write()
        self.clear(ClearAlarm(word.id, Alarm.NONE))
        return Members(self.members)

    def _taken(self, member: MemberInfo, besides: int = 0) -> bool:
        """Whether another member is said to be where this one is."""
        others = [known for known in self._known.members.values() if known.id != besides]
        return any(set(known.peer_urls) & set(member.peer_urls) for known in others)

    def _keep(self, member: MemberInfo) -> None:
        self._known.members[member.id] = member
        self._write()

    def _write(self) -> None:
        self.changes += 1
        self._records.replace(_MEMBERS, msgspec.msgpack.encode(self._known))

    def raised(self, word: RaiseAlarm) -> Alarms:
        """A member has an alarm."""
        if word.alarm is not Alarm.NONE and (word.member, word.alarm) not in self.alarms:
            self.alarms.add((word.member, word.alarm))
            self._write_alarms()
        return Alarms(((word.member, word.alarm),))

    def clear(self, word: ClearAlarm) -> Alarms:
        """It has no more; NONE means any, member 0 everybody."""
        gone = {
            (member, alarm)
            for member, alarm in self.alarms
            if word.member in (0, member) and word.alarm in (Alarm.NONE, alarm)
        }
        if gone:
            self.alarms -= gone
            self._write_alarms()
        return Alarms(tuple(sorted(gone)))

    def _write_alarms(self) -> None:
        self._records.replace(_ALARMS, msgspec.msgpack.encode(sorted(self.alarms)))

    def has(self, alarm: Alarm) -> bool:
        """Whether any member has it."""
        return any(known is alarm for _, known in self.alarms)


def _absent(number: int) -> Fault:
    return Fault("coordination_member_not_found", f"member {number:x}")
