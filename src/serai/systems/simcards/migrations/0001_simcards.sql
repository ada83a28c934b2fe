-- Phone numbers from their pools to their owners. Whether a number is free or held is allocation's to say; a row of
-- `numbers` appears when one is sold. Decisions: systems/simcards/numbering.

create schema simcards;
grant usage on schema simcards to serai_app, serai_jobs;

-- A range of a numbering plan. `firsts` and `lasts` are its numbers as they were when it was made: metadata may change,
-- and the place of a number must not. Its key shuffles them over the units 0 to size - 1 of the pool at allocation.
create table simcards.pools (
  tenant_id uuid not null,
  pool_id uuid not null,
  pool_no int not null,                -- at allocation
  name text not null,
  region text not null,                -- ISO 3166
  kind text not null check (kind in ('mobile', 'fixed')),
  prefix text not null,                -- of the national number
  length smallint not null,            -- digits of the national number
  firsts bigint[] not null,
  lasts bigint[] not null,
  shuffle_key bytea not null,
  quarantine_days int not null check (quarantine_days >= 0),
  prices jsonb not null,               -- minor units by class
  currency char(3) not null,
  opened_at timestamptz,               -- until then its numbers are planned
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, pool_id),
  unique (tenant_id, pool_no)
);

create table simcards.sales (
  tenant_id uuid not null,
  sale_id uuid not null,
  key bytea not null,                  -- the secret half of the capability that proves the buyer
  hold_id uuid not null,               -- the claim that was paid for
  claim_id uuid not null,              -- the claim that has the number: another one after late money
  pool_id uuid not null,
  number bigint not null,              -- E.164 without the plus
  number_class text not null,
  state text not null default 'pending' check (state in ('pending', 'sold', 'active', 'failed', 'returned')),
  version int not null default 1,
  confirmation_code text not null,
  email text not null,
  identity jsonb not null,             -- who the buyer is: name, country and document, as the law asks
  total_minor bigint not null,
  currency char(3) not null,
  attempts int not null default 1,
  request_scope bytea not null,        -- idempotency scope of the request that made the latest attempt
  refund_minor bigint not null default 0,
  refunded_at timestamptz,
  reason text not null default '',
  created_at timestamptz not null default clock_timestamp(),
  sold_at timestamptz,
  primary key (tenant_id, sale_id),
  unique (tenant_id, hold_id),
  unique (tenant_id, confirmation_code),
  foreign key (tenant_id, pool_id) references simcards.pools
) with (fillfactor = 70);
create index sales_of_number on simcards.sales (tenant_id, number);

-- Cards in stock and in use. One card has one number at a time, and a number one card.
create table simcards.cards (
  tenant_id uuid not null,
  iccid text not null,
  imsi text not null,
  number bigint,                       -- MSISDN, once it is paired
  batch text not null default '',
  added_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, iccid),
  unique (tenant_id, imsi),
  unique (tenant_id, number)
);

-- Numbers that have been somebody's, ours or brought by their owners. One that nobody ever bought has no row.
create table simcards.numbers (
  tenant_id uuid not null,
  number bigint not null,
  pool_id uuid,                        -- null: ported in
  unit_key bigint,                     -- in its pool
  state text not null check (state in ('available', 'sold', 'active', 'ported_out', 'quarantine', 'retired')),
  sale_id uuid,                        -- the one that it is with
  rests_until timestamptz,
  changed_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, number),
  foreign key (tenant_id, pool_id) references simcards.pools,
  check ((pool_id is null) = (unit_key is null)),
  check ((state = 'quarantine') = (rests_until is not null))
) with (fillfactor = 80);
create index numbers_by_state on simcards.numbers (tenant_id, pool_id, state);
create index numbers_resting on simcards.numbers (rests_until) where state = 'quarantine';

-- What happened to a number, in order. No line is ever changed.
create table simcards.number_log (
  tenant_id uuid not null,
  entry_no bigint generated always as identity,
  number bigint not null,
  at timestamptz not null default clock_timestamp(),
  move text not null,
  state text not null,                 -- what it became
  actor text not null,
  note text not null default '',
  primary key (tenant_id, entry_no)
);
create index number_log_of_number on simcards.number_log (tenant_id, number, entry_no);

-- Requests to bring a number along or take it away; legal moves: systems/simcards/porting.py.
create table simcards.portings (
  tenant_id uuid not null,
  porting_id uuid not null,
  key bytea not null,                  -- the secret half of the capability that proves who asked
  direction text not null check (direction in ('in', 'out')),
  number bigint not null,
  state text not null default 'requested'
    check (state in ('requested', 'accepted', 'completed', 'rejected', 'withdrawn')),
  carrier text not null,               -- the other one
  name text not null,
  reason text not null default '',
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, porting_id)
);
create unique index portings_one_open on simcards.portings (tenant_id, number) where state in ('requested', 'accepted');

-- Numbers shown masked, for their finder to hold. Old ones are deleted.
create table simcards.candidates (
  tenant_id uuid not null,
  candidate_id uuid not null,
  key bytea not null,
  pool_id uuid not null,
  unit_key bigint not null,
  shown_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, candidate_id)
);
create index candidates_by_age on simcards.candidates (shown_at);

-- How much somebody has been shown today: what nobody may exceed who browses.
create table simcards.shown (
  tenant_id uuid not null,
  who text not null,                   -- a principal, or an address of guests
  day date not null default (clock_timestamp() at time zone 'UTC')::date,
  candidates int not null default 0,
  numbers int not null default 0,
  primary key (tenant_id, who, day)
) with (fillfactor = 60);

call runtime.tenant_table('simcards.pools', 'select, insert, update');
call runtime.tenant_table('simcards.sales', 'select, insert, update');
call runtime.tenant_table('simcards.cards', 'select, insert, update');
call runtime.tenant_table('simcards.numbers', 'select, insert, update');
call runtime.tenant_table('simcards.number_log', 'select, insert');
call runtime.tenant_table('simcards.portings', 'select, insert, update');
call runtime.tenant_table('simcards.candidates', 'select, insert');
call runtime.tenant_table('simcards.shown', 'select, insert, update');
call runtime.jobs_table('simcards.numbers', 'select');
call runtime.jobs_table('simcards.pools', 'select');
call runtime.jobs_table('simcards.candidates', 'select, delete');
call runtime.jobs_table('simcards.shown', 'select, delete');
