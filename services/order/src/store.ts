import { appendEvents } from '@storewright/events/outbox'
import { type Id, newId } from '@storewright/kernel/ids'
import type { Currency } from '@storewright/kernel/money'
import type { Database, Sql } from '@storewright/postgres/sql'
import type { z } from 'zod'
import type { Order, orderContract } from './contract.ts'
import { initialPaymentStatus, type PaymentStatus, paymentStatusesBefore, TIMELINE_TITLES } from './domain.ts'
import { numberForPeople, ORDER_COLUMNS, type OrderRow, orderOf } from './order-row.ts'

export type NewOrder = z.output<NonNullable<(typeof orderContract.placeOrder)['~orpc']['inputSchema']>>

export interface PlacedOrder {
  readonly orderId: Id<'order'>
  readonly number: string
  readonly total: { amount: number; currency: Currency }
}

/**
 * Places many checkouts in one transaction; a checkout that has its order already gets that one. The events carry
 * the whole order, so that nobody needs to ask for it.
 */
export async function insertOrders(
  database: Database,
  items: readonly NewOrder[],
  trackingUrl: (orderId: Id<'order'>) => string,
): Promise<PlacedOrder[]> {
  return database.transaction(async sql => {
    const drafts = items.map(item => ({ ...item, orderId: newId('order') }))
    const inserted = await insertHeads(sql, drafts)
    const fresh = drafts.filter(draft => inserted.has(draft.orderId))
    if (fresh.length > 0) {
      const orders = fresh.map(draft => orderFrom(draft, inserted.get(draft.orderId) as Head))
      await insertLines(sql, orders)
      await appendEvents(
        sql,
        orders.map(order => ({
          aggregateType: 'order',
          aggregateId: order.orderId,
          aggregateSeq: 1,
          type: 'order.placed',
          payload: { order, trackingUrl: trackingUrl(order.orderId) },
        })),
      )
    }
    const placed = await findPlaced(sql, items)
    return items.map(item => {
      const order = placed.get(item.checkoutId)
      if (!order) throw new Error(`no order for checkout ${item.checkoutId} after placing it`)
      return order
    })
  })
}

type Draft = NewOrder & { orderId: Id<'order'> }
type Head = { number: number; placed_at: Date }

async function insertHeads(sql: Sql, drafts: readonly Draft[]): Promise<Map<Id<'order'>, Head>> {
  const rows = await sql.query<{ order_id: Id<'order'> } & Head>(
    `insert into orders (order_id, number, checkout_id, position, owner, market_id, status, payment_status,
       fulfillment_status, currency, email, subtotal, shipping_price, tax, total, tax_included, payment_id, snapshot)
     select order_id, nextval('order_number'), checkout_id, 0, owner, market_id, 'open', payment_status,
       'unfulfilled', currency, email, subtotal, shipping_price, tax, total, tax_included, payment_id, snapshot
     from jsonb_to_recordset($1::jsonb) as item (order_id text, checkout_id text, owner text, market_id text,
       payment_status text, currency text, email text, subtotal bigint, shipping_price bigint, tax bigint,
       total bigint, tax_included boolean, payment_id text, snapshot jsonb)
     on conflict on constraint order_per_checkout do nothing
     returning order_id, number, placed_at`,
    [
      JSON.stringify(
        drafts.map(draft => ({
          order_id: draft.orderId,
          checkout_id: draft.checkoutId,
          owner: draft.owner,
          market_id: draft.marketId,
          payment_status: initialPaymentStatus(draft.payment.onTerms, draft.totals.total),
          currency: draft.currency,
          email: draft.email,
          subtotal: draft.totals.subtotal.amount,
          shipping_price: draft.totals.shipping.amount,
          tax: draft.totals.tax.amount,
          total: draft.totals.total.amount,
          tax_included: draft.totals.taxIncluded,
          payment_id: draft.payment.paymentId,
          snapshot: {
            taxLines: draft.taxLines,
            shipping: draft.shipping,
            payment: draft.payment,
            shippingAddress: draft.shippingAddress,
            billingAddress: draft.billingAddress,
            note: draft.note,
          },
        })),
      ),
    ],
  )
  return new Map(rows.map(row => [row.order_id, row]))
}

/** Lines and the first timeline entry of each order, in one statement. */
async function insertLines(sql: Sql, orders: readonly Order[]): Promise<void> {
  const lines = orders.flatMap(order =>
    order.lines.map((line, position) => ({
      order_line_id: line.orderLineId,
      order_id: order.orderId,
      position,
      sku: line.sku,
      quantity: line.quantity,
      unit_price: line.unitPrice.amount,
      total: line.total.amount,
      tax: line.tax.amount,
      tax_rate_basis_points: line.taxRateBasisPoints,
      vendor_id: line.vendorId,
      snapshot: { slug: line.slug, title: line.title, variantTitle: line.variantTitle, image: line.image },
    })),
  )
  await sql.query(
    `with placed as (
       insert into order_timeline (order_id, position, type, title, at)
       select order_id, 1, 'placed', $3, placed_at from orders where order_id = any ($2::text[])
     )
     insert into order_line (order_line_id, order_id, position, sku, quantity, unit_price, total, tax,
       tax_rate_basis_points, vendor_id, snapshot)
     select order_line_id, order_id, position, sku, quantity, unit_price, total, tax, tax_rate_basis_points,
       vendor_id, snapshot
     from jsonb_to_recordset($1::jsonb) as line (order_line_id text, order_id text, position int, sku text,
       quantity int, unit_price bigint, total bigint, tax bigint, tax_rate_basis_points int, vendor_id text,
       snapshot jsonb)`,
    [JSON.stringify(lines), orders.map(order => order.orderId), TIMELINE_TITLES.placed],
  )
}

async function findPlaced(sql: Sql, items: readonly NewOrder[]): Promise<Map<string, PlacedOrder>> {
  const rows = await sql.query<{
    order_id: Id<'order'>
    number: number
    checkout_id: string
    total: number
    currency: Currency
  }>(
    `select order_id, number, checkout_id, total, currency from orders where checkout_id = any ($1::text[])`,
    [items.map(item => item.checkoutId)],
  )
  return new Map(
    rows.map(row => [
      row.checkout_id,
      {
        orderId: row.order_id,
        number: numberForPeople(row.number),
        total: { amount: row.total, currency: row.currency },
      },
    ]),
  )
}

export async function findOrder(
  sql: Sql,
  orderId: Id<'order'>,
): Promise<{ order: Order; owner: string } | undefined> {
  const [row] = await sql.query<OrderRow>(`select ${ORDER_COLUMNS} from orders where order_id = $1`, [
    orderId,
  ])
  return row && { order: orderOf(row), owner: row.owner }
}

/** Newest first: order ids are UUIDv7, so their order is the order of time. */
export async function listOrderRows(
  sql: Sql,
  options: { status: string | null; before: Id<'order'> | null; limit: number },
): Promise<OrderRow[]> {
  return sql.query<OrderRow>(
    `select ${ORDER_COLUMNS} from orders
     where ($1::text is null or status = $1) and ($2::text is null or order_id < $2)
     order by order_id desc limit $3`,
    [options.status, options.before, options.limit],
  )
}

/** Applies what happened to a payment to its orders; orders already past it are left alone. */
export async function setPaymentStatus(sql: Sql, paymentId: string, to: PaymentStatus): Promise<void> {
  const rows = await sql.query<{ order_id: Id<'order'>; version: number }>(
    `with changed as (
       update orders set payment_status = $2, version = version + 1
       where payment_id = $1 and payment_status = any ($3::text[])
       returning order_id, version
     ), entry as (
       insert into order_timeline (order_id, position, type, title)
       select order_id, version, $2, $4 from changed
     )
     select order_id, version from changed`,
    [paymentId, to, paymentStatusesBefore(to), titleOf(to)],
  )
  await appendEvents(
    sql,
    rows.map(row => ({
      aggregateType: 'order',
      aggregateId: row.order_id,
      aggregateSeq: row.version,
      type: 'order.payment-changed',
      payload: { orderId: row.order_id, paymentStatus: to },
    })),
  )
}

function titleOf(status: PaymentStatus): string {
  if (status === 'due' || status === 'authorized') throw new Error(`nothing becomes ${status} later`)
  return TIMELINE_TITLES[status]
}

function orderFrom(draft: Draft, head: Head): Order {
  const placedAt = head.placed_at.toISOString()
  return {
    orderId: draft.orderId,
    number: numberForPeople(head.number),
    checkoutId: draft.checkoutId,
    marketId: draft.marketId,
    status: 'open',
    paymentStatus: initialPaymentStatus(draft.payment.onTerms, draft.totals.total),
    fulfillmentStatus: 'unfulfilled',
    currency: draft.currency,
    email: draft.email,
    lines: draft.lines.map(line => ({ ...line, orderLineId: newId('orderLine') })),
    totals: draft.totals,
    taxLines: draft.taxLines,
    shipping: draft.shipping,
    payment: draft.payment,
    shippingAddress: draft.shippingAddress,
    billingAddress: draft.billingAddress,
    note: draft.note,
    placedAt,
    timeline: [{ type: 'placed', title: TIMELINE_TITLES.placed, at: placedAt }],
  }
}
