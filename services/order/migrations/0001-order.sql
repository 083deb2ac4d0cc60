create sequence order_number start 100001;

-- Lines, amounts and addresses are snapshots: what was agreed stays, whatever the catalog says later.
create table orders (
  order_id text primary key,
  number bigint not null unique,
  checkout_id text not null,
  -- a checkout becomes a list of orders; one for a single vendor
  position int not null,
  owner text not null,
  market_id text not null,
  status text not null check (status in ('open', 'canceled', 'completed')),
  payment_status text not null
    check (payment_status in ('due', 'authorized', 'paid', 'capture-failed', 'refunded', 'voided')),
  fulfillment_status text not null
    check (fulfillment_status in ('unfulfilled', 'partly-fulfilled', 'fulfilled', 'delivered')),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  email text not null,
  subtotal bigint not null check (subtotal >= 0),
  shipping_price bigint not null check (shipping_price >= 0),
  tax bigint not null check (tax >= 0),
  total bigint not null check (total >= 0),
  tax_included boolean not null,
  payment_id text not null,
  -- taxLines, shipping, payment, shippingAddress, billingAddress, note
  snapshot jsonb not null,
  -- the aggregate's version: also the sequence number of its last event
  version int not null default 1,
  placed_at timestamptz not null default now(),
  constraint order_per_checkout unique (checkout_id, position),
  -- I7: the total is the sum of its parts
  constraint order_total_adds_up
    check (total = subtotal + shipping_price + case when tax_included then 0 else tax end)
);

create index orders_payment on orders (payment_id);

create table order_line (
  order_line_id text primary key,
  order_id text not null references orders,
  position int not null,
  sku text not null,
  quantity int not null check (quantity > 0),
  unit_price bigint not null check (unit_price >= 0),
  total bigint not null,
  tax bigint not null check (tax >= 0),
  tax_rate_basis_points int not null,
  vendor_id text not null,
  -- slug, title, variantTitle, image
  snapshot jsonb not null,
  unique (order_id, position),
  constraint order_line_total_adds_up check (total = unit_price * quantity)
);

create index order_line_sku on order_line (sku);

create table order_timeline (
  order_id text not null references orders,
  position int not null,
  type text not null,
  title text not null,
  at timestamptz not null default now(),
  primary key (order_id, position)
);
