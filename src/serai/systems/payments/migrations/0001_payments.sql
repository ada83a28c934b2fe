-- Payments as we know them; the gateway knows its own side. Decisions: mechanisms/payments/saga.py.

create schema payments;
grant usage on schema payments to serai_app, serai_jobs;

create table payments.payments (
  tenant_id uuid not null,
  payment_id uuid not null,
  owner text not null,                    -- the system whose order this pays
  order_id uuid not null,
  attempt int not null,                   -- with the order the idempotency key: a declined card does not block the next
  amount_minor bigint not null check (amount_minor > 0),
  currency char(3) not null,
  method text not null,                   -- the gateway's token; card numbers never come here
  description text not null,
  state text not null,
  version int not null default 1,
  intent_id text,                         -- the gateway's name for it, once known
  decline_code text,
  action_url text,                        -- where the buyer proves who he is, if the bank wants that
  refund_minor bigint not null default 0 check (refund_minor between 0 and amount_minor),
  created_at timestamptz not null default clock_timestamp(),
  deadline timestamptz not null,          -- until when a buyer may still authenticate
  next_try timestamptz,                   -- when recovery looks at it; null: resting
  tries int not null default 0,
  primary key (tenant_id, payment_id),
  unique (tenant_id, owner, order_id, attempt)
) with (fillfactor = 70);
create index payments_due on payments.payments (next_try) where next_try is not null;
create index payments_age on payments.payments (created_at);

call runtime.tenant_table('payments.payments', 'select, insert, update');
call runtime.jobs_table('payments.payments', 'select, update');

-- What the reconciler found to differ between the gateway's list and ours; kept until a person has looked.
create table payments.differences (
  tenant_id uuid not null,
  difference_id uuid not null,
  found_at timestamptz not null default clock_timestamp(),
  kind text not null,
  payment_id uuid,
  intent_id text,
  detail text not null,
  settled_at timestamptz,
  primary key (tenant_id, difference_id),
  unique nulls not distinct (tenant_id, kind, payment_id, intent_id)
);
call runtime.tenant_table('payments.differences', 'select, update');
call runtime.jobs_table('payments.differences', 'select, insert, update');
