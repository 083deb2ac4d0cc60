-- Payments through a provider: the shopper pays on the provider's page, the money moves in steps, and the provider's
-- books are the truth that ours follow.
alter table payment
  drop constraint payment_provider_check,
  drop constraint payment_method_check,
  drop constraint payment_state_check,
  add constraint payment_provider_check check (provider in ('manual', 'stripe')),
  add constraint payment_method_check check (method in ('card', 'invoice', 'cash-on-delivery')),
  add constraint payment_state_check
    check (state in ('pending', 'authorized', 'captured', 'capture-failed', 'voided')),
  -- the provider's page and its authorization: Stripe's Checkout Session and PaymentIntent
  add column session_id text unique,
  add column page_url text,
  add column page_expires_at timestamptz,
  add column intent_id text unique,
  -- the page's contents, sent again unchanged when its answer was lost: one idempotency key, one body
  add column page_request jsonb,
  -- an authorization ends by itself then
  add column capture_before timestamptz,
  add column captured_amount bigint not null default 0 check (captured_amount >= 0),
  -- asked for or paid back; a refund that fails is subtracted again
  add column refunded_amount bigint not null default 0 check (refunded_amount >= 0),
  -- taken by open and lost disputes
  add column disputed_amount bigint not null default 0 check (disputed_amount >= 0),
  -- brand and last four digits, for people
  add column card jsonb,
  add column failure text,
  -- when the sweeper asks the provider how this payment stands; null: nothing is under way
  add column sweep_at timestamptz,
  add constraint payment_captured_within_authorized check (captured_amount <= amount),
  -- Not with disputes: a bank may take back what was refunded already.
  add constraint payment_refunded_within_captured check (refunded_amount <= captured_amount);

-- Manual payments that were recorded before amounts were kept; the constraint checks them from here on.
update payment set captured_amount = amount where state = 'captured';

create index payment_to_sweep on payment (sweep_at) where sweep_at is not null;

-- Money goes back in refunds, each with a life of its own. The row is there before the provider is asked.
create table refund (
  refund_id text primary key,
  payment_id text not null references payment,
  amount bigint not null check (amount > 0),
  reason text not null,
  state text not null check (state in ('pending', 'succeeded', 'failed')),
  provider_refund_id text unique,
  failure text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index refund_payment on refund (payment_id);

-- A bank took the money back; the merchant may win it again.
create table dispute (
  provider_dispute_id text primary key,
  payment_id text not null references payment,
  amount bigint not null check (amount > 0),
  state text not null check (state in ('open', 'won', 'lost')),
  reason text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index dispute_payment on dispute (payment_id);

-- What was asked of the provider, written before it is asked: after a crash it is known what may have happened.
create table provider_call (
  idempotency_key text primary key,
  payment_id text not null references payment,
  kind text not null check (kind in ('open-page', 'capture', 'void', 'refund')),
  -- whose tries have numbered keys: a key that was answered, be it with a fault, is answered the same for ever
  command text not null,
  amount bigint,
  state text not null default 'sent' check (state in ('sent', 'done', 'refused', 'faulted')),
  detail text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create index provider_call_payment on provider_call (payment_id);
create index provider_call_command on provider_call (command);

-- I1: double entry. A transfer moves an amount between accounts; its entries sum to zero per currency.
create table transfer (
  transfer_id text primary key,
  payment_id text not null references payment,
  kind text not null check (kind in ('capture', 'refund', 'refund-failed', 'dispute', 'dispute-won', 'dispute-lost')),
  -- What it books, once: a capture up to an amount, a refund, a dispute's turn.
  cause text not null,
  at timestamptz not null default now(),
  constraint transfer_once unique (payment_id, kind, cause)
);

create table ledger_entry (
  transfer_id text not null references transfer,
  -- customer: whose money it is; provider, merchant: who holds it; disputed: taken by a bank, undecided
  account text not null check (account in ('customer', 'merchant', 'provider', 'disputed')),
  amount bigint not null check (amount <> 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  primary key (transfer_id, account, currency)
);

-- Per statement: a transfer's sides are written by one, so no moment exists in which the books do not balance.
create function refuse_unbalanced_entries() returns trigger language plpgsql as $$
declare
  unbalanced record;
begin
  select transfer_id, currency, sum(amount) as total into unbalanced
  from added group by transfer_id, currency having sum(amount) <> 0 limit 1;
  if found then
    raise exception 'transfer % does not balance: % %', unbalanced.transfer_id, unbalanced.total, unbalanced.currency
      using errcode = 'check_violation', constraint = 'ledger_entry_balanced';
  end if;
  return null;
end $$;

create trigger ledger_entry_balanced after insert on ledger_entry
  referencing new table as added for each statement execute function refuse_unbalanced_entries();

create function refuse_rewriting() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only: book a correction instead', tg_table_name
    using errcode = 'restrict_violation', constraint = tg_table_name || '_append_only';
end $$;

create trigger ledger_entry_append_only before update or delete or truncate on ledger_entry
  for each statement execute function refuse_rewriting();

create trigger transfer_append_only before update or delete or truncate on transfer
  for each statement execute function refuse_rewriting();

-- Webhooks are hints: stored before they are answered, worked off after. The id makes a second delivery a no-op.
create table webhook_event (
  event_id text primary key,
  type text not null,
  payload jsonb not null,
  received_at timestamptz not null default now(),
  processed_at timestamptz,
  attempts int not null default 0,
  due_at timestamptz not null default now(),
  last_error text
);

create index webhook_event_due on webhook_event (due_at) where processed_at is null;
create index webhook_event_processed on webhook_event (processed_at);
