-- Goods by place, what is promised of them, and the book of every movement.

create table location (
  id       text primary key,
  code     text not null unique,
  name     text not null,
  -- lower ships first
  priority int  not null
);

-- One row per SKU: the lock that orders everything done to the SKU, whatever the location, and the last published
-- class. `version` is the aggregate_seq of its events. Fillfactor: its columns change with each batch (HOT updates).
create table stock_item (
  sku          text primary key,
  available    bigint not null default 0 check (available >= 0),
  availability text   not null default 'sold-out' check (availability in ('in-stock', 'low-stock', 'sold-out')),
  version      bigint not null default 0
) with (fillfactor = 50);

create table stock (
  sku             text   not null references stock_item,
  location_id     text   not null references location,
  on_hand         bigint not null default 0 check (on_hand >= 0),
  reserved        bigint not null default 0 check (reserved >= 0),
  allocated       bigint not null default 0 check (allocated >= 0),
  safety          bigint not null default 0 check (safety >= 0),
  backorder_limit bigint not null default 0 check (backorder_limit >= 0),
  -- promised but not there; only a count that finds less raises it
  shortage        bigint not null default 0 check (shortage >= 0),
  primary key (sku, location_id),
  -- The last word on overselling: it holds even if every line of code above it is wrong.
  constraint stock_not_oversold check (reserved + allocated <= on_hand - safety + backorder_limit + shortage)
) with (fillfactor = 50);

-- The id is the checkout's. A released row without lines says: never reserve under this id.
create table reservation (
  id         text primary key,
  state      text        not null check (state in ('held', 'committed', 'released')),
  expires_at timestamptz not null,
  version    int         not null default 1
);

create index reservation_held on reservation (expires_at) where state = 'held';
create index reservation_released on reservation (expires_at) where state = 'released';

-- Lines never change; their meaning is their reservation's state.
create table reservation_line (
  reservation_id text not null references reservation on delete cascade,
  sku            text not null,
  location_id    text not null,
  quantity       int  not null check (quantity > 0),
  primary key (reservation_id, sku, location_id)
);

-- Why goods moved. The unique cause makes a delivery note, a count or an order count once.
create table stock_transfer (
  id         text primary key,
  cause_type text        not null check (cause_type in ('receipt', 'adjustment', 'reservation')),
  cause_id   text        not null,
  reason     text,
  actor      text        not null,
  booked_at  timestamptz not null default now(),
  unique (cause_type, cause_id)
);

-- Double entry: what leaves one account enters another. `on_hand` is what nobody owns yet, `allocated` what belongs to
-- orders; together they are stock.on_hand. Holds are no movement of goods: they live in reservation_line.
create table stock_entry (
  transfer_id text   not null references stock_transfer,
  sku         text   not null,
  location_id text   not null,
  account     text   not null check (account in ('supplier', 'on_hand', 'allocated', 'shipped', 'returned', 'lost')),
  quantity    bigint not null check (quantity <> 0),
  primary key (transfer_id, sku, location_id, account)
);

-- Per statement, not per row: a delivery of a thousand lines is checked in one pass. It also means that a transfer's
-- two sides must be written by one statement, so no moment exists in which the books do not balance.
create function refuse_unbalanced_entries() returns trigger language plpgsql as $$
declare
  unbalanced record;
begin
  select transfer_id, sku, sum(quantity) as total into unbalanced
  from added group by transfer_id, sku having sum(quantity) <> 0 limit 1;
  if found then
    raise exception 'transfer % of % does not balance: %', unbalanced.transfer_id, unbalanced.sku, unbalanced.total
      using errcode = 'check_violation', constraint = 'stock_entry_balanced';
  end if;
  return null;
end $$;

create trigger stock_entry_balanced after insert on stock_entry
  referencing new table as added for each statement execute function refuse_unbalanced_entries();

create function refuse_rewriting() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only: book a correction instead', tg_table_name
    using errcode = 'restrict_violation', constraint = tg_table_name || '_append_only';
end $$;

create trigger stock_entry_append_only before update or delete or truncate on stock_entry
  for each statement execute function refuse_rewriting();

create trigger stock_transfer_append_only before update or delete or truncate on stock_transfer
  for each statement execute function refuse_rewriting();
