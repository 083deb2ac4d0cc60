-- The catalog. Text that is compared or sorted by machines is in collation "C": faster, and the same on every server.

create table vendor (
  vendor_id text collate "C" primary key,
  name      text not null unique
);

create table category (
  slug        text collate "C" primary key,
  name        text not null,
  description text not null,
  rank        bigint not null generated always as identity
);

create sequence product_rank;

create table product (
  product_id    text collate "C" primary key,
  slug          text collate "C" not null unique,
  -- Sequence number of the last event of this aggregate.
  version       bigint not null,
  created_seq   bigint not null generated always as identity,
  featured_rank bigint not null default nextval('product_rank'),
  title         text not null,
  summary       text not null,
  description   text not null,
  category_slug text collate "C" not null references category,
  vendor_id     text collate "C" not null references vendor,
  tax_class     text not null check (tax_class in ('standard', 'reduced', 'zero')),
  collections   text[] not null,
  related       text[] not null,
  options       jsonb not null,
  attributes    jsonb not null,
  images        jsonb not null,
  -- What a card shows of the product itself; `json`, not `jsonb`, because it is only ever copied to the answer.
  card          json not null,
  -- Best class among the variants, as of the last stock event.
  availability  text not null default 'sold-out' check (availability in ('in-stock', 'low-stock', 'sold-out')),
  -- Vendor, option values, colors, materials: what search weighs after the title.
  terms         text not null,
  search        tsvector not null default '',
  -- The distinct words of everything that `search` is made of; what of it goes away may leave search_word too.
  words         text[] not null,
  created_at    timestamptz not null default now(),
  updated_at    timestamptz not null default now()
);

create index product_category on product (category_slug, featured_rank);
create index product_search on product using gin (search);

create table variant (
  sku           text collate "C" primary key,
  product_id    text collate "C" not null references product,
  position      int not null,
  title         text not null,
  options       jsonb not null,
  color         text,
  weight_grams  int not null check (weight_grams >= 0),
  dimensions_mm jsonb,
  image_index   int not null check (image_index >= 0)
);

create index variant_product on variant (product_id, position);

create table variant_price (
  sku      text collate "C" not null references variant on delete cascade,
  currency text collate "C" not null,
  amount   bigint not null check (amount >= 0),
  primary key (sku, currency)
);

-- What inventory has said, also of SKUs that this catalog does not know yet.
create table stock_class (
  sku          text collate "C" primary key,
  availability text not null check (availability in ('in-stock', 'low-stock', 'sold-out'))
);

-- One row for each list that a product stands in: shelf '' (all), 'category:<slug>', 'collection:<slug>'. Derived from
-- product and variant_price in the same transaction, so that each list in each order is one range of one index.
create table listing (
  shelf         text collate "C" not null,
  currency      text collate "C" not null,
  product_id    text collate "C" not null references product,
  featured_rank bigint not null,
  created_seq   bigint not null,
  amount        bigint not null,
  price_varies  boolean not null,
  primary key (product_id, shelf, currency)
);

create index listing_featured on listing (shelf, currency, featured_rank, product_id);
create index listing_created on listing (shelf, currency, created_seq, product_id);
create index listing_amount on listing (shelf, currency, amount, product_id);

-- Counting a shelf of 100,000 would cost more than reading its page.
create table shelf_total (
  shelf    text collate "C" not null,
  currency text collate "C" not null,
  total    bigint not null,
  primary key (shelf, currency)
);

-- Triggers, not code: no statement on listing can then forget the totals. Rows are locked in (shelf, currency) order.
create function add_to_shelf_total() returns trigger language plpgsql as $$
begin
  insert into shelf_total as known (shelf, currency, total)
    select shelf, currency, count(*) from changed group by shelf, currency order by shelf, currency
    on conflict (shelf, currency) do update set total = known.total + excluded.total;
  return null;
end $$;

create function take_from_shelf_total() returns trigger language plpgsql as $$
begin
  insert into shelf_total as known (shelf, currency, total)
    select shelf, currency, -count(*) from changed group by shelf, currency order by shelf, currency
    on conflict (shelf, currency) do update set total = known.total + excluded.total;
  return null;
end $$;

create trigger listing_added after insert on listing
  referencing new table as changed for each statement execute function add_to_shelf_total();
create trigger listing_taken after delete on listing
  referencing old table as changed for each statement execute function take_from_shelf_total();

-- Words that shoppers could have meant: each finds at least one product.
create table search_word (
  word text collate "C" primary key
);

create index search_word_trigrams on search_word using gin (word gin_trgm_ops);
-- Trigrams know nothing of short words: "lmap" and "lamp" share one of nine.
create index search_word_start on search_word (left(word, 1), length(word));
