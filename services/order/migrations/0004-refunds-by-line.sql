-- What of an order was given back: pieces of its lines, its shipping, or an amount. The row is there before payment is
-- asked, and its id is the key under which it is asked, so that repeating makes no second refund.
create table order_refund (
  order_refund_id text primary key,
  order_id text not null references orders,
  amount bigint not null check (amount > 0),
  -- [{ orderLineId, quantity }]
  lines jsonb not null,
  shipping boolean not null,
  reason text not null,
  state text not null default 'pending' check (state in ('pending', 'done', 'refused')),
  -- of the payment service
  refund_id text,
  attempt int not null default 0,
  -- who asks payment has it until then; afterwards anybody may
  lease_until timestamptz not null,
  created_at timestamptz not null default now()
);

create index order_refund_order on order_refund (order_id);
create index order_refund_pending on order_refund (lease_until) where state = 'pending';

-- No piece and no shipping is refunded twice, whatever the code does.
alter table order_line
  add column refunded_quantity int not null default 0,
  add constraint order_line_refunded_once check (refunded_quantity between 0 and quantity);
alter table orders add column shipping_refunded boolean not null default false;
