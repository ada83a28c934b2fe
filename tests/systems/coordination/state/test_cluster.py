"""Members and alarms, as all members know them."""

import pytest
from tests.systems.coordination.state.drive import Driven, code

from serai.systems.coordination.state.words import (
    AddMember,
    Alarm,
    Alarms,
    ClearAlarm,
    DeleteRange,
    Fault,
    Grant,
    ListAlarms,
    ListMembers,
    MemberInfo,
    Members,
    Put,
    RaiseAlarm,
    RemoveMember,
    Revoke,
    Txn,
    UpdateMember,
)

ONE, TWO = MemberInfo(1, "one", ("http://a:1",)), MemberInfo(2, "two", ("http://b:1",))


def cluster() -> Driven:
    driven = Driven()
    driven.do(AddMember(ONE))
    driven.do(AddMember(TWO))
    return driven


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (AddMember(MemberInfo(1, "again", ("http://c:1",))), "member_exists"),
        (AddMember(MemberInfo(3, "three", ("http://b:1",))), "peer_url_exists"),
        (UpdateMember(MemberInfo(3, "three", ())), "member_not_found"),
        (UpdateMember(MemberInfo(1, "one", ("http://b:1",))), "peer_url_exists"),
        (RemoveMember(3), "member_not_found"),
    ],
)
def test_what_cannot_be_done_to_members(word: object, expected: str) -> None:
    driven = cluster()
    assert code(driven.do(word).result) == expected
    assert driven.ask(ListMembers()) == Members((ONE, TWO))


def test_an_id_never_comes_back() -> None:
    driven = cluster()
    driven.do(RaiseAlarm(2, Alarm.NOSPACE))
    driven.do(RemoveMember(2))
    assert code(driven.do(AddMember(TWO)).result) == "member_exists"
    driven.move()
    assert driven.ask(ListMembers()) == Members((ONE,))
    assert driven.state.cluster.removed(2)
    assert driven.ask(ListAlarms()) == Alarms(()), "its alarms went with it"


def test_a_full_store_takes_what_makes_room_and_nothing_else() -> None:
    driven = cluster()
    driven.do(Put(b"k"))
    driven.do(Grant(1, 5))
    driven.do(RaiseAlarm(1, Alarm.NOSPACE))
    for word in (Put(b"k"), Grant(2, 5), Txn((), (), (Txn((), (Put(b"k"),)),))):
        assert code(driven.do(word).result) == "no_space"
    for word in (DeleteRange(b"k"), Revoke(1), Txn((), (DeleteRange(b"k"),))):
        assert not isinstance(driven.do(word).result, Fault)
    driven.restart()
    assert driven.ask(ListAlarms()) == Alarms(((1, Alarm.NOSPACE),))
    driven.do(ClearAlarm(1, Alarm.NOSPACE))
    assert not isinstance(driven.do(Put(b"k")).result, Fault)


def test_a_corrupt_store_changes_no_keys() -> None:
    driven = cluster()
    driven.do(RaiseAlarm(2, Alarm.CORRUPT))
    assert code(driven.do(Put(b"k")).result) == code(driven.do(DeleteRange(b"k")).result) == "corrupt"
