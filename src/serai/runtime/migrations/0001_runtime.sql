-- What every system stands on: row-level security by one procedure, the outbox, and idempotency keys.

create schema if not exists runtime;
grant usage on schema runtime to serai_app, serai_jobs;

-- Makes a table multi-tenant: rows are visible and writable only inside a transaction of their tenant.
-- An unset tenant is NULL (SET LOCAL leaves an empty string behind, hence nullif) and matches nothing.
create procedure runtime.tenant_table(target regclass, privileges text default 'select, insert, update, delete')
language plpgsql as $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('create policy tenant on %s to serai_app using (%2$s) with check (%2$s)', target,
                 'tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid');
  execute format('create policy maintenance on %s to serai_owner using (true) with check (true)', target);
  execute format('grant %s on %s to serai_app', privileges, target);
end $$;

-- Opens a table to the workers that cross tenants (sweeper, relay, reconciler); listed in docs/reference/roles.md.
create procedure runtime.jobs_table(target regclass, privileges text)
language plpgsql as $$
begin
  execute format('create policy workers on %s to serai_jobs using (true) with check (true)', target);
  execute format('grant %s on %s to serai_jobs', privileges, target);
end $$;

-- One row per change, written in the change's own transaction. event_no is drawn under the aggregate's lock, so it
-- orders the events of one aggregate; across aggregates it promises nothing.
create table runtime.outbox (
  tenant_id uuid not null,
  event_no bigint generated always as identity,
  id uuid not null,
  topic text not null,
  key text not null,
  type text not null,
  at timestamptz not null default clock_timestamp(),
  data jsonb not null,
  primary key (tenant_id, event_no)
);
create index outbox_order on runtime.outbox (event_no);
call runtime.tenant_table('runtime.outbox', 'select, insert');
call runtime.jobs_table('runtime.outbox', 'select, insert, delete');

-- Where the relay delivers while no event log is configured; `serai events tail` reads it.
create table runtime.events (
  tenant_id uuid not null,
  position bigint generated always as identity,
  id uuid not null,
  topic text not null,
  key text not null,
  type text not null,
  at timestamptz not null,
  data jsonb not null,
  primary key (tenant_id, position)
);
create index events_order on runtime.events (position);
call runtime.tenant_table('runtime.events', 'select');
call runtime.jobs_table('runtime.events', 'select, insert, delete');

-- Idempotency keys. A row without a status is in flight until locked_until; then the next caller may resume the work.
create table runtime.idempotency (
  tenant_id uuid not null,
  scope bytea not null,
  request_hash bytea not null,
  created_at timestamptz not null default clock_timestamp(),
  locked_until timestamptz not null,
  status smallint,
  body bytea,
  primary key (tenant_id, scope)
);
create index idempotency_age on runtime.idempotency (created_at);
call runtime.tenant_table('runtime.idempotency');
call runtime.jobs_table('runtime.idempotency', 'select, insert, delete');
