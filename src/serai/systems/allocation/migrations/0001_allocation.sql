-- Scarce things and claims on them. Decisions: mechanisms/allocation; queries: systems/allocation/store.py.

create schema allocation;
grant usage on schema allocation to serai_app, serai_jobs;

create type allocation.unit_state as enum ('free', 'held', 'sold', 'blocked');
create type allocation.claim_state as enum
  ('held', 'paying', 'unknown', 'confirmed', 'released', 'expired', 'cancelled');

-- One pool a show, a number range, a room type. `version` rises with every change of its units that anybody can see,
-- and so do the versions of its counters: whoever adds them up in the statement that reads the rows has a consistent
-- picture. It is what a unit's buyers queue for; a hot counter's do not touch it.
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
  foreign key (tenant_id, pool_no) references allocation.pools,
  check ((state in ('held', 'sold')) = (claim_id is not null)),
  check ((state = 'held') = (expires_at is not null))
) with (fillfactor = 60);

-- One row per bucket of a countable thing: general admission, a stock level, a room type in a night. A counter that is
-- not hot has one bucket. The checks are the last word: no statement, however wrong, sells more than there is.
create table allocation.counters (
  tenant_id uuid not null,
  pool_no int not null,
  key bigint not null,
  bucket smallint not null,
  capacity bigint not null,               -- below 0 only where it may be oversold: the last check says by how much
  overbook bigint not null default 0 check (overbook >= 0),    -- what may be sold beyond the capacity
  held bigint not null default 0 check (held >= 0),
  sold bigint not null default 0 check (sold >= 0),
  version bigint not null default 1,
  primary key (tenant_id, pool_no, key, bucket),
  foreign key (tenant_id, pool_no) references allocation.pools,
  check (held + sold <= capacity + overbook)
) with (fillfactor = 20);

create table allocation.claims (
  tenant_id uuid not null,
  claim_id uuid not null,
  key bytea not null,                  -- the secret half of the capability that proves the holder
  owner text not null,
  holder text not null,                -- who made it, for the limit of holds a session
  state allocation.claim_state not null,
  version int not null default 1,
  expires_at timestamptz not null,     -- end of the hold; while paying, the payment's deadline; in doubt, the year 9999
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

create table allocation.claim_counts (
  tenant_id uuid not null,
  claim_id uuid not null,
  pool_no int not null,
  key bigint not null,
  bucket smallint not null,
  count bigint not null check (count > 0),
  primary key (tenant_id, claim_id, pool_no, key, bucket)
);

-- What happened, in order: entry_no is drawn while the rows are locked. Nobody may change or delete a line.
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

create table allocation.counter_ledger (
  tenant_id uuid not null,
  entry_no bigint generated always as identity,
  at timestamptz not null default clock_timestamp(),
  move text not null,
  claim_id uuid,
  pool_no int not null,
  key bigint not null,
  bucket smallint not null,
  capacity bigint not null,            -- this and the next three: what the row became
  overbook bigint not null,
  held bigint not null,
  sold bigint not null,
  actor text not null default '',
  primary key (tenant_id, entry_no)
);
create index counter_ledger_of_counter on allocation.counter_ledger (tenant_id, pool_no, key, bucket, entry_no);

-- How many live claims a holder has. Locks the holder until the transaction ends, and then looks: a plain count in the
-- claiming statement would let simultaneous requests of one holder each see none.
create function allocation.lock_holder(of_tenant uuid, of_owner text, of_holder text) returns bigint
language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(concat_ws('/', of_tenant, of_owner, of_holder), 386723));
  return (select count(*) from allocation.claims
          where tenant_id = of_tenant and owner = of_owner and holder = of_holder
            and state in ('held', 'paying') and expires_at > clock_timestamp());
end $$;

-- Nothing is ever deleted here, and no line of a claim or ledger is ever changed.
call runtime.tenant_table('allocation.pools', 'select, insert, update');
call runtime.tenant_table('allocation.units', 'select, insert, update');
call runtime.tenant_table('allocation.counters', 'select, insert, update');
call runtime.tenant_table('allocation.claims', 'select, insert, update');
call runtime.tenant_table('allocation.claim_lines', 'select, insert');
call runtime.tenant_table('allocation.claim_counts', 'select, insert');
call runtime.tenant_table('allocation.ledger', 'select, insert');
call runtime.tenant_table('allocation.counter_ledger', 'select, insert');
call runtime.jobs_table('allocation.pools', 'select, update');
call runtime.jobs_table('allocation.units', 'select, update');
call runtime.jobs_table('allocation.counters', 'select, update');
call runtime.jobs_table('allocation.claims', 'select, update');
call runtime.jobs_table('allocation.claim_lines', 'select');
call runtime.jobs_table('allocation.claim_counts', 'select');
call runtime.jobs_table('allocation.ledger', 'select, insert');
call runtime.jobs_table('allocation.counter_ledger', 'select, insert');
