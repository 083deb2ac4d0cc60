-- A canceled order still has to give its goods and its payment back: `canceling` is set with the decision and cleared
-- when both are done, by whichever process gets there.
alter table orders
  add column cancel_reason text,
  add column canceling boolean not null default false,
  add column cancel_attempt int not null default 0,
  -- who works on it has it until then; afterwards anybody may
  add column cancel_lease_until timestamptz,
  add constraint orders_canceling_is_canceled
    check (not canceling or (status = 'canceled' and cancel_lease_until is not null));

create index orders_canceling on orders (cancel_lease_until) where canceling;
