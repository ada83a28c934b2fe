"""Users and roles beside their dumb twin: who may do what, key by key; and what cannot be managed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.systems.coordination.state.drive import PATIENT, Driven, code

from serai.systems.coordination.state.access import (
    AuthDisable,
    AuthEnable,
    Permission,
    Permit,
    RoleAdd,
    RoleDelete,
    RoleGrant,
    RoleRevoke,
    UserAdd,
    UserChangePassword,
    UserDelete,
    UserGrantRole,
    UserRevokeRole,
)
from serai.systems.coordination.state.words import (
    Compare,
    DeleteRange,
    Fault,
    GetLease,
    Grant,
    Hash,
    Nothing,
    Put,
    Range,
    Relation,
    Revoke,
    Target,
    Txn,
)

ALL = [bytes([letter]) for letter in b"abcdef"]
KEYS = st.sampled_from(ALL)
ENDS = st.sampled_from([b"", b"\0", *ALL])
PERMISSIONS = st.lists(st.builds(Permission, permit=st.sampled_from(Permit), key=KEYS, range_end=ENDS), max_size=4)


def keys_of(key: bytes, range_end: bytes) -> set[bytes]:
    """Of a world with six keys; whoever asks for more than these asks for `beyond`."""
    if not range_end:
        return {key}
    if range_end == b"\0":
        return {one for one in ALL if one >= key} | {b"beyond"}
    return {one for one in ALL if key <= one < range_end}


def allowed(mine: list[Permission], wanted: Permit, key: bytes, range_end: bytes = b"") -> bool:
    fitting = [one for one in mine if one.permit in (wanted, Permit.READWRITE)]
    ranges = [keys_of(one.key, one.range_end) for one in fitting if one.range_end]
    points = {one.key for one in fitting if not one.range_end}
    wanted_keys = keys_of(key, range_end)
    if range_end:  # between two keys there are others, so single keys cover no range
        return wanted_keys <= set().union(*ranges)
    return wanted_keys <= set().union(points, *ranges)


def enabled(mine: list[Permission]) -> Driven:
    driven = Driven()
    for word in (
        UserAdd("root", "#"), UserGrantRole("root", "root"), UserAdd("ann", "#"), RoleAdd("some"),
        UserGrantRole("ann", "some"), *(RoleGrant("some", one) for one in mine), AuthEnable(b"secret"),
    ):  # fmt: skip
        assert driven.do(word).result == Nothing()
    return driven


def may(driven: Driven, word: object) -> bool:
    result = driven.state.door.refusal("ann", driven.state.door.access.revision, word)
    return result is None


@settings(PATIENT, max_examples=300)
@given(PERMISSIONS, KEYS, ENDS.filter(lambda end: end != b"a"))
def test_rights_are_their_twin(mine: list[Permission], key: bytes, range_end: bytes) -> None:
    unique = list({(one.key, one.range_end): one for one in mine}.values())
    driven = enabled(unique)
    if range_end in (b"", b"\0") or range_end > key:
        reads = allowed(unique, Permit.READ, key, range_end)
        writes = allowed(unique, Permit.WRITE, key, range_end)
        assert may(driven, Range(key, range_end)) is reads
        assert may(driven, DeleteRange(key, range_end)) is writes
        assert may(driven, DeleteRange(key, range_end, prev_kv=True)) is (reads and writes)
        asks = Compare(key, Relation.EQUAL, Target.MOD, range_end=range_end)
        assert may(driven, Txn((asks,))) is reads
        assert may(driven, Txn((), (), (Txn((), (DeleteRange(key, range_end),)),))) is writes
    assert may(driven, Put(key)) is allowed(unique, Permit.WRITE, key)
    both = allowed(unique, Permit.WRITE, key) and allowed(unique, Permit.READ, key)
    assert may(driven, Put(key, prev_kv=True)) is both


def refused(driven: Driven, word: object, user: str = "ann", revision: int | None = None) -> str:
    at = driven.state.door.access.revision if revision is None else revision
    return code(driven.do(word, user, at).result)


def test_who_is_asked_and_how_it_is_refused() -> None:
    driven = enabled([Permission(Permit.WRITE, b"a")])
    assert driven.do(Put(b"a"), "ann", driven.state.door.access.revision).revision == 2
    assert refused(driven, Put(b"b")) == "permission_denied"
    assert refused(driven, Put(b"a"), user="") == "user_empty"
    assert refused(driven, Put(b"a"), user="bob") == "permission_denied"
    assert refused(driven, Put(b"a"), revision=1) == "auth_old_revision"
    assert refused(driven, RoleAdd("mine")) == "permission_denied"
    assert driven.do(RoleAdd("more"), "root", driven.state.door.access.revision).result == Nothing()
    assert code(driven.ask(Range(b"b"), "ann", 99)) == "permission_denied"
    assert code(driven.ask(Hash(), "ann", 99)) == "permission_denied"


def test_a_right_that_was_taken_away_serves_no_command_on_its_way() -> None:
    driven = enabled([Permission(Permit.READWRITE, b"a")])
    before = driven.state.door.access.revision
    driven.do(RoleRevoke("some", b"a"), internal=True)
    assert refused(driven, Put(b"a"), revision=before) == "auth_old_revision"
    assert refused(driven, Put(b"a")) == "permission_denied"


def test_a_lease_with_a_foreign_key_can_be_neither_ended_nor_joined() -> None:
    driven = enabled([Permission(Permit.WRITE, b"a")])
    driven.do(Grant(7, 60), internal=True)
    driven.do(Put(b"z", lease=7), internal=True)
    assert refused(driven, Revoke(7)) == "permission_denied"
    assert refused(driven, Put(b"a", lease=7)) == "permission_denied"
    assert refused(driven, Txn(success=(Put(b"a", lease=7),))) == "permission_denied"
    assert driven.ask(GetLease(7), "ann", 99) is not None


def test_rights_survive_a_crash_and_a_snapshot() -> None:
    driven = enabled([Permission(Permit.WRITE, b"a")])
    access = driven.state.door.access
    driven.restart(3)
    assert driven.state.door.access == access
    driven.move()
    assert driven.state.door.access == access


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (AuthEnable(b""), "root_user_missing"),
        (UserAdd("", "#"), "user_name_empty"),
        (UserAdd("ann", "#"), "user_exists"),
        (UserDelete("bob"), "user_not_found"),
        (UserChangePassword("bob", "#"), "user_not_found"),
        (UserGrantRole("bob", "some"), "user_not_found"),
        (UserGrantRole("ann", "none"), "role_not_found"),
        (UserRevokeRole("bob", "some"), "user_not_found"),
        (UserRevokeRole("ann", "other"), "role_not_granted"),
        (RoleAdd(""), "role_empty"),
        (RoleAdd("some"), "role_exists"),
        (RoleDelete("none"), "role_not_found"),
        (RoleGrant("none", Permission(Permit.READ, b"a")), "role_not_found"),
        (RoleRevoke("none", b"a"), "role_not_found"),
        (RoleRevoke("some", b"a"), "permission_not_granted"),
    ],
)
def test_what_cannot_be_managed(word: object, expected: str) -> None:
    driven = Driven()
    for there in (UserAdd("ann", "#"), RoleAdd("some"), UserGrantRole("ann", "some")):
        driven.do(there)
    before = driven.state.door.access
    assert code(driven.do(word).result) == expected
    assert driven.state.door.access == before


@pytest.mark.parametrize("word", [UserDelete("root"), UserRevokeRole("root", "root"), RoleDelete("root")])
def test_nobody_locks_everybody_out(word: object) -> None:
    driven = enabled([])
    assert code(driven.do(word, internal=True).result) == "invalid_auth_management"
    assert isinstance(driven.do(AuthDisable(), internal=True).result, Nothing)
    assert not isinstance(driven.do(Put(b"k")).result, Fault)


def test_to_enable_needs_a_root_with_its_role() -> None:
    driven = Driven()
    driven.do(UserAdd("root", "#"))
    assert code(driven.do(AuthEnable(b"")).result) == "root_role_missing"


def test_who_has_a_role_that_is_deleted_has_it_no_more() -> None:
    driven = enabled([Permission(Permit.WRITE, b"a")])
    driven.do(RoleDelete("some"), internal=True)
    assert driven.state.door.access.users["ann"].roles == ()
    assert refused(driven, Put(b"a")) == "permission_denied"
