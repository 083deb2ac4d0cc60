alter table orders
  drop constraint orders_payment_status_check,
  add constraint orders_payment_status_check check (payment_status in ('due', 'authorized', 'paid', 'capture-failed',
    'partly-refunded', 'refunded', 'voided'));
