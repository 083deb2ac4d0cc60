-- The shopper pays on the provider's page: the saga is parked, without a holder, until `parked_until`. Then, or when
-- somebody hears that it was paid, the next step is taken as after a lease that ran out.
alter table checkout
  drop constraint checkout_state_check,
  add constraint checkout_state_check check (state in ('reserving', 'authorizing', 'awaiting-payment', 'placing',
    'committing', 'capturing', 'completed', 'undoing', 'failed')),
  add column parked_until timestamptz,
  add constraint checkout_parked check (state <> 'awaiting-payment' or parked_until is not null);
