"""Identity's rows. Each function is one statement, named by what it is for.

All run inside the caller's transaction. Those marked 'any tenant' call a function of serai_owner that answers for
exactly one slug, user or e-mail address; see the head of migrations/0001_identity.sql.
"""

from datetime import datetime
from uuid import UUID

from psycopg.errors import UniqueViolation

from serai.runtime.postgres.database import Row, Transaction
from serai.systems.identity.errors import SlugTaken
from serai.systems.identity.model import (
    ApiKey,
    Credentials,
    Member,
    Membership,
    NewUser,
    Organisation,
    Session,
    email_key,
)

# Organisations


async def add_organisation(tx: Transaction, slug: str, name: str) -> Organisation:
    """The transaction's tenant comes into being. Raises SlugTaken; the unique index on slug decides."""
    try:
        await tx.execute(
            "insert into identity.organisations (tenant_id, slug, name) values (%s, %s, %s)", (tx.owner, slug, name)
        )
    except UniqueViolation as error:
        raise SlugTaken(f"An organisation with the slug {slug!r} exists already; choose another.") from error
    return Organisation(tx.owner, slug, name)


async def organisation_of(tx: Transaction, slug: str) -> Organisation | None:
    """Whose slug this is (any tenant)."""
    row = await tx.fetch_one("select tenant_id, slug, name from identity.organisation_of(%s)", (slug,))
    return Organisation(*row) if row else None


async def memberships_of(tx: Transaction, user: UUID) -> list[Membership]:
    """Where a user is a member, the oldest membership first (any tenant)."""
    rows = await tx.fetch("select tenant_id, slug, name, roles, since from identity.memberships_of(%s)", (user,))
    return [Membership(Organisation(*row[:3]), tuple(row[3]), row[4]) for row in rows]


async def own_organisation(tx: Transaction) -> Organisation | None:
    """The transaction's tenant, by primary key."""
    row = await tx.fetch_one(
        "select tenant_id, slug, name from identity.organisations where tenant_id = %s", (tx.owner,)
    )
    return Organisation(*row) if row else None


# Users and memberships


async def add_user(tx: Transaction, new_id: UUID, new: NewUser) -> tuple[UUID, bool]:
    """The user of this e-mail address and whether they are new; an existing one stays as they are (any tenant)."""
    row = await tx.fetch_one(
        "select user_id, added from identity.add_user(%s, %s, %s, %s, %s, %s)",
        (new_id, new.email, email_key(new.email), new.name, new.password_hash, new.demo),
    )
    assert row is not None, "add_user finds the row that it could not insert"
    return row[0], row[1]


async def credentials_of(tx: Transaction, email: str) -> Credentials | None:
    """What a sign-in is checked against (any tenant)."""
    row = await tx.fetch_one(
        "select user_id, name, password_hash, session_epoch from identity.credentials_of(%s)", (email_key(email),)
    )
    return Credentials(*row) if row else None


async def add_member(tx: Transaction, user: UUID, roles: tuple[str, ...]) -> bool:
    """Whether the membership is new; an existing one keeps its roles."""
    return (
        await tx.execute(
            "insert into identity.memberships (tenant_id, user_id, roles) values (%s, %s, %s) on conflict do nothing",
            (tx.owner, user, list(roles)),
        )
        == 1
    )


async def member(tx: Transaction, user: UUID) -> Member | None:
    """One member of the tenant."""
    row = await tx.fetch_one(
        "select u.id, u.email, u.name, m.roles, m.created_at"
        " from identity.memberships m join identity.users u on u.id = m.user_id"
        " where m.tenant_id = %s and m.user_id = %s",
        (tx.owner, user),
    )
    return _member(row) if row else None


async def members(tx: Transaction, after: UUID | None, limit: int) -> list[Member]:
    """Members behind a user id, in its order: the memberships' primary key."""
    rows = await tx.fetch(
        "select u.id, u.email, u.name, m.roles, m.created_at"
        " from identity.memberships m join identity.users u on u.id = m.user_id"
        " where m.tenant_id = %s and (%s::uuid is null or m.user_id > %s) order by m.user_id limit %s",
        (tx.owner, after, after, limit),
    )
    return [_member(row) for row in rows]


async def lock_roles(tx: Transaction, user: UUID) -> dict[UUID, tuple[str, ...]]:
    """Roles of this member and of every owner, locked in sorted order.

    So two demotions at once cannot each rely on the other owner to remain.
    """
    rows = await tx.fetch(
        "select user_id, roles from identity.memberships"
        " where tenant_id = %s and (user_id = %s or roles && array['owner', '*']) order by user_id for update",
        (tx.owner, user),
    )
    return {member: tuple(roles) for member, roles in rows}


async def set_roles(tx: Transaction, user: UUID, roles: tuple[str, ...]) -> None:
    """Replaces a member's roles."""
    await tx.execute(
        "update identity.memberships set roles = %s where tenant_id = %s and user_id = %s",
        (list(roles), tx.owner, user),
    )


async def remove_member(tx: Transaction, user: UUID) -> None:
    """Ends a membership. Its sessions end with it: a session is only valid beside a membership."""
    await tx.execute("delete from identity.memberships where tenant_id = %s and user_id = %s", (tx.owner, user))


async def replace_password(tx: Transaction, user: UUID, password_hash: str) -> None:
    """Sets another password and ends every session of the user, in every organisation."""
    await tx.execute(
        "update identity.users set password_hash = %s, demo_password = false, session_epoch = session_epoch + 1"
        " where id = %s",
        (password_hash, user),
    )


async def renew_hash(tx: Transaction, user: UUID, password_hash: str) -> None:
    """The same password under today's parameters: sessions stay."""
    await tx.execute("update identity.users set password_hash = %s where id = %s", (password_hash, user))


async def demo_emails(tx: Transaction) -> set[str]:
    """Who can sign in with a password that the demo printed (any tenant)."""
    return {email for (email,) in await tx.fetch("select email from identity.demo_users()")}


# Sessions


async def add_session(
    tx: Transaction, *, digest: bytes, session_id: UUID, user: UUID, device: str, address: str, absolute_s: int
) -> datetime:
    """A session from now by the database's clock; returns when it ends at the latest."""
    row = await tx.fetch_one(
        "insert into identity.sessions (tenant_id, token_hash, id, user_id, device, address, epoch, expires_at)"
        " select %s, %s, %s, u.id, %s, %s, u.session_epoch, clock_timestamp() + make_interval(secs => %s)"
        " from identity.users u where u.id = %s returning expires_at",
        (tx.owner, digest, session_id, device, address, absolute_s, user),
    )
    assert row is not None, "a session is added for a member of the transaction's tenant"
    ends: datetime = row[0]
    return ends


async def sessions(tx: Transaction, user: UUID, current: bytes, idle_s: int, limit: int) -> list[Session]:
    """A user's live sessions in this tenant, the last used first; `current` is the digest of the one that asks."""
    rows = await tx.fetch(
        "select s.id, s.device, s.address, s.created_at, s.last_seen_at, s.token_hash = %s"
        " from identity.sessions s join identity.users u on u.id = s.user_id and u.session_epoch = s.epoch"
        " where s.tenant_id = %s and s.user_id = %s and s.expires_at > clock_timestamp()"
        " and s.last_seen_at > clock_timestamp() - make_interval(secs => %s) order by s.last_seen_at desc limit %s",
        (current, tx.owner, user, idle_s, limit),
    )
    return [Session(*row) for row in rows]


async def end_session_of(tx: Transaction, user: UUID, session_id: UUID) -> None:
    """Ends one of the user's own sessions."""
    await tx.execute(
        "delete from identity.sessions where tenant_id = %s and id = %s and user_id = %s",
        (tx.owner, session_id, user),
    )


async def end_oldest_sessions(tx: Transaction, user: UUID, keep_max: int) -> int:
    """Ends a user's oldest sessions beyond `keep_max`, by the index sessions_by_user."""
    return await tx.execute(
        "delete from identity.sessions where tenant_id = %s and token_hash in (select token_hash"
        " from identity.sessions where tenant_id = %s and user_id = %s order by created_at desc offset %s)",
        (tx.owner, tx.owner, user, keep_max),
    )


async def live_session(tx: Transaction, digest: bytes, idle_s: int, touch_s: int) -> tuple[Member, str, bool] | None:
    """Whose session this is, if it lives; the organisation's name; whether last_seen_at is older than `touch_s`."""
    row = await tx.fetch_one(
        "select u.id, u.email, u.name, m.roles, m.created_at, o.name,"
        " s.last_seen_at < clock_timestamp() - make_interval(secs => %s)"
        " from identity.sessions s join identity.users u on u.id = s.user_id and u.session_epoch = s.epoch"
        " join identity.memberships m on m.tenant_id = s.tenant_id and m.user_id = s.user_id"
        " join identity.organisations o on o.tenant_id = s.tenant_id"
        " where s.tenant_id = %s and s.token_hash = %s and s.expires_at > clock_timestamp()"
        " and s.last_seen_at > clock_timestamp() - make_interval(secs => %s)",
        (touch_s, tx.owner, digest, idle_s),
    )
    return (_member(row), row[5], row[6]) if row else None


async def touch_session(tx: Transaction, digest: bytes) -> None:
    """The session was used now."""
    await tx.execute(
        "update identity.sessions set last_seen_at = clock_timestamp() where tenant_id = %s and token_hash = %s",
        (tx.owner, digest),
    )


async def end_session(tx: Transaction, digest: bytes) -> None:
    """One session ends."""
    await tx.execute("delete from identity.sessions where tenant_id = %s and token_hash = %s", (tx.owner, digest))


async def end_all_sessions(tx: Transaction, user: UUID) -> None:
    """Every session of the user ends, in every organisation: their epoch no longer fits."""
    await tx.execute("update identity.users set session_epoch = session_epoch + 1 where id = %s", (user,))


async def forget_expired_sessions(tx: Transaction, idle_s: int, batch_max: int) -> int:
    """Deletes dead sessions, across tenants (role serai_jobs); returns how many. Scans by sessions_by_expiry."""
    return await tx.execute(
        "delete from identity.sessions where (tenant_id, token_hash) in (select tenant_id, token_hash"
        " from identity.sessions where expires_at < clock_timestamp()"
        " or last_seen_at < clock_timestamp() - make_interval(secs => %s) limit %s)",
        (idle_s, batch_max),
    )


# API keys


async def add_key(
    tx: Transaction,
    *,
    key_id: UUID,
    digest: bytes,
    hint: str,
    name: str,
    roles: tuple[str, ...],
    created_by: str,
    life_s: int | None,
) -> ApiKey:
    """A key that lives `life_s` from now, or until it is revoked."""
    row = await tx.fetch_one(
        "insert into identity.api_keys (tenant_id, id, secret_hash, hint, name, roles, created_by, expires_at)"
        " values (%s, %s, %s, %s, %s, %s, %s, clock_timestamp() + make_interval(secs => %s))"
        " returning id, hint, name, roles, created_by, created_at, last_used_at, expires_at, revoked_at,"
        " identity.key_state(revoked_at, expires_at)",
        (tx.owner, key_id, digest, hint, name, list(roles), created_by, life_s),
    )
    assert row is not None
    return _key(row)


async def live_keys(tx: Transaction) -> int:
    """How many keys of the tenant open something."""
    row = await tx.fetch_one(
        "select count(*) from identity.api_keys where tenant_id = %s and revoked_at is null"
        " and (expires_at is null or expires_at > clock_timestamp())",
        (tx.owner,),
    )
    assert row is not None
    return int(row[0])


async def keys(tx: Transaction, after: UUID | None, limit: int) -> list[ApiKey]:
    """Keys older than the one with id `after`, the newest first: ids are ordered by time."""
    rows = await tx.fetch(
        "select id, hint, name, roles, created_by, created_at, last_used_at, expires_at, revoked_at,"
        " identity.key_state(revoked_at, expires_at)"
        " from identity.api_keys"
        " where tenant_id = %s and (%s::uuid is null or id < %s) order by id desc limit %s",
        (tx.owner, after, after, limit),
    )
    return [_key(row) for row in rows]


async def key(tx: Transaction, key_id: UUID) -> ApiKey | None:
    """One key of the tenant."""
    row = await tx.fetch_one(
        "select id, hint, name, roles, created_by, created_at, last_used_at, expires_at, revoked_at,"
        " identity.key_state(revoked_at, expires_at)"
        " from identity.api_keys where tenant_id = %s and id = %s",
        (tx.owner, key_id),
    )
    return _key(row) if row else None


async def live_key(tx: Transaction, digest: bytes, touch_s: int) -> tuple[ApiKey, bool] | None:
    """Which key this is, if it opens anything; and whether its last_used_at is older than `touch_s`."""
    row = await tx.fetch_one(
        "select id, hint, name, roles, created_by, created_at, last_used_at, expires_at, revoked_at,"
        " identity.key_state(revoked_at, expires_at),"
        " coalesce(last_used_at < clock_timestamp() - make_interval(secs => %s), true)"
        " from identity.api_keys where tenant_id = %s and secret_hash = %s and revoked_at is null"
        " and (expires_at is null or expires_at > clock_timestamp())",
        (touch_s, tx.owner, digest),
    )
    return (_key(row), row[10]) if row else None


async def touch_key(tx: Transaction, key_id: UUID) -> None:
    """The key was used now."""
    await tx.execute(
        "update identity.api_keys set last_used_at = clock_timestamp() where tenant_id = %s and id = %s",
        (tx.owner, key_id),
    )


async def revoke_key(tx: Transaction, key_id: UUID) -> bool:
    """Whether there is such a key; revoking twice keeps the first moment."""
    return (
        await tx.execute(
            "update identity.api_keys set revoked_at = coalesce(revoked_at, clock_timestamp())"
            " where tenant_id = %s and id = %s",
            (tx.owner, key_id),
        )
        == 1
    )


def _member(row: Row) -> Member:
    return Member(row[0], row[1], row[2], tuple(row[3]), row[4])


def _key(row: Row) -> ApiKey:
    return ApiKey(row[0], row[1], row[2], tuple(row[3]), *row[4:10])


async def live_sessions(tx: Transaction) -> int:
    """Sessions of every organisation that have not expired (role serai_jobs); by the index sessions_by_expiry."""
    row = await tx.fetch_one("select count(*) from identity.sessions where expires_at > clock_timestamp()")
    assert row is not None
    return int(row[0])
