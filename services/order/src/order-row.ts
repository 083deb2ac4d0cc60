import type { Id } from '@storewright/kernel/ids'
import { type Currency, money } from '@storewright/kernel/money'
import type { Order } from './contract.ts'

/** An order as the database gives it: its columns, and its lines and timeline gathered as JSON. */
export interface OrderRow {
  order_id: Id<'order'>
  number: number
  checkout_id: Id<'checkout'>
  owner: string
  market_id: string
  status: Order['status']
  payment_status: Order['paymentStatus']
  fulfillment_status: Order['fulfillmentStatus']
  currency: Currency
  email: string
  subtotal: number
  shipping_price: number
  tax: number
  total: number
  tax_included: boolean
  snapshot: Pick<Order, 'taxLines' | 'shipping' | 'payment' | 'shippingAddress' | 'billingAddress' | 'note'>
  placed_at: Date
  lines: LineRow[]
  timeline: { type: string; title: string; at: string }[]
}

interface LineRow {
  order_line_id: Id<'orderLine'>
  sku: string
  quantity: number
  unit_price: number
  total: number
  tax: number
  tax_rate_basis_points: number
  vendor_id: Id<'vendor'>
  snapshot: Pick<Order['lines'][number], 'slug' | 'title' | 'variantTitle' | 'image'>
}

export const ORDER_COLUMNS = `orders.*,
  (select jsonb_agg(to_jsonb(line) order by line.position) from order_line line
    where line.order_id = orders.order_id) as lines,
  (select jsonb_agg(to_jsonb(entry) order by entry.position) from order_timeline entry
    where entry.order_id = orders.order_id) as timeline`

export function orderOf(row: OrderRow): Order {
  const amount = (minor: number) => money(minor, row.currency)
  return {
    orderId: row.order_id,
    number: numberForPeople(row.number),
    checkoutId: row.checkout_id,
    marketId: row.market_id,
    status: row.status,
    paymentStatus: row.payment_status,
    fulfillmentStatus: row.fulfillment_status,
    currency: row.currency,
    email: row.email,
    lines: row.lines.map(line => ({
      orderLineId: line.order_line_id,
      sku: line.sku,
      quantity: line.quantity,
      unitPrice: amount(line.unit_price),
      total: amount(line.total),
      tax: amount(line.tax),
      taxRateBasisPoints: line.tax_rate_basis_points,
      vendorId: line.vendor_id,
      ...line.snapshot,
    })),
    totals: {
      subtotal: amount(row.subtotal),
      shipping: amount(row.shipping_price),
      tax: amount(row.tax),
      total: amount(row.total),
      taxIncluded: row.tax_included,
    },
    ...row.snapshot,
    placedAt: row.placed_at.toISOString(),
    timeline: row.timeline.map(({ type, title, at }) => ({ type, title, at: new Date(at).toISOString() })),
  }
}

/** Order numbers are for people to read aloud; ids are for programs. */
export function numberForPeople(number: number): string {
  return `SW-${number}`
}
