-- Carts of guests and customers, one active per owner and market. Prices are not kept, only what they were when added.

create table cart (
  id         text primary key,
  owner      text        not null,
  market_id  text        not null,
  currency   text        not null,
  state      text        not null default 'active' check (state in ('active', 'completed')),
  version    int         not null default 1,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

create unique index cart_active on cart (owner, market_id) where state = 'active';
create index cart_expires_at on cart (expires_at);

-- Slug and titles are what the line is shown with once the product is no longer sold.
create table cart_line (
  cart_id                 text        not null references cart on delete cascade,
  sku                     text        not null,
  quantity                int         not null check (quantity > 0),
  price_when_added_amount bigint      not null check (price_when_added_amount >= 0),
  slug                    text        not null,
  title                   text        not null,
  variant_title           text        not null,
  -- order of adding
  position                bigint      not null generated always as identity,
  added_at                timestamptz not null default now(),
  primary key (cart_id, sku)
);

create function cart_lines(wanted text) returns jsonb language sql stable as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'sku', sku, 'quantity', quantity, 'priceWhenAddedAmount', price_when_added_amount,
    'slug', slug, 'title', title, 'variantTitle', variant_title) order by position), '[]')
  from cart_line where cart_id = wanted
$$;

-- Adds to a line, or starts it, in one round trip. The cart's row is locked first, so that each of many adds at once sees
-- what those before it did: none is lost and no limit is passed. A function because a single statement would judge by
-- the lines as they were before it waited for the lock. Outcomes: done, too-many, insufficient, full; only done writes.
create function add_cart_line(
  new_id text, the_owner text, the_market text, the_currency text, lifetime interval,
  the_sku text, more int, price bigint, the_slug text, the_title text, the_variant_title text,
  available int, quantity_max int, lines_max int
) returns table (outcome text, wanted int, id text, version int, expires_at timestamptz, lines jsonb)
language plpgsql as $$
#variable_conflict use_column
declare
  found_id text;
  had int := 0;
  line_count int := 0;
begin
  -- An expired cart, or one in a currency the market had before, makes room for a new one.
  delete from cart
  where owner = the_owner and market_id = the_market and state = 'active'
    and (cart.expires_at <= now() or currency <> the_currency);

  loop
    select cart.id into found_id from cart
    where owner = the_owner and market_id = the_market and state = 'active' for update;
    if found_id is not null then
      select coalesce(max(quantity) filter (where sku = the_sku), 0), count(*) filter (where sku <> the_sku)
        into had, line_count from cart_line where cart_id = found_id;
    end if;
    wanted := had + more;
    outcome := case
      when wanted > quantity_max then 'too-many'
      when wanted > available then 'insufficient'
      when had = 0 and line_count >= lines_max then 'full'
      else 'done'
    end;
    if outcome <> 'done' then
      return next;
      return;
    end if;
    exit when found_id is not null;
    insert into cart (id, owner, market_id, currency, version, expires_at)
    values (new_id, the_owner, the_market, the_currency, 0, now() + lifetime)
    on conflict (owner, market_id) where state = 'active' do nothing
    returning cart.id into found_id;
    exit when found_id is not null; -- else another add made it just now: look again
  end loop;

  insert into cart_line (cart_id, sku, quantity, price_when_added_amount, slug, title, variant_title)
  values (found_id, the_sku, wanted, price, the_slug, the_title, the_variant_title)
  on conflict (cart_id, sku) do update set quantity = excluded.quantity;

  return query
    update cart set version = cart.version + 1, expires_at = now() + lifetime where cart.id = found_id
    returning outcome, wanted, cart.id, cart.version, cart.expires_at, cart_lines(cart.id);
end $$;

-- Sets the quantity of a line that is there, or removes it with 0, under the same lock. No row: nothing was changed.
create function set_cart_line(
  the_owner text, the_market text, the_currency text, lifetime interval, the_sku text, the_quantity int
) returns table (id text, version int, expires_at timestamptz, lines jsonb)
language plpgsql as $$
#variable_conflict use_column
declare
  found_id text;
begin
  select cart.id into found_id from cart
  where owner = the_owner and market_id = the_market and currency = the_currency and state = 'active'
    and cart.expires_at > now()
  for update;
  if the_quantity = 0 then
    delete from cart_line where cart_id = found_id and sku = the_sku;
  else
    update cart_line set quantity = the_quantity where cart_id = found_id and sku = the_sku;
  end if;
  if found then
    return query
      update cart set version = cart.version + 1, expires_at = now() + lifetime where cart.id = found_id
      returning cart.id, cart.version, cart.expires_at, cart_lines(cart.id);
  end if;
end $$;
