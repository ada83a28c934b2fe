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
  fungible boolean not null default false,
  size bigint not null,                -- units that it is to have
  filled bigint not null,              -- units that it has
  primary key (tenant_id, pool_no),
  check (filled <= size)
) with (fillfactor = 50);

-- A fungible pool may have millions of units, with the keys 0 to size - 1, filled in batches and open when it is full.
-- Its units are drawn. Nobody watches it, so its version stands still: else all buyers would queue for its row.

-- One row per sellable thing. No index beside the key: every change is a heap-only update. No foreign key to its pool
-- either: rows are made only by statements that hold the pool's row, and checking each would double the time of a fill.
create table allocation.units (
  tenant_id uuid not null,
  pool_no int not null,
  key bigint not null,
  state allocation.unit_state not null default 'free',
  claim_id uuid,
  expires_at timestamptz,
  primary key (tenant_id, pool_no, key),
  check ((state in ('held', 'sold')) = (claim_id is not null)),
  check ((state = 'held') = (expires_at is not null))
) with (fillfactor = 60);

-- Where a draw need not look: the key range of a fungible pool in blocks of 2,048 keys. `free_from` may be earlier than
-- the truth, and never later: whoever frees a unit reopens its block in the same statement, and a draw that found a
-- block empty looks again under its lock before it says so. So drawing writes nothing here while a block has units.
create table allocation.unit_blocks (
  tenant_id uuid not null,
  pool_no int not null,
  block bigint not null,               -- key >> 11
  free_from timestamptz not null default '-infinity',
  primary key (tenant_id, pool_no, block)
) with (fillfactor = 50);

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
  span int8range,                           -- where pools are filled: every key in it, instead of `keys`
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

-- Closes a block in which a draw found nothing. Under its lock and in a new statement, so with a new snapshot: whoever
-- has freed a unit of it since has either committed, and is seen, or waits here to reopen it. Never waits itself.
create function allocation.close_block(of_tenant uuid, of_pool int, of_block bigint) returns void
language plpgsql volatile as $$
declare
  opens timestamptz;
begin
  perform from allocation.unit_blocks
  where tenant_id = of_tenant and pool_no = of_pool and block = of_block for update skip locked;
  if found then
    select coalesce(min(case state when 'free' then '-infinity' when 'held' then expires_at end), 'infinity')
    into opens from allocation.units
    where tenant_id = of_tenant and pool_no = of_pool and key between of_block << 11 and (of_block << 11) + 2047;
    update allocation.unit_blocks set free_from = opens
    where tenant_id = of_tenant and pool_no = of_pool and block = of_block and opens > clock_timestamp();
  end if;
end $$;

-- Locks up to `wanted` free units with keys from `low` to `high`, in their order; null if there are none. By primary
-- key. Patient: waits for busy rows, else it skips them.
create function allocation.draw_between(of_tenant uuid, of_pool int, wanted int, low bigint, high bigint, patient bool)
returns bigint[] language plpgsql volatile as $$
begin
  if patient then
    return (select array_agg(key) from (
      select key from allocation.units
      where tenant_id = of_tenant and pool_no = of_pool and key between low and high
        and (state = 'free' or state = 'held' and expires_at <= clock_timestamp())
      order by key limit wanted for update) as waited);
  end if;
  return (select array_agg(key) from (
    select key from allocation.units
    where tenant_id = of_tenant and pool_no = of_pool and key between low and high
      and (state = 'free' or state = 'held' and expires_at <= clock_timestamp())
    order by key limit wanted for update skip locked) as skipped);
end $$;

-- Draws from a fungible pool of `size` keys, going round its open blocks from `start`. A quick draw that is content
-- closes what it found empty on its way. No other does: who goes on to wait for units may not keep others, who have
-- units, from reopening a block.
create function allocation.draw_blocks(of_tenant uuid, of_pool int, wanted int, size bigint, start bigint, patient bool)
returns bigint[] language plpgsql volatile as $$
declare
  open_block bigint;
  low bigint;
  high bigint;
  more bigint[];
  drawn bigint[] := '{}';
  empty bigint[] := '{}';
begin
  for turn in 0..1 loop
    for open_block in
      select block from allocation.unit_blocks
      where tenant_id = of_tenant and pool_no = of_pool and free_from <= clock_timestamp()
        and block between case turn when 0 then start >> 11 else 0 end
                      and case turn when 0 then size >> 11 else start >> 11 end
      order by block
    loop
      low := open_block << 11;
      high := low + 2047;
      more := allocation.draw_between(of_tenant, of_pool, wanted - cardinality(drawn),
                                      case turn when 0 then greatest(low, start) else low end,
                                      case turn when 0 then high else least(high, start - 1) end, patient);
      drawn := drawn || coalesce(more, '{}');
      if cardinality(drawn) = wanted then
        if not patient then
          perform allocation.close_block(of_tenant, of_pool, block) from unnest(empty) as block;
        end if;
        return drawn;
      end if;
      if more is null and (turn = 1 or start <= low) then
        empty := empty || open_block;
      end if;
    end loop;
  end loop;
  return drawn;
end $$;

-- Locks up to `wanted` free units of a pool and returns their keys; null if the pool is not full yet.
-- Quick: from the point that `chance` (0 to 1) chooses, round all keys, skipping busy rows. Patient: from the lowest key,
-- waiting for busy rows; what it does not find then was not there.
create function allocation.draw_units(of_tenant uuid, of_pool int, wanted int, chance float8, patient bool)
returns bigint[] language plpgsql volatile as $$
declare
  pool record;
  start bigint;
  last bigint;
  above bigint[];
begin
  select fungible, size, filled into pool from allocation.pools where tenant_id = of_tenant and pool_no = of_pool;
  if not found then
    return '{}';
  elsif pool.filled < pool.size then
    return null;
  end if;
  if patient then
    chance := 0;
  end if;
  if pool.fungible then
    return allocation.draw_blocks(of_tenant, of_pool, wanted, pool.size, floor(pool.size * chance)::bigint, patient);
  end if;
  select min(key), max(key) into start, last from allocation.units
  where tenant_id = of_tenant and pool_no = of_pool;
  start := start + floor((last - start + 1) * chance)::bigint;
  above := coalesce(allocation.draw_between(of_tenant, of_pool, wanted, start, last, patient), '{}');
  if cardinality(above) = wanted then
    return above;
  end if;
  return above || coalesce(allocation.draw_between(of_tenant, of_pool, wanted - cardinality(above),
                                                   -9223372036854775808, start - 1, patient), '{}');
end $$;

-- Nothing is ever deleted here, and no line of a claim or ledger is ever changed.
call runtime.tenant_table('allocation.pools', 'select, insert, update');
call runtime.tenant_table('allocation.units', 'select, insert, update');
call runtime.tenant_table('allocation.unit_blocks', 'select, insert, update');
call runtime.tenant_table('allocation.counters', 'select, insert, update');
call runtime.tenant_table('allocation.claims', 'select, insert, update');
call runtime.tenant_table('allocation.claim_lines', 'select, insert');
call runtime.tenant_table('allocation.claim_counts', 'select, insert');
call runtime.tenant_table('allocation.ledger', 'select, insert');
call runtime.tenant_table('allocation.counter_ledger', 'select, insert');
call runtime.jobs_table('allocation.pools', 'select, update');
call runtime.jobs_table('allocation.units', 'select, update');
call runtime.jobs_table('allocation.unit_blocks', 'select, update');
call runtime.jobs_table('allocation.counters', 'select, update');
call runtime.jobs_table('allocation.claims', 'select, update');
call runtime.jobs_table('allocation.claim_lines', 'select');
call runtime.jobs_table('allocation.claim_counts', 'select');
call runtime.jobs_table('allocation.ledger', 'select, insert');
call runtime.jobs_table('allocation.counter_ledger', 'select, insert');
