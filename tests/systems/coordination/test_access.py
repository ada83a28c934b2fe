"""Users, roles and tokens through gRPC: who may do what, and what ends a sign-in."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest
from tests.systems.coordination.doors import WAIT_S, Opened, opened, refused, said

from serai.protocols.etcd.messages import auth, lock, rpc
from serai.runtime.grpc.calls import Call
from serai.runtime.world import SystemClock
from serai.systems.coordination import errors
from serai.systems.coordination.handlers.callers import Callers
from serai.systems.coordination.handlers.watch import NO_WATCH
from serai.systems.coordination.member import NOBODY, Caller
from serai.systems.coordination.state.access import Access, User, UserChangePassword, UserDelete, UserRevokeRole
from serai.systems.coordination.state.words import Grant, Put
from serai.systems.coordination.tokens import issue, user_of

READ, WRITE, READWRITE = range(3)


@pytest.fixture
async def door() -> AsyncIterator[Opened]:
    async with opened() as it:
        yield it


async def guarded(door: Opened) -> None:
    """Root and a user `app` who may do all below app/; then authentication is on."""
    for name, password in (("root", "of-root"), ("app", "of-app")):
        await door.stub("Auth/UserAdd", rpc.AuthUserAddRequest(name=name, password=password))
    await door.stub("Auth/RoleAdd", rpc.AuthRoleAddRequest(name="root"))
    await door.stub("Auth/RoleAdd", rpc.AuthRoleAddRequest(name="apps"))
    permission = auth.Permission(permType=READWRITE, key=b"app/", range_end=b"app0")
    await door.stub("Auth/RoleGrantPermission", rpc.AuthRoleGrantPermissionRequest(name="apps", perm=permission))
    await door.stub("Auth/UserGrantRole", rpc.AuthUserGrantRoleRequest(user="root", role="root"))
    await door.stub("Auth/UserGrantRole", rpc.AuthUserGrantRoleRequest(user="app", role="apps"))
    await door.stub("Auth/AuthEnable", rpc.AuthEnableRequest())


async def token(door: Opened, name: str, password: str = "") -> str:
    request = rpc.AuthenticateRequest(name=name, password=password or f"of-{name}")
    return str((await door.stub("Auth/Authenticate", request)).token)


async def refusal(door: Opened, name: str, request: Any) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await door.stub(name, request)
    return refused(raised)


async def test_rights_are_for_keys(door: Opened) -> None:
    await guarded(door)
    assert await refusal(door, "KV/Range", rpc.RangeRequest(key=b"app/k")) == said(errors.UserEmpty)
    door.stub.token = await token(door, "app")
    await door.stub("KV/Put", rpc.PutRequest(key=b"app/k", value=b"v"))
    assert (await door.stub("KV/Range", rpc.RangeRequest(key=b"app/k"))).kvs[0].value == b"v"
    assert await refusal(door, "KV/Put", rpc.PutRequest(key=b"k")) == said(errors.PermissionDenied)
    assert await refusal(door, "Auth/UserAdd", rpc.AuthUserAddRequest(name="x")) == said(errors.PermissionDenied)
    door.stub.token = await token(door, "root")
    await door.stub("KV/Put", rpc.PutRequest(key=b"k"))


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("Cluster/MemberAdd", rpc.MemberAddRequest(peerURLs=["http://h:1"])),
        ("Cluster/MemberRemove", rpc.MemberRemoveRequest(ID=1)),
        ("Cluster/MemberUpdate", rpc.MemberUpdateRequest(ID=1)),
        ("Cluster/MemberPromote", rpc.MemberPromoteRequest(ID=1)),
        ("Maintenance/Alarm", rpc.AlarmRequest(action=1, alarm=1)),
        ("Maintenance/Alarm", rpc.AlarmRequest(action=2, alarm=1)),
        ("Maintenance/Defragment", rpc.DefragmentRequest()),
        ("Maintenance/Hash", rpc.HashRequest()),
        ("Maintenance/HashKV", rpc.HashKVRequest()),
        ("Maintenance/MoveLeader", rpc.MoveLeaderRequest()),
        ("Auth/AuthDisable", rpc.AuthDisableRequest()),
        ("Auth/UserList", rpc.AuthUserListRequest()),
        ("Auth/UserGet", rpc.AuthUserGetRequest(name="root")),
        ("Auth/UserDelete", rpc.AuthUserDeleteRequest(name="root")),
        ("Auth/UserChangePassword", rpc.AuthUserChangePasswordRequest(name="root", password="mine")),
        ("Auth/UserGrantRole", rpc.AuthUserGrantRoleRequest(user="app", role="root")),
        ("Auth/UserRevokeRole", rpc.AuthUserRevokeRoleRequest(name="app", role="apps")),
        ("Auth/RoleAdd", rpc.AuthRoleAddRequest(name="x")),
        ("Auth/RoleGet", rpc.AuthRoleGetRequest(role="root")),
        ("Auth/RoleList", rpc.AuthRoleListRequest()),
        ("Auth/RoleDelete", rpc.AuthRoleDeleteRequest(role="apps")),
        ("Auth/RoleRevokePermission", rpc.AuthRoleRevokePermissionRequest(role="apps", key=b"app/", range_end=b"app0")),
        ("Auth/RoleGrantPermission", rpc.AuthRoleGrantPermissionRequest(name="apps", perm={"key": b"k"})),
    ],
)
async def test_what_is_roots_alone(door: Opened, name: str, request_: Any) -> None:
    await guarded(door)
    assert await refusal(door, name, request_) == said(errors.UserEmpty)
    door.stub.token = await token(door, "app")
    assert await refusal(door, name, request_) == said(errors.PermissionDenied)


async def test_what_anybody_may_ask(door: Opened) -> None:
    await guarded(door)
    assert (await door.stub("Auth/AuthStatus", rpc.AuthStatusRequest())).enabled
    assert (await door.stub("Cluster/MemberList", rpc.MemberListRequest())).members
    door.stub.token = await token(door, "app")
    assert list((await door.stub("Auth/UserGet", rpc.AuthUserGetRequest(name="app"))).roles) == ["apps"]
    (held,) = (await door.stub("Auth/RoleGet", rpc.AuthRoleGetRequest(role="apps"))).perm
    assert (held.permType, held.key, held.range_end) == (READWRITE, b"app/", b"app0")
    assert (await door.stub("Maintenance/Status", rpc.StatusRequest())).version


async def test_the_snapshot_is_roots(door: Opened) -> None:
    await guarded(door)
    door.stub.token = await token(door, "app")
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        _ = [part async for part in door.stub.stream("Maintenance/Snapshot", rpc.SnapshotRequest())]
    assert refused(raised) == said(errors.PermissionDenied)


async def test_a_lease_shows_its_keys_to_whoever_may_read_them(door: Opened) -> None:
    await guarded(door)
    await door.member.propose(Grant(5, 60), door_root(door))
    await door.member.propose(Put(b"secret", b"v", 5), door_root(door))
    door.stub.token = await token(door, "app")
    assert (await door.stub("Lease/LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=5))).TTL == 60
    request = rpc.LeaseTimeToLiveRequest(ID=5, keys=True)
    assert await refusal(door, "Lease/LeaseTimeToLive", request) == said(errors.PermissionDenied)
    assert await refusal(door, "Lease/LeaseRevoke", rpc.LeaseRevokeRequest(ID=5)) == said(errors.PermissionDenied)


def door_root(door: Opened) -> Any:
    return Caller("root", door.member.access.revision)


async def test_locks_are_keys_and_need_their_rights(door: Opened) -> None:
    await guarded(door)
    door.stub.token = await token(door, "app")
    assert await refusal(door, "Lock/Lock", lock.LockRequest(name=b"l")) == said(errors.PermissionDenied)
    assert (await door.stub("Lock/Lock", lock.LockRequest(name=b"app/l"))).key.startswith(b"app/l/")


# Sign-in ------------------------------------------------------------------------------------------------------------


async def test_nobody_signs_in_where_nobody_needs_to(door: Opened) -> None:
    assert await refusal(door, "Auth/Authenticate", rpc.AuthenticateRequest(name="x")) == said(errors.AuthNotEnabled)
    assert await refusal(door, "Auth/AuthEnable", rpc.AuthEnableRequest()) == said(errors.RootUserMissing)


@pytest.mark.parametrize(("name", "password"), [("app", "wrong"), ("nobody", "of-nobody"), ("card", "")])
async def test_a_wrong_name_and_a_wrong_password_look_alike(door: Opened, name: str, password: str) -> None:
    await door.stub("Auth/UserAdd", rpc.AuthUserAddRequest(name="card", options={"no_password": True}))
    await guarded(door)
    request = rpc.AuthenticateRequest(name=name, password=password)
    assert await refusal(door, "Auth/Authenticate", request) == said(errors.AuthFailed)


async def test_rights_that_change_hold_at_once_for_tokens_that_were_given(door: Opened) -> None:
    await guarded(door)
    door.stub.token = await token(door, "app")
    await door.stub("KV/Put", rpc.PutRequest(key=b"app/k"))
    await door.member.propose(UserRevokeRole("app", "apps"), door_root(door))
    assert await refusal(door, "KV/Put", rpc.PutRequest(key=b"app/k")) == said(errors.PermissionDenied)


@pytest.mark.parametrize("word", [UserChangePassword("app", "$argon2id$another"), UserDelete("app")])
async def test_a_new_password_and_a_goodbye_end_all_tokens(door: Opened, word: Any) -> None:
    await guarded(door)
    door.stub.token = await token(door, "app")
    await door.member.propose(word, door_root(door))
    assert await refusal(door, "KV/Range", rpc.RangeRequest(key=b"app/k")) == said(errors.InvalidToken)


async def test_off_and_on_again_ends_all_tokens(door: Opened) -> None:
    await guarded(door)
    root, app = await token(door, "root"), await token(door, "app")
    door.stub.token = root
    await door.stub("Auth/AuthDisable", rpc.AuthDisableRequest())
    await door.stub("Auth/AuthEnable", rpc.AuthEnableRequest())
    door.stub.token = app
    assert await refusal(door, "KV/Range", rpc.RangeRequest(key=b"app/k")) == said(errors.InvalidToken)


ACCESS = Access(True, 3, b"s" * 32, {"ünal": User("hash"), "other": User("hash 2")})


def test_a_token_says_whose_it_is_until_its_end() -> None:
    made = issue(ACCESS, "ünal", 1_000)
    assert user_of(ACCESS, made, 999.9) == "ünal"
    with pytest.raises(errors.InvalidToken, match="ended"):
        user_of(ACCESS, made, 1_000.0)


@pytest.mark.parametrize(
    "forged",
    ["", ".", "..", "a.b.c", "x" * 2_000, "b3RoZXI=.9999.00", "!!.1.2"],
)
def test_what_is_no_token(forged: str) -> None:
    with pytest.raises(errors.InvalidToken):
        user_of(ACCESS, forged, 0.0)


def test_a_token_is_for_one_name_and_one_end() -> None:
    name, end, signature = issue(ACCESS, "ünal", 1_000).split(".")
    other = issue(ACCESS, "other", 1_000).split(".")[0]
    for altered in (f"{other}.{end}.{signature}", f"{name}.2000.{signature}", f"{name}.{end}.{signature[:-1]}0x"):
        with pytest.raises(errors.InvalidToken):
            user_of(ACCESS, altered, 0.0)


async def test_a_certificate_says_who_it_is_only_where_it_is_looked_at(door: Opened) -> None:
    await guarded(door)
    call = Call({}, "", "app", None)
    assert Callers(door.member, SystemClock(), certificates=True).of(call).user == "app"
    assert Callers(door.member, SystemClock(), certificates=False).of(call) == NOBODY
    foreign = Call({b"authorization": b"Bearer \xff"}, "", "app", None)
    with pytest.raises(errors.InvalidToken):
        Callers(door.member, SystemClock(), certificates=True).of(foreign)


# Management ---------------------------------------------------------------------------------------------------------


async def test_users_and_roles_come_and_go(door: Opened) -> None:
    await door.stub("Auth/UserAdd", rpc.AuthUserAddRequest(name="a", password="p"))
    await door.stub("Auth/RoleAdd", rpc.AuthRoleAddRequest(name="r"))
    await door.stub("Auth/UserGrantRole", rpc.AuthUserGrantRoleRequest(user="a", role="r"))
    assert list((await door.stub("Auth/UserList", rpc.AuthUserListRequest())).users) == ["a"]
    assert list((await door.stub("Auth/RoleList", rpc.AuthRoleListRequest())).roles) == ["r"]
    await door.stub("Auth/UserRevokeRole", rpc.AuthUserRevokeRoleRequest(name="a", role="r"))
    await door.stub("Auth/RoleDelete", rpc.AuthRoleDeleteRequest(role="r"))
    await door.stub("Auth/UserDelete", rpc.AuthUserDeleteRequest(name="a"))
    assert not (await door.stub("Auth/UserList", rpc.AuthUserListRequest())).users


@pytest.mark.parametrize(
    ("name", "request_", "error"),
    [
        ("UserAdd", rpc.AuthUserAddRequest(), errors.UserNameEmpty),
        ("UserAdd", rpc.AuthUserAddRequest(name="x", hashedPassword="JDJ"), errors.NotCapable),
        ("UserGet", rpc.AuthUserGetRequest(name="x"), errors.UserNotFound),
        ("RoleGet", rpc.AuthRoleGetRequest(role="x"), errors.RoleNotFound),
        ("RoleGrantPermission", rpc.AuthRoleGrantPermissionRequest(name="x"), errors.PermissionNotGiven),
        (
            "RoleGrantPermission",
            rpc.AuthRoleGrantPermissionRequest(name="x", perm={"permType": 9, "key": b"k"}),
            errors.PermissionNotGiven,
        ),
        (
            "RoleGrantPermission",
            rpc.AuthRoleGrantPermissionRequest(name="x", perm={"key": b"b", "range_end": b"a"}),
            errors.InvalidAuthManagement,
        ),
    ],
)
async def test_management_that_cannot_be(
    door: Opened, name: str, request_: Any, error: type[errors.CoordinationError]
) -> None:
    assert await refusal(door, f"Auth/{name}", request_) == said(error)


async def test_who_has_no_password_gets_none_by_a_change(door: Opened) -> None:
    await door.stub("Auth/UserAdd", rpc.AuthUserAddRequest(name="card", options={"no_password": True}))
    await door.stub("Auth/UserChangePassword", rpc.AuthUserChangePasswordRequest(name="card", password="p"))
    assert door.member.access.users["card"].password_hash == ""


# Watches ------------------------------------------------------------------------------------------------------------


DENIED = f"rpc error: code = PermissionDenied desc = {errors.PermissionDenied.etcd}"
"""etcd tells a watch of its missing right with the status before the words."""


async def test_a_watch_needs_the_right_to_read_and_ends_with_it(door: Opened) -> None:
    await guarded(door)
    door.stub.token = await token(door, "app")
    stream = door.stub.stream("Watch/Watch")

    async def answer() -> Any:
        return await asyncio.wait_for(stream.read(), WAIT_S)

    await stream.write(rpc.WatchRequest(create_request={"key": b"other"}))
    denied = await answer()
    assert (denied.watch_id, denied.canceled, denied.cancel_reason) == (NO_WATCH, True, DENIED)
    await stream.write(rpc.WatchRequest(create_request={"key": b"app/k"}))
    assert (await answer()).created
    await door.member.propose(Put(b"app/k", b"1"), door_root(door))
    assert (await answer()).events
    await door.member.propose(UserRevokeRole("app", "apps"), door_root(door))
    await door.member.propose(Put(b"app/k", b"2"), door_root(door))
    ended = await answer()
    assert ended.canceled and not ended.events and ended.cancel_reason == DENIED
