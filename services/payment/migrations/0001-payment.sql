-- One row per authorization attempt of a checkout, written before any provider is asked.
create table payment (
  payment_id text primary key,
  checkout_id text not null,
  attempt int not null check (attempt >= 1),
  provider text not null check (provider in ('manual')),
  method text not null check (method in ('invoice', 'cash-on-delivery')),
  state text not null check (state in ('authorized', 'captured', 'voided')),
  on_terms boolean not null,
  amount bigint not null check (amount >= 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  -- the aggregate's version: also the sequence number of its last event
  version int not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint payment_attempt_key unique (checkout_id, attempt)
);

-- I5: at most one live authorization per checkout, whatever the code does.
create unique index payment_one_live_per_checkout on payment (checkout_id) where state <> 'voided';
