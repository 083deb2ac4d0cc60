import { type Id, newId } from '@storewright/kernel/ids'
import { add, type Currency, type Money, money, sum } from '@storewright/kernel/money'
import type { Database, Sql } from '@storewright/postgres/sql'
import { type PaymentStatus, worthOfPieces } from './domain.ts'

/** Longer than the call may take (refund-order.ts): it has ended before somebody else makes it. */
const LEASE_SECONDS = 20

export interface OrderRefund {
  readonly orderRefundId: Id<'orderRefund'>
  readonly orderId: Id<'order'>
  readonly paymentId: Id<'payment'>
  readonly amount: number
  readonly currency: Currency
  readonly lines: readonly RefundedPieces[]
  readonly shipping: boolean
  readonly reason: string
  readonly state: 'pending' | 'done' | 'refused'
  readonly attempt: number
  readonly createdAt: Date
}

export interface RefundedPieces {
  readonly orderLineId: Id<'orderLine'>
  readonly quantity: number
}

export interface WantedRefund {
  readonly orderId: Id<'order'>
  readonly lines: readonly RefundedPieces[]
  readonly shipping: boolean
  readonly amount: Money | undefined
  readonly reason: string
}

export type RefundDenied =
  | { readonly denied: 'not-found' }
  | { readonly denied: 'payment-state'; readonly state: PaymentStatus }
  | { readonly denied: 'field'; readonly field: string; readonly message: string }

const COLUMNS = `order_refund_id as "orderRefundId", order_id as "orderId", payment_id as "paymentId", amount, currency,
  lines, shipping, reason, state, attempt, order_refund.created_at as "createdAt"`

interface LineRow {
  readonly order_line_id: Id<'orderLine'>
  readonly quantity: number
  readonly refunded_quantity: number
  readonly total: number
  readonly tax: number
}

/**
 * Decides what a refund is worth and marks its pieces, in the caller's transaction, with the order's row locked: two
 * refunds at once cannot take the same piece. Leased to the caller, who asks payment for it.
 */
export async function decideRefund(sql: Sql, wanted: WantedRefund): Promise<OrderRefund | RefundDenied> {
  const [order] = await sql.query<{
    payment_status: PaymentStatus
    currency: Currency
    tax_included: boolean
    shipping_price: number
    shipping_refunded: boolean
    shipping_tax: number
  }>(
    `select payment_status, currency, tax_included, shipping_price, shipping_refunded,
       (snapshot #>> '{shipping,tax,amount}')::bigint as shipping_tax
     from orders where order_id = $1 for update`,
    [wanted.orderId],
  )
  if (!order) return { denied: 'not-found' }
  if (order.payment_status !== 'paid' && order.payment_status !== 'partly-refunded')
    return { denied: 'payment-state', state: order.payment_status }
  const { currency, tax_included: taxIncluded } = order
  if (wanted.amount && (wanted.amount.currency !== currency || wanted.amount.amount < 1))
    return { denied: 'field', field: 'amount', message: `must be a positive amount in ${currency}` }
  if (wanted.shipping && order.shipping_refunded)
    return { denied: 'field', field: 'shipping', message: 'was refunded already' }

  const known = new Map(
    (
      await sql.query<LineRow>(
        'select order_line_id, quantity, refunded_quantity, total, tax from order_line where order_id = $1',
        [wanted.orderId],
      )
    ).map(line => [line.order_line_id, { ...line }]),
  )
  const worths: Money[] = []
  for (const [index, { orderLineId, quantity }] of wanted.lines.entries()) {
    const line = known.get(orderLineId)
    if (!line)
      return { denied: 'field', field: `lines.${index}.orderLineId`, message: 'is not a line of this order' }
    const left = line.quantity - line.refunded_quantity
    if (quantity > left)
      return { denied: 'field', field: `lines.${index}.quantity`, message: `must be at most ${left}` }
    const paid = {
      total: money(line.total, currency),
      tax: money(line.tax, currency),
      quantity: line.quantity,
    }
    worths.push(worthOfPieces(paid, taxIncluded, { before: line.refunded_quantity, quantity }))
    line.refunded_quantity += quantity
  }
  if (wanted.shipping) {
    const price = money(order.shipping_price, currency)
    worths.push(taxIncluded ? price : add(price, money(order.shipping_tax, currency)))
  }
  const amount = wanted.amount ?? sum(worths, currency)
  if (amount.amount < 1) return { denied: 'field', field: 'amount', message: 'would be nothing: it was free' }
  await markPieces(sql, wanted.orderId, wanted, 1)
  const [refund] = await sql.query<OrderRefund>(
    `with made as (
       insert into order_refund (order_refund_id, order_id, amount, lines, shipping, reason, lease_until)
       values ($1, $2, $3, $4, $5, $6, now() + interval '${LEASE_SECONDS} seconds') returning *
     )
     select ${COLUMNS.replace('order_refund.created_at', 'made.created_at')} from made join orders using (order_id)`,
    [
      newId('orderRefund'),
      wanted.orderId,
      amount.amount,
      JSON.stringify(wanted.lines),
      wanted.shipping,
      wanted.reason,
    ],
  )
  if (!refund) throw new Error(`order ${wanted.orderId} was locked and is gone`)
  return refund
}

/** `sign` 1 marks the pieces of a refund as refunded, -1 frees them. */
async function markPieces(
  sql: Sql,
  orderId: Id<'order'>,
  { lines, shipping }: Pick<OrderRefund, 'lines' | 'shipping'>,
  sign: 1 | -1,
): Promise<void> {
  await sql.query(
    `update order_line set refunded_quantity = refunded_quantity + $3 * pieces.quantity
     from (
       select id, sum(quantity)::int as quantity from unnest($1::text[], $2::int[]) as piece (id, quantity) group by id
     ) as pieces
     where order_line_id = pieces.id`,
    [lines.map(({ orderLineId }) => orderLineId), lines.map(({ quantity }) => quantity), sign],
  )
  if (shipping)
    await sql.query('update orders set shipping_refunded = $2 where order_id = $1', [orderId, sign === 1])
}

export async function findOrderRefund(sql: Sql, id: Id<'orderRefund'>): Promise<OrderRefund | undefined> {
  const [refund] = await sql.query<OrderRefund>(
    `select ${COLUMNS} from order_refund join orders using (order_id) where order_refund_id = $1`,
    [id],
  )
  return refund
}

/** Takes over what nobody asks for, oldest first; SKIP LOCKED so that several sweepers share the work. */
export async function claimRefunds(sql: Sql, limit: number): Promise<OrderRefund[]> {
  return sql.query<OrderRefund>(
    `with claimed as (
       update order_refund set lease_until = now() + interval '${LEASE_SECONDS} seconds'
       where order_refund_id in (
         select order_refund_id from order_refund where state = 'pending' and lease_until < now()
         order by lease_until limit $1 for update skip locked
       )
       returning *
     )
     select ${COLUMNS.replace('order_refund.created_at', 'claimed.created_at')}
     from claimed join orders using (order_id)`,
    [limit],
  )
}

export async function finishRefund(sql: Sql, id: Id<'orderRefund'>, refundId: Id<'refund'>): Promise<void> {
  await sql.query(`update order_refund set state = 'done', refund_id = $2 where order_refund_id = $1`, [
    id,
    refundId,
  ])
}

/** Payment has refused: the pieces may be refunded another time. */
export async function refuseRefund(database: Database, refund: OrderRefund): Promise<void> {
  await database.transaction(async sql => {
    const refused = await sql.query(
      `update order_refund set state = 'refused' where order_refund_id = $1 and state = 'pending' returning 1 as one`,
      [refund.orderRefundId],
    )
    if (refused.length > 0) await markPieces(sql, refund.orderId, refund, -1)
  })
}

export async function postponeRefund(sql: Sql, id: Id<'orderRefund'>, delayMs: number): Promise<void> {
  await sql.query(
    `update order_refund set attempt = attempt + 1, lease_until = now() + $2 * interval '1 millisecond'
     where order_refund_id = $1 and state = 'pending'`,
    [id, delayMs],
  )
}
