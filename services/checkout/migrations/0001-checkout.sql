-- The saga: one row per checkout. `state` says which step is next; whoever holds the lease may take it.
create table checkout (
  checkout_id text primary key,
  owner text not null,
  idempotency_key text not null,
  body_hash text not null,
  cart_id text not null,
  email text not null,
  state text not null
    check (state in ('reserving', 'authorizing', 'placing', 'committing', 'completed', 'undoing', 'failed')),
  -- failed tries of the current step; a success starts again at 0
  attempt int not null default 0,
  lease_until timestamptz not null,
  -- fencing: a holder whose lease was taken over has an old epoch and changes 0 rows
  lease_epoch int not null default 1,
  version int not null default 1,
  trace text not null,
  -- what the shopper asked for, and the quote as agreed: frozen
  request jsonb not null,
  quote jsonb not null,
  -- which locations supply the lines; made anew when it cannot be reserved
  plan jsonb not null,
  payment jsonb,
  orders jsonb not null default '[]',
  failure jsonb,
  last_error text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint checkout_key unique (owner, idempotency_key)
) with (fillfactor = 60);

-- I5: a cart is ordered once. A failed checkout frees it for another try.
create unique index checkout_one_per_cart on checkout (cart_id) where state <> 'failed';

-- The sweeper's list, and the cap on open checkouts.
create index checkout_unfinished on checkout (lease_until) where state not in ('completed', 'failed');
create index checkout_open_by_owner on checkout (owner) where state not in ('completed', 'failed');
create index checkout_open_by_email on checkout (email) where state not in ('completed', 'failed');
