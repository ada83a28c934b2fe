-- Goods and where they are. Decisions: systems/stock/*.py; queries: systems/stock/store.
--
-- A level is not kept here: it is a counter of allocation, whose pool is the location's and whose key is made of the
-- product's and the batch's number. What is kept here is why it is what it is: movements whose lines sum to zero.

create schema stock;
grant usage on schema stock to serai_app, serai_jobs;

create table stock.categories (
  tenant_id uuid not null,
  category_id uuid not null,
  parent_id uuid,
  name text not null,
  primary key (tenant_id, category_id),
  foreign key (tenant_id, parent_id) references stock.categories
);

-- `product_no`, `decimals` and `tracking` never change: every key and quantity of the product is told in them.
create table stock.products (
  tenant_id uuid not null,
  product_no int generated always as identity,
  product_id uuid not null,
  sku text not null,
  gtin text not null default '',
  name text not null,
  unit text not null,                  -- piece, kg, l, m
  decimals smallint not null check (decimals between 0 and 6),
  tracking text not null check (tracking in ('none', 'batch', 'serial')),
  category_id uuid,
  currency char(3) not null,           -- in which its costs are told
  retired_at timestamptz,
  primary key (tenant_id, product_no),
  unique (tenant_id, product_id),
  unique (tenant_id, sku),
  foreign key (tenant_id, category_id) references stock.categories
);
create unique index products_by_gtin on stock.products (tenant_id, gtin) where gtin <> '';
create index products_by_name on stock.products (tenant_id, name, product_id);
create index products_by_category on stock.products (tenant_id, category_id, product_no);

-- Supplier, customer, adjustment and scrap are where goods come from and go to: they have no levels, hence no pool.
create table stock.locations (
  tenant_id uuid not null,
  location_no int generated always as identity,
  location_id uuid not null,
  code text not null,
  name text not null,
  kind text not null check (kind in ('warehouse', 'store', 'bin', 'in_transit',
                                     'supplier', 'customer', 'adjustment', 'scrap')),
  parent_id uuid,
  address text not null default '',
  alert_email text not null default '',
  backorders_max bigint not null default 0 check (backorders_max >= 0),   -- of each product, in its smallest part
  pool_no int,
  retired_at timestamptz,
  primary key (tenant_id, location_no),
  unique (tenant_id, location_id),
  unique (tenant_id, code),
  foreign key (tenant_id, parent_id) references stock.locations (tenant_id, location_id),
  check ((pool_no is null) = (kind in ('supplier', 'customer', 'adjustment', 'scrap')))
);

create table stock.batches (
  tenant_id uuid not null,
  product_no int not null,
  batch_no int generated always as identity,
  code text not null,
  expires_on date,                     -- the last day on which it may be sold
  primary key (tenant_id, product_no, batch_no),
  unique (tenant_id, product_no, code),
  foreign key (tenant_id, product_no) references stock.products
);
create index batches_by_expiry on stock.batches (tenant_id, expires_on, batch_no) where expires_on is not null;

-- Why goods moved. Nobody may change or delete a movement: what was wrong is put right by another one.
create table stock.movements (
  tenant_id uuid not null,
  movement_no bigint generated always as identity,
  movement_id uuid not null,
  kind text not null,
  at timestamptz not null,             -- when it happened; may lie before it was recorded
  recorded_at timestamptz not null default clock_timestamp(),
  actor text not null,
  reason text not null,
  reference text not null,             -- of an order, a delivery, a transfer, a count
  corrects uuid,                       -- the movement that this one takes back
  primary key (tenant_id, movement_no),
  unique (tenant_id, movement_id)
);
create index movements_by_time on stock.movements (tenant_id, at, movement_id);
create unique index movements_corrected_once on stock.movements (tenant_id, corrects) where corrects is not null;

-- `movement_no` is drawn while the level's counter is locked, so in its order the quantities of a level add up to `level`.
create table stock.lines (
  tenant_id uuid not null,
  movement_no bigint not null,
  line_no smallint not null,
  product_no int not null,
  batch_no int not null,               -- 0: the product has no batches
  location_no int not null,
  quantity bigint not null check (quantity <> 0),
  level bigint,                        -- on hand after it, where the location has levels
  cost_minor bigint check (cost_minor >= 0),   -- of all of the line, where goods were bought
  serials text[] not null default '{}',
  at timestamptz not null,
  primary key (tenant_id, movement_no, line_no)
);
create index lines_of_level on stock.lines (tenant_id, location_no, product_no, batch_no, at) include (quantity);
create index lines_of_product on stock.lines (tenant_id, product_no, movement_no);

-- The database's own word: goods are neither made nor lost, they move.
create function stock.lines_sum_to_zero() returns trigger language plpgsql as $$
begin
  if exists (select from added group by tenant_id, movement_no, product_no, batch_no having sum(quantity) <> 0) then
    raise check_violation using message = 'the lines of a movement do not sum to zero';
  end if;
  return null;
end $$;
create trigger lines_sum_to_zero after insert on stock.lines referencing new table as added
  for each statement execute function stock.lines_sum_to_zero();

-- One row per thing with a number of its own. It is where it is once.
create table stock.serials (
  tenant_id uuid not null,
  product_no int not null,
  serial text not null,
  location_no int not null,
  movement_no bigint not null,
  primary key (tenant_id, product_no, serial)
);

-- What somebody changed beside movements: who, why, before, after.
create table stock.changes (
  tenant_id uuid not null,
  change_no bigint generated always as identity,
  at timestamptz not null default clock_timestamp(),
  actor text not null,
  noun text not null,
  subject text not null,
  what text not null,
  reason text not null,
  before jsonb not null,
  after jsonb not null,
  primary key (tenant_id, change_no)
);

-- Movements and changes become a chain of hashes by a job, so that a sale does not wait for the sale before it.
create table stock.unchained (
  tenant_id uuid not null,
  entry_no bigint generated always as identity,
  source text not null check (source in ('movement', 'change')),
  number bigint not null,
  primary key (tenant_id, entry_no)
);
create table stock.chain (
  tenant_id uuid not null,
  seq bigint not null check (seq > 0),
  source text not null check (source in ('movement', 'change')),
  number bigint not null,
  hash bytea not null,                 -- SHA-256 of the hash before it and of the record's canonical text
  primary key (tenant_id, seq),
  unique (tenant_id, source, number)
);
create table stock.heads (
  tenant_id uuid not null,
  day date not null,
  seq bigint not null,
  hash bytea not null,
  key_id smallint not null,
  signature bytea not null,            -- Ed25519
  primary key (tenant_id, day)
);

create table stock.reservations (
  tenant_id uuid not null,
  reservation_id uuid not null,        -- the claim's
  location_no int not null,
  reference text not null,
  actor text not null,
  created_at timestamptz not null default clock_timestamp(),
  movement_id uuid,                    -- of the sale that fulfilled it
  primary key (tenant_id, reservation_id)
);

create table stock.policies (
  tenant_id uuid not null,
  product_no int not null,
  location_no int not null,
  reorder_point bigint not null check (reorder_point >= 0),
  reorder_quantity bigint not null check (reorder_quantity > 0),
  level_max bigint check (level_max > reorder_point),
  lead_time_days smallint not null check (lead_time_days between 0 and 365),
  safety_stock bigint not null check (safety_stock >= 0),
  low boolean not null default false,  -- the level was at or below the point when it was last looked at
  primary key (tenant_id, product_no, location_no)
);
create index policies_of_location on stock.policies (tenant_id, location_no, product_no);

create table stock.alerts (
  tenant_id uuid not null,
  alert_id uuid not null,
  product_no int not null,
  location_no int not null,
  state text not null check (state in ('raised', 'acknowledged', 'ordered', 'cleared')),
  version int not null default 1,
  on_hand bigint not null,             -- when it was raised
  reorder_point bigint not null,
  raised_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  actor text not null default '',
  order_reference text not null default '',
  order_quantity bigint,
  mailed_at timestamptz,
  primary key (tenant_id, alert_id)
);
create unique index alerts_open_once on stock.alerts (tenant_id, product_no, location_no) where state <> 'cleared';
create index alerts_open on stock.alerts (tenant_id, raised_at, alert_id) where state <> 'cleared';
create index alerts_open_of_location on stock.alerts (tenant_id, location_no, raised_at, alert_id)
  where state <> 'cleared';
create index alerts_of_product on stock.alerts (tenant_id, product_no, raised_at);
create index alerts_unmailed on stock.alerts (raised_at) where mailed_at is null and state = 'raised';

create table stock.transfers (
  tenant_id uuid not null,
  transfer_id uuid not null,
  from_no int not null,
  to_no int not null,
  state text not null,
  version int not null default 1,
  reference text not null,
  actor text not null,
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, transfer_id),
  check (from_no <> to_no)
);
create index transfers_by_time on stock.transfers (tenant_id, created_at, transfer_id);
create index transfers_under_way on stock.transfers (tenant_id, to_no)
  where state in ('dispatched', 'partly_received');
create table stock.transfer_lines (
  tenant_id uuid not null,
  transfer_id uuid not null,
  line_no smallint not null,
  product_no int not null,
  batch_no int not null,
  sent bigint not null check (sent > 0),
  received bigint not null default 0 check (received >= 0),
  lost bigint not null default 0 check (lost >= 0),
  serials text[] not null default '{}',
  primary key (tenant_id, transfer_id, line_no),
  unique (tenant_id, transfer_id, product_no, batch_no),
  foreign key (tenant_id, transfer_id) references stock.transfers,
  check (received + lost <= sent)
);

create table stock.counts (
  tenant_id uuid not null,
  count_id uuid not null,
  location_no int not null,
  state text not null,
  version int not null default 1,
  blind boolean not null,
  note text not null,
  actor text not null,
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  movement_id uuid,                    -- that set the levels right
  primary key (tenant_id, count_id)
);
create index counts_by_time on stock.counts (tenant_id, created_at, count_id);
create table stock.count_lines (
  tenant_id uuid not null,
  count_id uuid not null,
  product_no int not null,
  batch_no int not null,
  frozen bigint not null,              -- on hand when the list was made
  counted bigint check (counted >= 0),
  level bigint,                        -- on hand when it was counted: the variance is against this
  counted_by text not null default '',
  primary key (tenant_id, count_id, product_no, batch_no),
  foreign key (tenant_id, count_id) references stock.counts,
  check ((counted is null) = (level is null))
);

call runtime.tenant_table('stock.categories', 'select, insert, update');
call runtime.tenant_table('stock.products', 'select, insert, update');
call runtime.tenant_table('stock.locations', 'select, insert, update');
call runtime.tenant_table('stock.batches', 'select, insert');
call runtime.tenant_table('stock.movements', 'select, insert');
call runtime.tenant_table('stock.lines', 'select, insert');
call runtime.tenant_table('stock.serials', 'select, insert, update');
call runtime.tenant_table('stock.changes', 'select, insert');
call runtime.tenant_table('stock.unchained', 'select, insert');
call runtime.tenant_table('stock.chain', 'select');
call runtime.tenant_table('stock.heads', 'select');
call runtime.tenant_table('stock.reservations', 'select, insert, update');
call runtime.tenant_table('stock.policies', 'select, insert, update');
call runtime.tenant_table('stock.alerts', 'select, insert, update');
call runtime.tenant_table('stock.transfers', 'select, insert, update');
call runtime.tenant_table('stock.transfer_lines', 'select, insert, update');
call runtime.tenant_table('stock.counts', 'select, insert, update');
call runtime.tenant_table('stock.count_lines', 'select, insert, update');
call runtime.jobs_table('stock.movements', 'select');
call runtime.jobs_table('stock.lines', 'select');
call runtime.jobs_table('stock.changes', 'select');
call runtime.jobs_table('stock.unchained', 'select, delete');
call runtime.jobs_table('stock.chain', 'select, insert');
call runtime.jobs_table('stock.heads', 'select, insert');
call runtime.jobs_table('stock.alerts', 'select, update');
call runtime.jobs_table('stock.locations', 'select');
