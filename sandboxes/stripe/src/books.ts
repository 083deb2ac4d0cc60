import type { Charge } from './charges.ts'
import type { Dispute } from './disputes.ts'
import type { PaymentIntent } from './payment-intents.ts'
import type { Refund, RefundSecrets } from './refunds.ts'
import type { World } from './world.ts'

/** One payment as a ledger would hold it. */
interface Book {
  readonly id: string
  readonly metadata: Record<string, string>
  readonly currency: string
  readonly state: string
  /** Approved by the bank at any time, and of that what can still be captured. */
  readonly authorized: number
  readonly capturable: number
  readonly captured: number
  /** Of captured money: a release of an authorization is no refund here. */
  readonly refunded: number
  /** Withdrawn and not given back, and of that what is lost for good. */
  readonly disputed: number
  readonly disputeLost: number
}

const PAGE_DEFAULT = 1000
export const BOOKS_PAGE_MAX = 10_000

/** Oldest first; `next` is the `after` of the next page. */
export function readBooks(world: World, after: string | undefined, limit = PAGE_DEFAULT) {
  const from =
    after === undefined ? 0 : Number(world.db.row('SELECT seq FROM object WHERE id = ?', after)?.seq ?? 0)
  const rows = world.db.rows(
    "SELECT body FROM object WHERE type = 'payment_intent' AND seq > ? ORDER BY seq LIMIT ?",
    from,
    limit + 1,
  )
  const intents = rows
    .slice(0, limit)
    .map(row => bookOf(world, JSON.parse(String(row.body)) as PaymentIntent))
  return { intents, next: rows.length > limit ? (intents.at(-1)?.id ?? null) : null }
}

function bookOf(world: World, intent: PaymentIntent): Book {
  const of = <T extends { id: string; object: string }, H>(type: string) =>
    world.objects.list<T & { [field: string]: unknown }, H>({ type, payment_intent: intent.id })
  const charges = of<Charge, unknown>('charge').filter(({ body }) => body.status === 'succeeded')
  const refunds = of<Refund, RefundSecrets>('refund').filter(
    ({ body, hidden }) => !hidden.release && (body.status === 'succeeded' || body.status === 'pending'),
  )
  const disputes = of<Dispute, unknown>('dispute').filter(
    ({ body }) => body.balance_transactions.length % 2 === 1,
  )
  return {
    id: intent.id,
    metadata: intent.metadata,
    currency: intent.currency,
    state: intent.status,
    authorized: sum(charges),
    capturable: intent.amount_capturable,
    captured: intent.amount_received,
    refunded: sum(refunds),
    disputed: sum(disputes),
    disputeLost: sum(disputes.filter(({ body }) => body.status === 'lost')),
  }
}

function sum(objects: readonly { readonly body: { readonly amount: number } }[]): number {
  return objects.reduce((total, { body }) => total + body.amount, 0)
}
