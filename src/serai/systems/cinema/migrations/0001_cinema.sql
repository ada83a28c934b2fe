-- Movies, theaters, screens, shows, bookings and tickets (design 27). Seats are units of a show's allocation pool;
-- where they stand and what category they have is in the plan, what they cost in the show.

create schema cinema;
grant usage on schema cinema to serai_app, serai_jobs;

create table cinema.movies (
  tenant_id uuid not null,
  movie_id uuid not null,
  title text not null,
  synopsis text not null default '',
  duration_min int not null check (duration_min between 1 and 1000),
  genre text not null default '',
  rating text not null default '',
  poster text not null default '',          -- SVG
  retired_at timestamptz,
  primary key (tenant_id, movie_id)
);

create table cinema.theaters (
  tenant_id uuid not null,
  theater_id uuid not null,
  name text not null,
  city text not null,
  address text not null default '',
  time_zone text not null,                  -- IANA name; show times are shown in it
  currency char(3) not null,
  primary key (tenant_id, theater_id)
);

-- A plan never changes: an edited one is a new row, so that sold seats keep their place.
create table cinema.plans (
  tenant_id uuid not null,
  plan_id uuid not null,
  name text not null,
  document jsonb not null,                  -- pretix's public seating-plan JSON
  seats int not null check (seats > 0),
  created_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, plan_id)
);

create table cinema.screens (
  tenant_id uuid not null,
  screen_id uuid not null,
  theater_id uuid not null,
  name text not null,
  plan_id uuid not null,
  primary key (tenant_id, screen_id),
  foreign key (tenant_id, theater_id) references cinema.theaters,
  foreign key (tenant_id, plan_id) references cinema.plans
);

create table cinema.shows (
  tenant_id uuid not null,
  show_id uuid not null,
  movie_id uuid not null,
  screen_id uuid not null,
  plan_id uuid not null,                    -- the screen's plan when the show was made
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  pool_no int not null,
  currency char(3) not null,
  prices jsonb not null,                    -- {category: minor units}
  from_minor bigint not null check (from_minor > 0),
  cancel_until_min int not null default 60, -- minutes before the start until which a booking can be cancelled
  cancel_fee_percent int not null default 0 check (cancel_fee_percent between 0 and 100),
  edition int not null default 1,           -- rises when prices or terms change, so that no process sells by old ones
  cancelled_at timestamptz,
  settled_at timestamptz,                   -- all bookings of a cancelled show have been returned
  primary key (tenant_id, show_id),
  unique (tenant_id, pool_no),
  foreign key (tenant_id, movie_id) references cinema.movies,
  foreign key (tenant_id, screen_id) references cinema.screens,
  foreign key (tenant_id, plan_id) references cinema.plans,
  check (ends_at > starts_at)
);
create index shows_by_time on cinema.shows (tenant_id, starts_at, show_id);
create unique index shows_one_start on cinema.shows (tenant_id, screen_id, starts_at) where cancelled_at is null;
create index shows_to_settle on cinema.shows (cancelled_at) where cancelled_at is not null and settled_at is null;

create table cinema.bookings (
  tenant_id uuid not null,
  booking_id uuid not null,
  key bytea not null,                       -- the secret half of the capability that opens it
  show_id uuid not null,
  hold_id uuid not null,                    -- the claim that the buyer chose and pays for
  claim_id uuid not null,                   -- the claim that has the seats: another one if late money took them back
  state text not null check (state in ('pending', 'confirmed', 'failed', 'cancelled')),
  version int not null default 1,
  confirmation_code text not null,
  email text not null,
  name text not null default '',
  seat_keys bigint[] not null,
  total_minor bigint not null,
  currency char(3) not null,
  attempts int not null default 1,
  request_scope bytea not null,             -- idempotency scope of the request that made the latest attempt
  refund_minor bigint not null default 0,
  refunded_at timestamptz,
  reason text not null default '',
  created_at timestamptz not null default clock_timestamp(),
  confirmed_at timestamptz,
  cancelled_at timestamptz,
  primary key (tenant_id, booking_id),
  unique (tenant_id, hold_id),
  unique (tenant_id, confirmation_code),
  foreign key (tenant_id, show_id) references cinema.shows
) with (fillfactor = 70);
create index bookings_of_show on cinema.bookings (tenant_id, show_id);

-- One per seat of a confirmed booking. The serial is in the signed token.
create table cinema.tickets (
  tenant_id uuid not null,
  serial bigint generated always as identity,
  booking_id uuid not null,
  show_id uuid not null,
  seat_key bigint not null,
  revoked_at timestamptz,
  used_at timestamptz,
  used_by text not null default '',
  nonce text not null default '',           -- of the scan that admitted it; empty for a scan without one
  primary key (tenant_id, serial),
  foreign key (tenant_id, booking_id) references cinema.bookings
) with (fillfactor = 80);
create index tickets_of_booking on cinema.tickets (tenant_id, booking_id);
create index tickets_revoked on cinema.tickets (tenant_id, show_id) where revoked_at is not null;
create unique index tickets_one_seat on cinema.tickets (tenant_id, show_id, seat_key) where revoked_at is null;

-- Every admission, at a door with or without a network. The ticket's used_at is the rightful one; a scan that let in
-- somebody beside it says in `conflict` why it should not have.
create table cinema.scans (
  tenant_id uuid not null,
  serial bigint not null,
  device text not null,
  nonce text not null,
  scanned_at timestamptz not null,          -- by the database's clock, or the device's if it was offline
  uploaded_at timestamptz,                  -- when an offline scan came in
  conflict text not null default '' check (conflict in ('', 'double_admission', 'revoked')),
  primary key (tenant_id, serial, device, nonce),
  foreign key (tenant_id, serial) references cinema.tickets
);
create unique index scans_one_nonce on cinema.scans (tenant_id, nonce) where nonce <> '' and uploaded_at is null;

-- Who waits for seats of a show. Served in the order of place_no; legal moves: systems/cinema/waiting.py.
create table cinema.waiting (
  tenant_id uuid not null,
  entry_id uuid not null,
  key bytea not null,                       -- the secret half of the capability that leaves the list
  place_no bigint generated always as identity,
  show_id uuid not null,
  email text not null,
  seats int not null check (seats > 0),
  category text,                            -- null: any
  state text not null default 'waiting' check (state in ('waiting', 'offered', 'taken', 'lapsed', 'left', 'over')),
  claim_id uuid,                            -- of the offer
  created_at timestamptz not null default clock_timestamp(),
  changed_at timestamptz not null default clock_timestamp(),
  primary key (tenant_id, entry_id),
  foreign key (tenant_id, show_id) references cinema.shows,
  check ((state in ('offered', 'taken', 'lapsed')) <= (claim_id is not null))
) with (fillfactor = 80);
create index waiting_in_line on cinema.waiting (tenant_id, show_id, place_no) where state in ('waiting', 'offered');
create unique index waiting_once on cinema.waiting (tenant_id, show_id, lower(email))
  where state in ('waiting', 'offered');

call runtime.tenant_table('cinema.movies', 'select, insert, update');
call runtime.tenant_table('cinema.theaters', 'select, insert, update');
call runtime.tenant_table('cinema.plans', 'select, insert');
call runtime.tenant_table('cinema.screens', 'select, insert, update');
call runtime.tenant_table('cinema.shows', 'select, insert, update');
call runtime.tenant_table('cinema.bookings', 'select, insert, update');
call runtime.tenant_table('cinema.tickets', 'select, insert, update');
call runtime.tenant_table('cinema.scans', 'select, insert, update');
call runtime.tenant_table('cinema.waiting', 'select, insert, update');
call runtime.jobs_table('cinema.shows', 'select');
call runtime.jobs_table('cinema.waiting', 'select');
