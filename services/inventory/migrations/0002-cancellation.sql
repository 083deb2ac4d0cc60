-- A canceled order gives its goods back: its reservation, committed until then, is canceled, and the book has the way
-- back under a cause of its own.
alter table reservation
  drop constraint reservation_state_check,
  add constraint reservation_state_check check (state in ('held', 'committed', 'released', 'canceled'));

alter table stock_transfer
  drop constraint stock_transfer_cause_type_check,
  add constraint stock_transfer_cause_type_check
    check (cause_type in ('receipt', 'adjustment', 'reservation', 'cancellation'));
