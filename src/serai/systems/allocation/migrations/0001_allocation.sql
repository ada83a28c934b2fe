-- Scarce things and claims on them. Decisions: mechanisms/allocation; queries: systems/allocation/store.py.

create schema allocation;
grant usage on schema allocation to serai_app, serai_jobs;

create type allocation.unit_state as enum ('free', 'held', 'sold', 'blocked');
create type allocation.claim_state as enum
  ('held', 'paying', 'unknown', 'confirmed', 'released', 'expired', 'cancelled');

-- One pool a show, a number range, a room type. `version` rises with every change of its units, as the last
-- statement of the changing transaction: whoever reads it with the units in one statement has a consistent picture.
create table allocation.pools (
  tenant_id uuid not null,
  pool_no int generated always as identity,
  owner text not null,                 -- the system whose things these are
  version bigint not null default 1,
  primary key (tenant_id, pool_no)
) with (fillfactor = 50);

-- One row per sellable thing. No index beside the key: every change is a heap-only update.
create table allocation.units (
  tenant_id uuid not null,
  pool_no int not null,
  key bigint not null,
  state allocation.unit_state not null default 'free',
  claim_id uuid,
  expires_at timestamptz,
  primary key (tenant_id, pool_no, key),
  foreign key (tenant_id, pool_no) references allocation.pools on delete cascade,
  check ((state in ('held', 'sold')) = (claim_id is not null)),
  check ((state = 'held') = (expires_at is not null))
) with (fillfactor = 60);

create table allocation.claims (
  tenant_id uuid not null,
  claim_id uuid not null,
  key bytea not null,                  -- the secret half of the capability that proves the holder
  owner text not null,
  holder text not null,                -- who made it, for the limit of holds a session
  state allocation.claim_state not null,
  version int not null default 1,
  expires_at timestamptz not null,     -- end of the hold; while paying, the payment's deadline; in doubt, infinity
  held_until timestamptz not null,     -- end of the hold itself, to which a declined payment returns
  payments int not null default 0,     -- attempts so far
  created_at timestamptz not null default clock_timestamp(),
  terms jsonb not null,                -- what the owner promised (prices); opaque here
  primary key (tenant_id, claim_id)
) with (fillfactor = 70);
create index claims_due on allocation.claims (expires_at) where state in ('held', 'paying');
create index claims_of_holder on allocation.claims (tenant_id, owner, holder) where state in ('held', 'paying');

create table allocation.claim_lines (
  tenant_id uuid not null,
  claim_id uuid not null,
  pool_no int not null,
  key bigint not null,
  primary key (tenant_id, claim_id, pool_no, key)
);

-- What happened, in order: entry_no is drawn while the units are locked. Nobody may change or delete a line.
create table allocation.ledger (
  tenant_id uuid not null,
  entry_no bigint generated always as identity,
  at timestamptz not null default clock_timestamp(),
  move text not null,
  claim_id uuid,
  pool_no int not null,
  keys bigint[] not null,
  state allocation.unit_state not null,     -- what the units became
  unit_claim_id uuid,
  expires_at timestamptz,
  displaced uuid[] not null default '{}',   -- expired claims whose units were taken over
  actor text not null default '',
  primary key (tenant_id, entry_no)
);
create index ledger_of_pool on allocation.ledger (tenant_id, pool_no, entry_no);

call runtime.tenant_table('allocation.pools');
call runtime.tenant_table('allocation.units');
call runtime.tenant_table('allocation.claims', 'select, insert, update');
call runtime.tenant_table('allocation.claim_lines', 'select, insert');
call runtime.tenant_table('allocation.ledger', 'select, insert');
call runtime.jobs_table('allocation.pools', 'select, update');
call runtime.jobs_table('allocation.units', 'select, update');
call runtime.jobs_table('allocation.claims', 'select, update');
call runtime.jobs_table('allocation.claim_lines', 'select');
call runtime.jobs_table('allocation.ledger', 'select, insert');
