import { type Id, newId } from '@storewright/kernel/ids'
import type { Database, Sql } from '@storewright/postgres/sql'

/** A cart that has become an order, and what of it was ordered. */
export interface Completion {
  readonly cartId: Id<'cart'>
  readonly ordered: readonly { sku: string; quantity: number }[]
}

/**
 * Completes many carts in one transaction and answers which of them exist. What a shopper put in while the order was
 * being placed is not part of it: it moves into a new cart. Rows are locked in the order of their ids; an add that
 * waits for one of them finds no active cart afterwards and starts a new one.
 */
export function completeCarts(
  database: Database,
  completions: readonly Completion[],
): Promise<Set<Id<'cart'>>> {
  return database.transaction(async sql => {
    const rows = await sql.query<{ id: Id<'cart'>; was: string }>(
      `with found as (select id, state from cart where id = any ($1::text[]) order by id for no key update)
       update cart set state = 'completed', version = version + case found.state when 'active' then 1 else 0 end
       from found where cart.id = found.id returning cart.id, found.state as was`,
      [completions.map(({ cartId }) => cartId)],
    )
    const now = new Set(rows.filter(({ was }) => was === 'active').map(({ id }) => id))
    for (const left of await leftOver(
      sql,
      completions.filter(({ cartId }) => now.has(cartId)),
    ))
      await moveLines(sql, left)
    return new Set(rows.map(({ id }) => id))
  })
}

interface LeftOver {
  readonly cartId: Id<'cart'>
  readonly lines: readonly { sku: string; quantity: number }[]
}

/** A statement of its own: it sees the lines of adds that the first one waited for. */
async function leftOver(sql: Sql, completions: readonly Completion[]): Promise<LeftOver[]> {
  if (completions.length === 0) return []
  return sql.query<LeftOver>(
    `select line.cart_id as "cartId",
       jsonb_agg(jsonb_build_object('sku', line.sku, 'quantity', line.quantity - coalesce(item.quantity, 0))) as lines
     from cart_line line
     left join jsonb_to_recordset($2::jsonb) as item (cart_id text, sku text, quantity int)
       on item.cart_id = line.cart_id and item.sku = line.sku
     where line.cart_id = any ($1::text[]) and line.quantity > coalesce(item.quantity, 0)
     group by line.cart_id`,
    [
      completions.map(({ cartId }) => cartId),
      JSON.stringify(
        completions.flatMap(({ cartId, ordered }) =>
          ordered.map(({ sku, quantity }) => ({ cart_id: cartId, sku, quantity })),
        ),
      ),
    ],
  )
}

async function moveLines(sql: Sql, { cartId, lines }: LeftOver): Promise<void> {
  await sql.query(
    `with made as (
       insert into cart (id, owner, market_id, currency, version, expires_at)
       select $2, owner, market_id, currency, 1, expires_at from cart where id = $1
       returning id
     )
     insert into cart_line (cart_id, sku, quantity, price_when_added_amount, slug, title, variant_title)
     select made.id, line.sku, item.quantity, price_when_added_amount, slug, title, variant_title
     from made, cart_line line
     join jsonb_to_recordset($3::jsonb) as item (sku text, quantity int) on item.sku = line.sku
     where line.cart_id = $1 order by position`,
    [cartId, newId('cart'), JSON.stringify(lines)],
  )
}
