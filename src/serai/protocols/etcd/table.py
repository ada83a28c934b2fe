"""etcd's v3 API as data: every message, field number, enum and method, as of etcd 3.7.

Everything about the wire comes from this table: the classes (`messages.py`), the server's dispatch, the JSON gateway's
paths and the page that says what is served. A field is written `name:type=number`, `*` before a type means repeated,
`@name` behind a number the union that it belongs to. A type without a package is of the message's own.
"""

from collections.abc import Iterator
from dataclasses import dataclass

PACKAGES = ("mvccpb", "authpb", "etcdserverpb", "v3lockpb", "v3electionpb")
"""Each may name types of those before it."""

ENUMS: dict[str, str] = {
    "mvccpb.Event.EventType": "PUT=0 DELETE=1",
    "authpb.Permission.Type": "READ=0 WRITE=1 READWRITE=2",
    "etcdserverpb.RangeRequest.SortOrder": "NONE=0 ASCEND=1 DESCEND=2",
    "etcdserverpb.RangeRequest.SortTarget": "KEY=0 VERSION=1 CREATE=2 MOD=3 VALUE=4",
    "etcdserverpb.Compare.CompareResult": "EQUAL=0 GREATER=1 LESS=2 NOT_EQUAL=3",
    "etcdserverpb.Compare.CompareTarget": "VERSION=0 CREATE=1 MOD=2 VALUE=3 LEASE=4",
    "etcdserverpb.WatchCreateRequest.FilterType": "NOPUT=0 NODELETE=1",
    "etcdserverpb.AlarmType": "NONE=0 NOSPACE=1 CORRUPT=2",
    "etcdserverpb.AlarmRequest.AlarmAction": "GET=0 ACTIVATE=1 DEACTIVATE=2",
    "etcdserverpb.DowngradeRequest.DowngradeAction": "VALIDATE=0 ENABLE=1 CANCEL=2",
}
"""Names and numbers."""

MESSAGES: dict[str, str] = {
    "mvccpb.KeyValue": (
        "key:bytes=1 create_revision:int64=2 mod_revision:int64=3 version:int64=4 value:bytes=5 lease:int64=6"
    ),
    "mvccpb.Event": "type:EventType=1 kv:KeyValue=2 prev_kv:KeyValue=3",
    "authpb.UserAddOptions": "no_password:bool=1",
    "authpb.User": "name:bytes=1 password:bytes=2 roles:*string=3 options:UserAddOptions=4",
    "authpb.Permission": "permType:Type=1 key:bytes=2 range_end:bytes=3",
    "authpb.Role": "name:bytes=1 keyPermission:*Permission=2",
    "etcdserverpb.ResponseHeader": "cluster_id:uint64=1 member_id:uint64=2 revision:int64=3 raft_term:uint64=4",
    "etcdserverpb.RangeRequest": (
        "key:bytes=1 range_end:bytes=2 limit:int64=3 revision:int64=4 sort_order:SortOrder=5 "
        "sort_target:SortTarget=6 serializable:bool=7 keys_only:bool=8 count_only:bool=9 "
        "min_mod_revision:int64=10 max_mod_revision:int64=11 min_create_revision:int64=12 "
        "max_create_revision:int64=13"
    ),
    "etcdserverpb.RangeResponse": "header:ResponseHeader=1 kvs:*mvccpb.KeyValue=2 more:bool=3 count:int64=4",
    "etcdserverpb.PutRequest": (
        "key:bytes=1 value:bytes=2 lease:int64=3 prev_kv:bool=4 ignore_value:bool=5 ignore_lease:bool=6"
    ),
    "etcdserverpb.PutResponse": "header:ResponseHeader=1 prev_kv:mvccpb.KeyValue=2",
    "etcdserverpb.DeleteRangeRequest": "key:bytes=1 range_end:bytes=2 prev_kv:bool=3",
    "etcdserverpb.DeleteRangeResponse": "header:ResponseHeader=1 deleted:int64=2 prev_kvs:*mvccpb.KeyValue=3",
    "etcdserverpb.RequestOp": (
        "request_range:RangeRequest=1@request request_put:PutRequest=2@request "
        "request_delete_range:DeleteRangeRequest=3@request request_txn:TxnRequest=4@request"
    ),
    "etcdserverpb.ResponseOp": (
        "response_range:RangeResponse=1@response response_put:PutResponse=2@response "
        "response_delete_range:DeleteRangeResponse=3@response response_txn:TxnResponse=4@response"
    ),
    "etcdserverpb.Compare": (
        "result:CompareResult=1 target:CompareTarget=2 key:bytes=3 version:int64=4@target_union "
        "create_revision:int64=5@target_union mod_revision:int64=6@target_union value:bytes=7@target_union "
        "lease:int64=8@target_union range_end:bytes=64"
    ),
    "etcdserverpb.TxnRequest": "compare:*Compare=1 success:*RequestOp=2 failure:*RequestOp=3",
    "etcdserverpb.TxnResponse": "header:ResponseHeader=1 succeeded:bool=2 responses:*ResponseOp=3",
    "etcdserverpb.CompactionRequest": "revision:int64=1 physical:bool=2",
    "etcdserverpb.CompactionResponse": "header:ResponseHeader=1",
    "etcdserverpb.HashRequest": "",
    "etcdserverpb.HashKVRequest": "revision:int64=1",
    "etcdserverpb.HashKVResponse": (
        "header:ResponseHeader=1 hash:uint32=2 compact_revision:int64=3 hash_revision:int64=4"
    ),
    "etcdserverpb.HashResponse": "header:ResponseHeader=1 hash:uint32=2",
    "etcdserverpb.SnapshotRequest": "",
    "etcdserverpb.SnapshotResponse": "header:ResponseHeader=1 remaining_bytes:uint64=2 blob:bytes=3 version:string=4",
    "etcdserverpb.WatchRequest": (
        "create_request:WatchCreateRequest=1@request_union cancel_request:WatchCancelRequest=2@request_union "
        "progress_request:WatchProgressRequest=3@request_union"
    ),
    "etcdserverpb.WatchCreateRequest": (
        "key:bytes=1 range_end:bytes=2 start_revision:int64=3 progress_notify:bool=4 filters:*FilterType=5 "
        "prev_kv:bool=6 watch_id:int64=7 fragment:bool=8"
    ),
    "etcdserverpb.WatchCancelRequest": "watch_id:int64=1",
    "etcdserverpb.WatchProgressRequest": "",
    "etcdserverpb.WatchResponse": (
        "header:ResponseHeader=1 watch_id:int64=2 created:bool=3 canceled:bool=4 compact_revision:int64=5 "
        "cancel_reason:string=6 fragment:bool=7 events:*mvccpb.Event=11"
    ),
    "etcdserverpb.LeaseGrantRequest": "TTL:int64=1 ID:int64=2",
    "etcdserverpb.LeaseGrantResponse": "header:ResponseHeader=1 ID:int64=2 TTL:int64=3 error:string=4",
    "etcdserverpb.LeaseRevokeRequest": "ID:int64=1",
    "etcdserverpb.LeaseRevokeResponse": "header:ResponseHeader=1",
    "etcdserverpb.LeaseCheckpoint": "ID:int64=1 remaining_TTL:int64=2",
    "etcdserverpb.LeaseCheckpointRequest": "checkpoints:*LeaseCheckpoint=1",
    "etcdserverpb.LeaseCheckpointResponse": "header:ResponseHeader=1",
    "etcdserverpb.LeaseKeepAliveRequest": "ID:int64=1",
    "etcdserverpb.LeaseKeepAliveResponse": "header:ResponseHeader=1 ID:int64=2 TTL:int64=3",
    "etcdserverpb.LeaseTimeToLiveRequest": "ID:int64=1 keys:bool=2",
    "etcdserverpb.LeaseTimeToLiveResponse": (
        "header:ResponseHeader=1 ID:int64=2 TTL:int64=3 grantedTTL:int64=4 keys:*bytes=5"
    ),
    "etcdserverpb.LeaseLeasesRequest": "",
    "etcdserverpb.LeaseStatus": "ID:int64=1",
    "etcdserverpb.LeaseLeasesResponse": "header:ResponseHeader=1 leases:*LeaseStatus=2",
    "etcdserverpb.Member": "ID:uint64=1 name:string=2 peerURLs:*string=3 clientURLs:*string=4 isLearner:bool=5",
    "etcdserverpb.MemberAddRequest": "peerURLs:*string=1 isLearner:bool=2",
    "etcdserverpb.MemberAddResponse": "header:ResponseHeader=1 member:Member=2 members:*Member=3",
    "etcdserverpb.MemberRemoveRequest": "ID:uint64=1",
    "etcdserverpb.MemberRemoveResponse": "header:ResponseHeader=1 members:*Member=2",
    "etcdserverpb.MemberUpdateRequest": "ID:uint64=1 peerURLs:*string=2",
    "etcdserverpb.MemberUpdateResponse": "header:ResponseHeader=1 members:*Member=2",
    "etcdserverpb.MemberListRequest": "linearizable:bool=1",
    "etcdserverpb.MemberListResponse": "header:ResponseHeader=1 members:*Member=2",
    "etcdserverpb.MemberPromoteRequest": "ID:uint64=1",
    "etcdserverpb.MemberPromoteResponse": "header:ResponseHeader=1 members:*Member=2",
    "etcdserverpb.DefragmentRequest": "",
    "etcdserverpb.DefragmentResponse": "header:ResponseHeader=1",
    "etcdserverpb.MoveLeaderRequest": "targetID:uint64=1",
    "etcdserverpb.MoveLeaderResponse": "header:ResponseHeader=1",
    "etcdserverpb.AlarmRequest": "action:AlarmAction=1 memberID:uint64=2 alarm:AlarmType=3",
    "etcdserverpb.AlarmMember": "memberID:uint64=1 alarm:AlarmType=2",
    "etcdserverpb.AlarmResponse": "header:ResponseHeader=1 alarms:*AlarmMember=2",
    "etcdserverpb.DowngradeRequest": "action:DowngradeAction=1 version:string=2",
    "etcdserverpb.DowngradeResponse": "header:ResponseHeader=1 version:string=2",
    "etcdserverpb.DowngradeVersionTestRequest": "ver:string=1",
    "etcdserverpb.StatusRequest": "",
    "etcdserverpb.StatusResponse": (
        "header:ResponseHeader=1 version:string=2 dbSize:int64=3 leader:uint64=4 raftIndex:uint64=5 "
        "raftTerm:uint64=6 raftAppliedIndex:uint64=7 errors:*string=8 dbSizeInUse:int64=9 isLearner:bool=10 "
        "storageVersion:string=11 dbSizeQuota:int64=12 downgradeInfo:DowngradeInfo=13"
    ),
    "etcdserverpb.DowngradeInfo": "enabled:bool=1 targetVersion:string=2",
    "etcdserverpb.AuthEnableRequest": "",
    "etcdserverpb.AuthDisableRequest": "",
    "etcdserverpb.AuthStatusRequest": "",
    "etcdserverpb.AuthenticateRequest": "name:string=1 password:string=2",
    "etcdserverpb.AuthUserAddRequest": (
        "name:string=1 password:string=2 options:authpb.UserAddOptions=3 hashedPassword:string=4"
    ),
    "etcdserverpb.AuthUserGetRequest": "name:string=1",
    "etcdserverpb.AuthUserDeleteRequest": "name:string=1",
    "etcdserverpb.AuthUserChangePasswordRequest": "name:string=1 password:string=2 hashedPassword:string=3",
    "etcdserverpb.AuthUserGrantRoleRequest": "user:string=1 role:string=2",
    "etcdserverpb.AuthUserRevokeRoleRequest": "name:string=1 role:string=2",
    "etcdserverpb.AuthRoleAddRequest": "name:string=1",
    "etcdserverpb.AuthRoleGetRequest": "role:string=1",
    "etcdserverpb.AuthUserListRequest": "",
    "etcdserverpb.AuthRoleListRequest": "",
    "etcdserverpb.AuthRoleDeleteRequest": "role:string=1",
    "etcdserverpb.AuthRoleGrantPermissionRequest": "name:string=1 perm:authpb.Permission=2",
    "etcdserverpb.AuthRoleRevokePermissionRequest": "role:string=1 key:bytes=2 range_end:bytes=3",
    "etcdserverpb.AuthEnableResponse": "header:ResponseHeader=1",
    "etcdserverpb.AuthDisableResponse": "header:ResponseHeader=1",
    "etcdserverpb.AuthStatusResponse": "header:ResponseHeader=1 enabled:bool=2 authRevision:uint64=3",
    "etcdserverpb.AuthenticateResponse": "header:ResponseHeader=1 token:string=2",
    "etcdserverpb.AuthUserAddResponse": "header:ResponseHeader=1",
    "etcdserverpb.AuthUserGetResponse": "header:ResponseHeader=1 roles:*string=2",
    "etcdserverpb.AuthUserDeleteResponse": "header:ResponseHeader=1",
    "etcdserverpb.AuthUserChangePasswordResponse": "header:ResponseHeader=1",
    "etcdserverpb.AuthUserGrantRoleResponse": "header:ResponseHeader=1",
    "etcdserverpb.AuthUserRevokeRoleResponse": "header:ResponseHeader=1",
    "etcdserverpb.AuthRoleAddResponse": "header:ResponseHeader=1",
    "etcdserverpb.AuthRoleGetResponse": "header:ResponseHeader=1 perm:*authpb.Permission=2",
    "etcdserverpb.AuthRoleListResponse": "header:ResponseHeader=1 roles:*string=2",
    "etcdserverpb.AuthUserListResponse": "header:ResponseHeader=1 users:*string=2",
    "etcdserverpb.AuthRoleDeleteResponse": "header:ResponseHeader=1",
    "etcdserverpb.AuthRoleGrantPermissionResponse": "header:ResponseHeader=1",
    "etcdserverpb.AuthRoleRevokePermissionResponse": "header:ResponseHeader=1",
    "etcdserverpb.RangeStreamResponse": "range_response:RangeResponse=1",
    "v3lockpb.LockRequest": "name:bytes=1 lease:int64=2",
    "v3lockpb.LockResponse": "header:etcdserverpb.ResponseHeader=1 key:bytes=2 fencing:int64=1000",
    "v3lockpb.UnlockRequest": "key:bytes=1",
    "v3lockpb.UnlockResponse": "header:etcdserverpb.ResponseHeader=1",
    "v3electionpb.LeaderKey": "name:bytes=1 key:bytes=2 rev:int64=3 lease:int64=4",
    "v3electionpb.CampaignRequest": "name:bytes=1 lease:int64=2 value:bytes=3",
    "v3electionpb.CampaignResponse": "header:etcdserverpb.ResponseHeader=1 leader:LeaderKey=2",
    "v3electionpb.LeaderRequest": "name:bytes=1",
    "v3electionpb.LeaderResponse": "header:etcdserverpb.ResponseHeader=1 kv:mvccpb.KeyValue=2",
    "v3electionpb.ResignRequest": "leader:LeaderKey=1",
    "v3electionpb.ResignResponse": "header:etcdserverpb.ResponseHeader=1",
    "v3electionpb.ProclaimRequest": "leader:LeaderKey=1 value:bytes=2",
    "v3electionpb.ProclaimResponse": "header:etcdserverpb.ResponseHeader=1",
}
"""Fields of every message."""


OURS = frozenset({"v3lockpb.LockResponse fencing"})
"""Fields that etcd does not have. Its clients pass over them; the numbers are far from those that etcd may use next."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message; `union` is the name of the union that it belongs to, or empty."""

    name: str
    type: str
    number: int
    repeated: bool
    union: str


def fields(message: str) -> Iterator[Field]:
    """Those of a message, in the table's order. KeyError."""
    for word in MESSAGES[message].split():
        name, _, rest = word.partition(":")
        kind, _, place = rest.partition("=")
        number, _, union = place.partition("@")
        yield Field(name, kind.lstrip("*"), int(number), kind[0] == "*", union)


@dataclass(frozen=True, slots=True)
class Rpc:
    """A method. `asks` and `tells`: whether requests, answers are streams. `paths`: where the JSON gateway has it."""

    service: str
    name: str
    request: str
    response: str
    asks: bool
    tells: bool
    paths: tuple[str, ...]

    @property
    def path(self) -> str:
        """As HTTP/2 has it."""
        return f"/{self.service}/{self.name}"


_METHODS = """
etcdserverpb.KV
    Range                RangeRequest -> RangeResponse                             kv/range
    RangeStream          RangeRequest -> stream RangeStreamResponse
    Put                  PutRequest -> PutResponse                                 kv/put
    DeleteRange          DeleteRangeRequest -> DeleteRangeResponse                 kv/deleterange
    Txn                  TxnRequest -> TxnResponse                                 kv/txn
    Compact              CompactionRequest -> CompactionResponse                   kv/compaction
etcdserverpb.Watch
    Watch                stream WatchRequest -> stream WatchResponse               watch
etcdserverpb.Lease
    LeaseGrant           LeaseGrantRequest -> LeaseGrantResponse                   lease/grant
    LeaseRevoke          LeaseRevokeRequest -> LeaseRevokeResponse                 lease/revoke kv/lease/revoke
    LeaseKeepAlive       stream LeaseKeepAliveRequest -> stream LeaseKeepAliveResponse lease/keepalive
    LeaseTimeToLive      LeaseTimeToLiveRequest -> LeaseTimeToLiveResponse         lease/timetolive kv/lease/timetolive
    LeaseLeases          LeaseLeasesRequest -> LeaseLeasesResponse                 lease/leases kv/lease/leases
etcdserverpb.Cluster
    MemberAdd            MemberAddRequest -> MemberAddResponse                     cluster/member/add
    MemberRemove         MemberRemoveRequest -> MemberRemoveResponse               cluster/member/remove
    MemberUpdate         MemberUpdateRequest -> MemberUpdateResponse               cluster/member/update
    MemberList           MemberListRequest -> MemberListResponse                   cluster/member/list
    MemberPromote        MemberPromoteRequest -> MemberPromoteResponse             cluster/member/promote
etcdserverpb.Maintenance
    Alarm                AlarmRequest -> AlarmResponse                             maintenance/alarm
    Status               StatusRequest -> StatusResponse                           maintenance/status
    Defragment           DefragmentRequest -> DefragmentResponse                   maintenance/defragment
    Hash                 HashRequest -> HashResponse                               maintenance/hash
    HashKV               HashKVRequest -> HashKVResponse                           maintenance/hashkv
    Snapshot             SnapshotRequest -> stream SnapshotResponse                maintenance/snapshot
    MoveLeader           MoveLeaderRequest -> MoveLeaderResponse                   maintenance/transfer-leadership
    Downgrade            DowngradeRequest -> DowngradeResponse                     maintenance/downgrade
etcdserverpb.Auth
    AuthEnable           AuthEnableRequest -> AuthEnableResponse                   auth/enable
    AuthDisable          AuthDisableRequest -> AuthDisableResponse                 auth/disable
    AuthStatus           AuthStatusRequest -> AuthStatusResponse                   auth/status
    Authenticate         AuthenticateRequest -> AuthenticateResponse               auth/authenticate
    UserAdd              AuthUserAddRequest -> AuthUserAddResponse                 auth/user/add
    UserGet              AuthUserGetRequest -> AuthUserGetResponse                 auth/user/get
    UserList             AuthUserListRequest -> AuthUserListResponse               auth/user/list
    UserDelete           AuthUserDeleteRequest -> AuthUserDeleteResponse           auth/user/delete
    UserChangePassword   AuthUserChangePasswordRequest -> AuthUserChangePasswordResponse auth/user/changepw
    UserGrantRole        AuthUserGrantRoleRequest -> AuthUserGrantRoleResponse     auth/user/grant
    UserRevokeRole       AuthUserRevokeRoleRequest -> AuthUserRevokeRoleResponse   auth/user/revoke
    RoleAdd              AuthRoleAddRequest -> AuthRoleAddResponse                 auth/role/add
    RoleGet              AuthRoleGetRequest -> AuthRoleGetResponse                 auth/role/get
    RoleList             AuthRoleListRequest -> AuthRoleListResponse               auth/role/list
    RoleDelete           AuthRoleDeleteRequest -> AuthRoleDeleteResponse           auth/role/delete
    RoleGrantPermission  AuthRoleGrantPermissionRequest -> AuthRoleGrantPermissionResponse auth/role/grant
    RoleRevokePermission AuthRoleRevokePermissionRequest -> AuthRoleRevokePermissionResponse auth/role/revoke
v3lockpb.Lock
    Lock                 LockRequest -> LockResponse                               lock/lock
    Unlock               UnlockRequest -> UnlockResponse                           lock/unlock
v3electionpb.Election
    Campaign             CampaignRequest -> CampaignResponse                       election/campaign
    Proclaim             ProclaimRequest -> ProclaimResponse                       election/proclaim
    Leader               LeaderRequest -> LeaderResponse                           election/leader
    Observe              LeaderRequest -> stream LeaderResponse                    election/observe
    Resign               ResignRequest -> ResignResponse                           election/resign
"""
"""A service, then its methods: name, request -> answer, and where the JSON gateway has it, below /v3/."""


def _rows() -> Iterator[Rpc]:
    service = ""
    for line in _METHODS.strip().splitlines():
        if not line.startswith(" "):
            service = line
            continue
        name, rest = line.split(maxsplit=1)
        asked, _, told = rest.partition(" -> ")
        asks, request = _message(asked.split(), service)
        tells, response = _message(told.split(), service)
        paths = told.split()[1 + tells :]
        yield Rpc(service, name, request, response, asks, tells, tuple([f"/v3/{path}" for path in paths]))


def _message(words: list[str], service: str) -> tuple[bool, str]:
    streams = words[0] == "stream"
    return streams, f"{service.partition('.')[0]}.{words[streams]}"


RPCS: tuple[Rpc, ...] = tuple(_rows())
"""Every method of every service."""
