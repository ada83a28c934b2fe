"""What coordination refuses. Each leaf has the gRPC status and the very words by which etcd's clients know it.

CoordinationError
├── BadRequest  422  the caller's: it can never succeed as written
├── Refusal     409  the state of things forbids it now
├── Absent      404  no such lease or member
├── Denied      403  known, but not allowed
├── Nameless    401  nobody proved who is asking
├── Overloaded  429  a limit was reached: nothing was done; try again later
└── Away        503  no majority, no leader, no time: try again, after looking where it says so
"""

from typing import ClassVar

from serai.kernel.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    SeraiError,
    TooMany,
    Unauthenticated,
    Unavailable,
)


class CoordinationError(SeraiError):
    """The root. `grpc` is the status's name, `etcd` the message that clients compare with."""

    grpc: ClassVar[str] = "UNKNOWN"
    etcd: ClassVar[str] = "etcdserver: unknown error"

    def __init__(self, message: str = "") -> None:
        """`message` says what was wrong with which value; without it, the class's own words."""
        super().__init__(message or self.title)


class BadRequest(CoordinationError, Invalid):
    """The caller's: it can never succeed as written."""

    code = "coordination_badrequest"
    grpc = "INVALID_ARGUMENT"


class Refusal(CoordinationError, Conflict):
    """The state of things forbids it now."""

    code = "coordination_refusal"
    grpc = "FAILED_PRECONDITION"


class Absent(CoordinationError, NotFound):
    """No such lease or member."""

    code = "coordination_absent"
    grpc = "NOT_FOUND"


class Denied(CoordinationError, Forbidden):
    """Known, but not allowed."""

    code = "coordination_denied"
    grpc = "PERMISSION_DENIED"


class Nameless(CoordinationError, Unauthenticated):
    """Nobody proved who is asking."""

    code = "coordination_nameless"
    grpc = "UNAUTHENTICATED"


class Overloaded(CoordinationError, TooMany):
    """A limit was reached: nothing was done; try again later."""

    code = "coordination_overloaded"
    grpc = "RESOURCE_EXHAUSTED"


class Away(CoordinationError, Unavailable):
    """No majority, no leader, no time: try again, after looking where it says so."""

    code = "coordination_away"
    grpc = "UNAVAILABLE"


class EmptyKey(BadRequest):
    """A key is needed."""

    code = "coordination_empty_key"
    title = "A key is needed"
    etcd = "etcdserver: key is not provided"


class KeyNotFound(BadRequest):
    """ignore_value or ignore_lease needs a key that exists."""

    code = "coordination_key_not_found"
    title = "ignore_value or ignore_lease needs a key that exists"
    etcd = "etcdserver: key not found"


class ValueProvided(BadRequest):
    """ignore_value goes with no value."""

    code = "coordination_value_provided"
    title = "ignore_value goes with no value"
    etcd = "etcdserver: value is provided"


class LeaseProvided(BadRequest):
    """ignore_lease goes with no lease."""

    code = "coordination_lease_provided"
    title = "ignore_lease goes with no lease"
    etcd = "etcdserver: lease is provided"


class TooManyOperations(BadRequest):
    """A transaction is limited."""

    code = "coordination_too_many_operations"
    title = "A transaction is limited"
    etcd = "etcdserver: too many operations in txn request"


class DuplicateKey(BadRequest):
    """A transaction changes a key once."""

    code = "coordination_duplicate_key"
    title = "A transaction changes a key once"
    etcd = "etcdserver: duplicate key given in txn request"


class InvalidSortOption(BadRequest):
    """No such order, or nothing to sort by."""

    code = "coordination_invalid_sort_option"
    title = "No such order, or nothing to sort by"
    etcd = "etcdserver: invalid sort option"


class Compacted(Refusal):
    """The history that was asked for is gone."""

    code = "coordination_compacted"
    title = "The history that was asked for is gone"
    grpc = "OUT_OF_RANGE"
    etcd = "etcdserver: mvcc: required revision has been compacted"


class FutureRevision(Refusal):
    """The revision is not there yet."""

    code = "coordination_future_revision"
    title = "The revision is not there yet"
    grpc = "OUT_OF_RANGE"
    etcd = "etcdserver: mvcc: required revision is a future revision"


class NoSpace(Refusal):
    """The store is full and takes no writes until an operator has made room."""

    code = "coordination_no_space"
    title = "The store is full and takes no writes until an operator has made room"
    grpc = "RESOURCE_EXHAUSTED"
    etcd = "etcdserver: mvcc: database space exceeded"


class Corrupt(Refusal):
    """A member holds other data than the others."""

    code = "coordination_corrupt"
    title = "A member holds other data than the others"
    grpc = "DATA_LOSS"
    etcd = "etcdserver: corrupt cluster"


class LeaseNotFound(Absent):
    """No such lease, or it has expired."""

    code = "coordination_lease_not_found"
    title = "No such lease, or it has expired"
    etcd = "etcdserver: requested lease not found"


class LeaseExists(Refusal):
    """The id is taken."""

    code = "coordination_lease_exists"
    title = "The id is taken"
    etcd = "etcdserver: lease already exists"


class LeaseTooLong(Refusal):
    """A lease lives at most 9,000,000,000 s."""

    code = "coordination_lease_too_long"
    title = "A lease lives at most 9,000,000,000 s"
    grpc = "OUT_OF_RANGE"
    etcd = "etcdserver: too large lease TTL"


class LeaseIdNegative(BadRequest):
    """A lease's id is positive."""

    code = "coordination_lease_id_negative"
    title = "A lease's id is positive"
    etcd = "etcdserver: lease ID must not be negative"


class WatchIdInUse(Refusal):
    """The stream has a watch of this id."""

    code = "coordination_watch_id_in_use"
    title = "The stream has a watch of this id"
    etcd = "etcdserver: duplicate watch ID provided on the WatchStream"


class TooManyWatches(Overloaded):
    """A member is limited."""

    code = "coordination_too_many_watches"
    title = "A member is limited"
    etcd = "etcdserver: too many watches"


class RequestTooLarge(BadRequest):
    """A request is limited to 1.5 MiB."""

    code = "coordination_request_too_large"
    title = "A request is limited to 1.5 MiB"
    etcd = "etcdserver: request is too large"


class TooManyRequests(Overloaded):
    """Too much is under way; nothing was done."""

    code = "coordination_too_many_requests"
    title = "Too much is under way; nothing was done"
    etcd = "etcdserver: too many requests"


class SessionExpired(Refusal):
    """The lease ended while its owner waited for the lock."""

    code = "coordination_session_expired"
    title = "The lease ended while its owner waited for the lock"
    grpc = "UNKNOWN"
    etcd = "mutex: session is expired"


class ElectionNotLeader(Refusal):
    """The leadership was lost."""

    code = "coordination_election_not_leader"
    title = "The leadership was lost"
    grpc = "UNKNOWN"
    etcd = "election: not leader"


class ElectionNoLeader(Absent):
    """Nobody is elected."""

    code = "coordination_election_no_leader"
    title = "Nobody is elected"
    grpc = "UNKNOWN"
    etcd = "election: no leader"


class MissingLeaderKey(BadRequest):
    """The request must say which leadership it is about."""

    code = "coordination_missing_leader_key"
    title = "The request must say which leadership it is about"
    grpc = "UNKNOWN"
    etcd = '"leader" field must be provided'


class NoLeader(Away):
    """No member leads now; nothing was done."""

    code = "coordination_no_leader"
    title = "No member leads now; nothing was done"
    etcd = "etcdserver: no leader"


class NotLeader(Refusal):
    """Only the leader does this."""

    code = "coordination_not_leader"
    title = "Only the leader does this"
    etcd = "etcdserver: not leader"


class LeaderChanged(Away):
    """The lead changed meanwhile: it may have been done. Look before asking again."""

    code = "coordination_leader_changed"
    title = "The lead changed meanwhile: it may have been done. Look before asking again"
    etcd = "etcdserver: leader changed"


class TimedOut(Away):
    """No majority answered in time: it may have been done. Look before asking again."""

    code = "coordination_timed_out"
    title = "No majority answered in time: it may have been done. Look before asking again"
    etcd = "etcdserver: request timed out"


class Stopped(Away):
    """The member is stopping."""

    code = "coordination_stopped"
    title = "The member is stopping"
    etcd = "etcdserver: server stopped"


class NotCapable(Refusal):
    """A call of etcd that is not served here."""

    code = "coordination_not_capable"
    title = "A call of etcd that is not served here"
    grpc = "UNIMPLEMENTED"
    etcd = "etcdserver: not supported"


class BadLeaderTransferee(Refusal):
    """No such voter to lead."""

    code = "coordination_bad_leader_transferee"
    title = "No such voter to lead"
    etcd = "etcdserver: bad leader transferee"


class MemberExists(Refusal):
    """The member is there."""

    code = "coordination_member_exists"
    title = "The member is there"
    etcd = "etcdserver: member ID already exist"


class PeerUrlExists(Refusal):
    """Another member is there."""

    code = "coordination_peer_url_exists"
    title = "Another member is there"
    etcd = "etcdserver: Peer URLs already exists"


class MemberNotEnoughStarted(Refusal):
    """The change could leave no majority."""

    code = "coordination_member_not_enough_started"
    title = "The change could leave no majority"
    etcd = "etcdserver: re-configuration failed due to not enough started members"


class MemberBadUrls(BadRequest):
    """A peer URL is http://host:port."""

    code = "coordination_member_bad_urls"
    title = "A peer URL is http://host:port"
    etcd = "etcdserver: given member URLs are invalid"


class MemberNotFound(Absent):
    """No such member."""

    code = "coordination_member_not_found"
    title = "No such member"
    etcd = "etcdserver: member not found"


class MemberNotLearner(Refusal):
    """It votes already."""

    code = "coordination_member_not_learner"
    title = "It votes already"
    etcd = "etcdserver: can only promote a learner member"


class LearnerNotReady(Refusal):
    """It lacks too many entries still."""

    code = "coordination_learner_not_ready"
    title = "It lacks too many entries still"
    etcd = "etcdserver: can only promote a learner member which is in sync with leader"


class TooManyLearners(Refusal):
    """One learner at a time."""

    code = "coordination_too_many_learners"
    title = "One learner at a time"
    etcd = "etcdserver: too many learner members in cluster"


class UnhealthyCluster(Away):
    """A majority does not answer."""

    code = "coordination_unhealthy_cluster"
    title = "A majority does not answer"
    etcd = "etcdserver: unhealthy cluster"


class RootUserMissing(Refusal):
    """Make the user root first."""

    code = "coordination_root_user_missing"
    title = "Make the user root first"
    etcd = "etcdserver: root user does not exist"


class RootRoleMissing(Refusal):
    """Grant the role root to the user root first."""

    code = "coordination_root_role_missing"
    title = "Grant the role root to the user root first"
    etcd = "etcdserver: root user does not have root role"


class UserExists(Refusal):
    """The name is taken."""

    code = "coordination_user_exists"
    title = "The name is taken"
    etcd = "etcdserver: user name already exists"


class UserNameEmpty(BadRequest):
    """A name is needed."""

    code = "coordination_user_name_empty"
    title = "A name is needed"
    etcd = "etcdserver: user name is empty"


class UserNotFound(Refusal):
    """No such user."""

    code = "coordination_user_not_found"
    title = "No such user"
    etcd = "etcdserver: user name not found"


class RoleExists(Refusal):
    """The name is taken."""

    code = "coordination_role_exists"
    title = "The name is taken"
    etcd = "etcdserver: role name already exists"


class RoleNotFound(Refusal):
    """No such role."""

    code = "coordination_role_not_found"
    title = "No such role"
    etcd = "etcdserver: role name not found"


class RoleEmpty(BadRequest):
    """A name is needed."""

    code = "coordination_role_empty"
    title = "A name is needed"
    etcd = "etcdserver: role name is empty"


class AuthFailed(BadRequest):
    """Wrong name or password."""

    code = "coordination_auth_failed"
    title = "Wrong name or password"
    etcd = "etcdserver: authentication failed, invalid user ID or password"


class PermissionNotGiven(BadRequest):
    """A permission is needed."""

    code = "coordination_permission_not_given"
    title = "A permission is needed"
    etcd = "etcdserver: permission not given"


class PermissionDenied(Denied):
    """The user's roles do not allow it."""

    code = "coordination_permission_denied"
    title = "The user's roles do not allow it"
    etcd = "etcdserver: permission denied"


class RoleNotGranted(Refusal):
    """It is not there to be taken away."""

    code = "coordination_role_not_granted"
    title = "It is not there to be taken away"
    etcd = "etcdserver: role is not granted to the user"


class PermissionNotGranted(Refusal):
    """It is not there to be taken away."""

    code = "coordination_permission_not_granted"
    title = "It is not there to be taken away"
    etcd = "etcdserver: permission is not granted to the role"


class AuthNotEnabled(Refusal):
    """Nobody needs to sign in."""

    code = "coordination_auth_not_enabled"
    title = "Nobody needs to sign in"
    etcd = "etcdserver: authentication is not enabled"


class InvalidToken(Nameless):
    """Sign in again."""

    code = "coordination_invalid_token"
    title = "Sign in again"
    etcd = "etcdserver: invalid auth token"


class AuthOldRevision(BadRequest):
    """Rights have changed; sign in again."""

    code = "coordination_auth_old_revision"
    title = "Rights have changed; sign in again"
    etcd = "etcdserver: revision of auth store is old"


class InvalidAuthManagement(BadRequest):
    """Root is needed while authentication is on."""

    code = "coordination_invalid_auth_management"
    title = "Root is needed while authentication is on"
    etcd = "etcdserver: invalid auth management"


class UserEmpty(BadRequest):
    """Sign in: authentication is on."""

    code = "coordination_user_empty"
    title = "Sign in: authentication is on"
    etcd = "etcdserver: user name is empty"


def _leaves(root: type[CoordinationError]) -> list[type[CoordinationError]]:
    below = root.__subclasses__()
    return [leaf for child in below for leaf in _leaves(child)] if below else [root]


BY_CODE: dict[str, type[CoordinationError]] = {leaf.code: leaf for leaf in _leaves(CoordinationError)}
"""Every leaf, by the code that a `Fault` carries."""
