import { type Id, newId } from '@storewright/kernel/ids'
import type { Currency } from '@storewright/kernel/money'
import type { Sql } from '@storewright/postgres/sql'
import { CART_LINES_MAX, CART_QUANTITY_MAX } from './contract.ts'
import type { Market, StoredCart, StoredLine, Variant } from './domain.ts'

/** Counted from the last change. */
const CART_LIFETIME_DAYS = 30

interface CartRow {
  readonly id: Id<'cart'>
  readonly version: number
  readonly expires_at: Date
  readonly lines: readonly StoredLine[]
}

/** The active cart, if it has not expired. */
export async function findActiveCart(
  sql: Sql,
  owner: string,
  market: Market,
): Promise<StoredCart | undefined> {
  const [row] = await sql.query<CartRow>(
    `select id, version, expires_at, cart_lines(id) as lines from cart
     where owner = $1 and market_id = $2 and currency = $3 and state = 'active' and expires_at > now()`,
    [owner, market.marketId, market.currency],
  )
  return row && cartOfRow(row)
}

export type Added =
  | { readonly kind: 'done'; readonly cart: StoredCart }
  | { readonly kind: 'too-many' | 'insufficient' | 'full'; readonly wanted: number }

/** `available` undefined: nobody knows, so only the cart's own limits apply. */
export async function addLine(
  sql: Sql,
  to: { owner: string; market: Market; variant: Variant; quantity: number; available: number | undefined },
): Promise<Added> {
  const { owner, market, variant, quantity, available } = to
  const [row] = await sql.query<CartRow & { outcome: Added['kind']; wanted: number }>(
    `select outcome, wanted, id, version, expires_at, lines from add_cart_line(
       $1, $2, $3, $4, make_interval(days => $5), $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      newId('cart'),
      owner,
      market.marketId,
      market.currency,
      CART_LIFETIME_DAYS,
      variant.sku,
      quantity,
      variant.price.amount,
      variant.slug,
      variant.title,
      variant.variantTitle,
      available ?? CART_QUANTITY_MAX,
      CART_QUANTITY_MAX,
      CART_LINES_MAX,
    ],
  )
  if (!row) throw new Error('add_cart_line gave no row')
  return row.outcome === 'done'
    ? { kind: 'done', cart: cartOfRow(row) }
    : { kind: row.outcome, wanted: row.wanted }
}

/** Undefined when there is no such line; the cart is then untouched. A quantity of 0 removes the line. */
export async function setLine(
  sql: Sql,
  at: { owner: string; market: Market; sku: string; quantity: number },
): Promise<StoredCart | undefined> {
  const { owner, market, sku, quantity } = at
  const [row] = await sql.query<CartRow>(
    `select id, version, expires_at, lines from set_cart_line($1, $2, $3, make_interval(days => $4), $5, $6)`,
    [owner, market.marketId, market.currency, CART_LIFETIME_DAYS, sku, quantity],
  )
  return row && cartOfRow(row)
}

export interface CartForCheckout {
  readonly owner: string
  readonly cartId: Id<'cart'>
  readonly version: number
  readonly state: 'active' | 'completed'
  readonly marketId: string
  readonly currency: Currency
  readonly expired: boolean
  readonly lines: readonly StoredLine[]
}

export async function findCarts(
  sql: Sql,
  cartIds: readonly Id<'cart'>[],
): Promise<Map<Id<'cart'>, CartForCheckout>> {
  const rows = await sql.query<CartForCheckout>(
    `select owner, id as "cartId", version, state, market_id as "marketId", currency,
       state = 'active' and expires_at <= now() as expired, cart_lines(id) as lines
     from cart where id = any ($1::text[])`,
    [cartIds],
  )
  return new Map(rows.map(row => [row.cartId, row]))
}

/** Removes carts that expired long ago, oldest first. Returns how many. */
export async function deleteExpiredCarts(sql: Sql, wanted: { days: number; limit: number }): Promise<number> {
  const rows = await sql.query(
    `delete from cart where id in (
       select id from cart where expires_at < now() - make_interval(days => $1)
       order by expires_at limit $2 for update skip locked)
     returning 1 as one`,
    [wanted.days, wanted.limit],
  )
  return rows.length
}

function cartOfRow(row: CartRow): StoredCart {
  return { cartId: row.id, version: row.version, expiresAt: row.expires_at, lines: row.lines }
}
