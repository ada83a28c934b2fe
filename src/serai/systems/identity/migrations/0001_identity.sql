-- Who somebody is. Everything but users belongs to one organisation (= tenant) and lies behind row-level security.
--
-- Four questions must be answered before a tenant is known: whose site is this slug, whose password is this, which
-- organisations may they enter, and who has a demo password. Each is one function of serai_owner that takes the exact
-- thing asked for and returns only its row; serai_app cannot list across tenants. Keys and sessions need no such
-- function: their text carries the tenant, so that they are looked up inside a transaction of that tenant.

create schema identity;
grant usage on schema identity to serai_app, serai_jobs;

create table identity.organisations (
  tenant_id uuid primary key,
  slug text not null unique check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  name text not null check (length(name) between 1 and 200),
  created_at timestamptz not null default clock_timestamp()
);
call runtime.tenant_table('identity.organisations', 'select, insert');
grant update (name) on identity.organisations to serai_app;

-- A person may belong to many organisations, so a user has no tenant_id. serai_app sees those who are members of the
-- transaction's tenant, and never reads a password hash from here.
create table identity.users (
  id uuid primary key,
  email text not null check (length(email) between 3 and 254),
  email_key text not null unique, -- the e-mail address folded by the application: independent of the server's locale
  name text not null check (length(name) between 1 and 200),
  password_hash text not null, -- argon2id in the PHC string format
  demo_password boolean not null default false, -- printed by the demo: must not be reachable from outside
  session_epoch int not null default 1, -- raised to end all sessions at once, in every organisation
  created_at timestamptz not null default clock_timestamp()
);

create table identity.memberships (
  tenant_id uuid not null,
  user_id uuid not null,
  roles text[] not null check (cardinality(roles) between 1 and 32),
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, user_id)
);
create index memberships_by_user on identity.memberships (user_id);
call runtime.tenant_table('identity.memberships');

alter table identity.users enable row level security;
alter table identity.users force row level security;
create policy maintenance on identity.users to serai_owner using (true) with check (true);
create policy members on identity.users to serai_app using (exists (
  select from identity.memberships m
  where m.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid and m.user_id = users.id));
grant select (id, email, name, session_epoch, created_at) on identity.users to serai_app;
grant update (name, password_hash, demo_password, session_epoch) on identity.users to serai_app;

create table identity.sessions (
  tenant_id uuid not null,
  token_hash bytea not null check (length(token_hash) = 32), -- SHA-256: a stolen backup opens nothing
  id uuid not null, -- names the session to its user without opening it
  user_id uuid not null,
  device text not null, -- 'Firefox on Linux', so that its user recognises it
  address text not null,
  epoch int not null,
  created_at timestamptz not null default clock_timestamp(),
  last_seen_at timestamptz not null default clock_timestamp(), -- written at most once a minute
  expires_at timestamptz not null,
  primary key (tenant_id, token_hash),
  unique (tenant_id, id)
);
create index sessions_by_user on identity.sessions (tenant_id, user_id, created_at);
create index sessions_by_expiry on identity.sessions (expires_at);
call runtime.tenant_table('identity.sessions');
call runtime.jobs_table('identity.sessions', 'select, delete');

create table identity.api_keys (
  tenant_id uuid not null,
  id uuid not null,
  secret_hash bytea not null check (length(secret_hash) = 32),
  hint text not null, -- how the key's text begins, so that its owner recognises it
  name text not null check (length(name) between 1 and 200),
  roles text[] not null check (cardinality(roles) between 1 and 32),
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  last_used_at timestamptz, -- written at most once a minute
  expires_at timestamptz,
  revoked_at timestamptz,
  primary key (tenant_id, id),
  unique (tenant_id, secret_hash)
);
call runtime.tenant_table('identity.api_keys', 'select, insert');
grant update (last_used_at, revoked_at) on identity.api_keys to serai_app;

create function identity.key_state(revoked_at timestamptz, expires_at timestamptz) returns text
language sql volatile as $$
  select case when revoked_at is not null then 'revoked'
              when expires_at <= clock_timestamp() then 'expired' else 'active' end
$$;

create function identity.organisation_of(asked_slug text) returns table (tenant_id uuid, slug text, name text)
language sql stable security definer set search_path = pg_catalog as $$
  select o.tenant_id, o.slug, o.name from identity.organisations o where o.slug = asked_slug
$$;

create function identity.memberships_of(asked_user uuid)
returns table (tenant_id uuid, slug text, name text, roles text[], since timestamptz)
language sql stable security definer set search_path = pg_catalog as $$
  select o.tenant_id, o.slug, o.name, m.roles, m.created_at
  from identity.memberships m join identity.organisations o on o.tenant_id = m.tenant_id
  where m.user_id = asked_user order by m.created_at, m.tenant_id
$$;

create function identity.credentials_of(asked_email_key text)
returns table (user_id uuid, name text, password_hash text, session_epoch int)
language sql stable security definer set search_path = pg_catalog as $$
  select u.id, u.name, u.password_hash, u.session_epoch from identity.users u where u.email_key = asked_email_key
$$;

-- The user of this e-mail address: a new one, or the one who is there, untouched.
create function identity.add_user(new_id uuid, new_email text, new_email_key text, new_name text, new_hash text,
                                  new_demo boolean)
returns table (user_id uuid, added boolean)
language plpgsql security definer set search_path = pg_catalog as $$
begin
  insert into identity.users (id, email, email_key, name, password_hash, demo_password)
  values (new_id, new_email, new_email_key, new_name, new_hash, new_demo)
  on conflict (email_key) do nothing;
  return query select u.id, u.id = new_id from identity.users u where u.email_key = new_email_key;
end $$;

create function identity.demo_users() returns table (email text)
language sql stable security definer set search_path = pg_catalog as $$
  select u.email from identity.users u where u.demo_password
$$;

revoke execute on all functions in schema identity from public;
grant execute on all functions in schema identity to serai_app;
