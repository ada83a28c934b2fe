-- Lines of claims that somebody else keeps. Decisions: mechanisms/allocation/external.py.

create type allocation.line_state as enum
  ('asked', 'held', 'confirming', 'confirmed', 'returning', 'returned', 'refused', 'kept');

-- Whether the claim has such lines: else nobody looks for them.
alter table allocation.claims add column external boolean not null default false;

-- A line is written before its provider hears of it, and its id is what the provider knows it by. Whoever changes a
-- line has locked its claim before, so a claim's lines stand still while it is decided on.
create table allocation.external_lines (
  tenant_id uuid not null,
  line_id uuid not null,
  claim_id uuid not null,
  provider text not null,
  thing jsonb not null,                -- what is asked for; between the claim's owner and the provider
  state allocation.line_state not null,
  version int not null default 1,
  remote_ref text,                     -- the provider's name for it
  ends_at timestamptz,                 -- until when the provider holds it
  reason text,                         -- why it was refused or kept
  created_at timestamptz not null default clock_timestamp(),
  next_try timestamptz,                -- when recovery looks at it; null: the provider has nothing to do
  tries int not null default 0,
  primary key (tenant_id, line_id)
) with (fillfactor = 70);
create index external_lines_of_claim on allocation.external_lines (tenant_id, claim_id);
create index external_lines_due on allocation.external_lines (next_try) where next_try is not null;

create table allocation.external_ledger (
  tenant_id uuid not null,
  entry_no bigint generated always as identity,
  at timestamptz not null default clock_timestamp(),
  move text not null,                  -- the claim's move, or the provider's answer
  claim_id uuid not null,
  line_id uuid not null,
  state allocation.line_state not null,     -- this and the next two: what the line became
  remote_ref text,
  ends_at timestamptz,
  actor text not null default '',
  primary key (tenant_id, entry_no)
);
create index external_ledger_of_line on allocation.external_ledger (tenant_id, line_id, entry_no);

call runtime.tenant_table('allocation.external_lines', 'select, insert, update');
call runtime.tenant_table('allocation.external_ledger', 'select, insert');
call runtime.jobs_table('allocation.external_lines', 'select, update');
call runtime.jobs_table('allocation.external_ledger', 'select, insert');
