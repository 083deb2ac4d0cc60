import { appendEvents } from '@storewright/events/outbox'
import { type Id, newId } from '@storewright/kernel/ids'
import { type Currency, money } from '@storewright/kernel/money'
import type { Database, Sql } from '@storewright/postgres/sql'
import type { Decline, PaymentMethod, PaymentState } from './domain.ts'
import { bookTransfer } from './ledger.ts'
import type { PageContent } from './stripe-parameters.ts'

/** A card that came with its order. The token is kept until it was used. */
export interface TokenContent {
  readonly paymentToken?: string
  readonly returnUrl: string
}

export interface PaymentRow {
  payment_id: Id<'payment'>
  checkout_id: Id<'checkout'>
  attempt: number
  provider: 'manual' | 'stripe'
  method: PaymentMethod
  state: PaymentState
  on_terms: boolean
  amount: number
  currency: Currency
  captured_amount: number
  refunded_amount: number
  disputed_amount: number
  session_id: string | null
  intent_id: string | null
  page_url: string | null
  page_expires_at: Date | null
  page_request: PageContent | TokenContent | null
  capture_before: Date | null
  card: { brand: string; last4: string } | null
  failure: string | null
  decline: Decline | null
  version: number
  created_at: Date
}

/** While something is under way for a payment, the provider is asked again after this. */
export const ASK_AGAIN_SECONDS = 60

export interface NewAuthorization {
  readonly checkoutId: Id<'checkout'>
  readonly attempt: number
  readonly method: PaymentMethod
  readonly onTerms: boolean
  readonly amount: number
  readonly currency: Currency
}

/**
 * Writes many authorizations in one transaction. Each item gets its row: the new one, or the one that the same
 * (checkout, attempt) already has. A second live authorization of a checkout breaks the unique index, and the lane
 * that calls this finds the one item at fault.
 */
export async function insertAuthorizations(
  database: Database,
  items: readonly NewAuthorization[],
): Promise<PaymentRow[]> {
  return database.transaction(async sql => {
    const inserted = await sql.query<PaymentRow>(
      `insert into payment (payment_id, checkout_id, attempt, provider, method, state, on_terms, amount, currency)
       select payment_id, checkout_id, attempt, 'manual', method, 'authorized', on_terms, amount, currency
       from unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::boolean[], $6::bigint[], $7::text[])
         as item (payment_id, checkout_id, attempt, method, on_terms, amount, currency)
       on conflict on constraint payment_attempt_key do nothing
       returning *`,
      [
        items.map(() => newId('payment')),
        items.map(item => item.checkoutId),
        items.map(item => item.attempt),
        items.map(item => item.method),
        items.map(item => item.onTerms),
        items.map(item => item.amount),
        items.map(item => item.currency),
      ],
    )
    await appendEvents(
      sql,
      inserted.map(row => eventOf(row, 'payment.authorized')),
    )
    const rows = new Map(inserted.map(row => [keyOf(row.checkout_id, row.attempt), row]))
    const known = items.filter(item => !rows.has(keyOf(item.checkoutId, item.attempt)))
    if (known.length > 0)
      for (const row of await findAttempts(sql, known)) rows.set(keyOf(row.checkout_id, row.attempt), row)
    return items.map(item => rows.get(keyOf(item.checkoutId, item.attempt)) as PaymentRow)
  })
}

/**
 * authorized → voided, for payments without a provider. When the attempt never arrived, a voided row takes its place, so that an authorization that
 * is still under way finds it and does not come to life.
 */
export async function voidAttempt(
  database: Database,
  checkoutId: Id<'checkout'>,
  attempt: number,
): Promise<{ state: PaymentState; changed: boolean }> {
  return database.transaction(async sql => {
    const tombstone = await sql.query(
      `insert into payment (payment_id, checkout_id, attempt, provider, method, state, on_terms, amount, currency)
       values ($1, $2, $3, 'manual', 'invoice', 'voided', false, 0, 'EUR')
       on conflict on constraint payment_attempt_key do nothing returning payment_id`,
      [newId('payment'), checkoutId, attempt],
    )
    if (tombstone.length > 0) return { state: 'voided', changed: false }
    const [row] = await sql.query<PaymentRow>(
      `update payment set state = 'voided', version = version + 1, updated_at = now()
       where checkout_id = $1 and attempt = $2 and state = 'authorized' and provider = 'manual' returning *`,
      [checkoutId, attempt],
    )
    if (row) {
      await appendEvents(sql, [eventOf(row, 'payment.voided')])
      return { state: 'voided', changed: true }
    }
    const current = await findAttempt(sql, checkoutId, attempt)
    return { state: current?.state ?? 'voided', changed: false }
  })
}

/** The merchant has the money: authorized → captured in full, within the caller's transaction. */
export async function recordCapture(sql: Sql, payment: PaymentRow): Promise<PaymentRow> {
  const { payment_id, amount, currency } = payment
  const [row] = await sql.query<PaymentRow>(
    `update payment set state = 'captured', captured_amount = amount, version = version + 1, updated_at = now()
     where payment_id = $1 and state = 'authorized' returning *`,
    [payment_id],
  )
  if (!row) throw new Error(`payment ${payment_id} was locked as ${payment.state} and has changed`)
  await bookTransfer(sql, {
    paymentId: payment_id,
    kind: 'capture',
    cause: String(amount),
    entries: [
      { account: 'customer', amount: -amount },
      { account: 'merchant', amount },
    ],
    currency,
  })
  await appendEvents(sql, [eventOf(row, 'payment.captured')])
  return row
}

/** Locks the row: what is decided on it stays true until commit. */
export async function lockPayment(sql: Sql, paymentId: Id<'payment'>): Promise<PaymentRow | undefined> {
  const [row] = await sql.query<PaymentRow>('select * from payment where payment_id = $1 for update', [
    paymentId,
  ])
  return row
}

export async function findPayment(sql: Sql, paymentId: Id<'payment'>): Promise<PaymentRow | undefined> {
  const [row] = await sql.query<PaymentRow>('select * from payment where payment_id = $1', [paymentId])
  return row
}

export async function findAttempt(
  sql: Sql,
  checkoutId: Id<'checkout'>,
  attempt: number,
): Promise<PaymentRow | undefined> {
  const [row] = await findAttempts(sql, [{ checkoutId, attempt }])
  return row
}

export function paymentOf(row: PaymentRow) {
  const { currency } = row
  return {
    paymentId: row.payment_id,
    checkoutId: row.checkout_id,
    provider: row.provider,
    method: row.method,
    state: row.state,
    onTerms: row.on_terms,
    amount: money(row.amount, currency),
    capturedAmount: money(row.captured_amount, currency),
    refundedAmount: money(row.refunded_amount, currency),
    disputedAmount: money(row.disputed_amount, currency),
    card: row.card,
    captureBefore: row.capture_before?.toISOString() ?? null,
    failure: row.failure ?? row.decline?.reason ?? null,
    createdAt: row.created_at.toISOString(),
  }
}

function findAttempts(
  sql: Sql,
  keys: readonly { checkoutId: Id<'checkout'>; attempt: number }[],
): Promise<PaymentRow[]> {
  return sql.query<PaymentRow>(
    `select payment.* from payment
     join unnest($1::text[], $2::int[]) as key (checkout_id, attempt) using (checkout_id, attempt)`,
    [keys.map(key => key.checkoutId), keys.map(key => key.attempt)],
  )
}

/** What may still be given back, in minor units: not what is refunded or asked for, nor what a bank has taken. */
export function leftToRefund(row: PaymentRow): number {
  return row.captured_amount - row.refunded_amount - row.disputed_amount
}

/** Beside the payment's own event, when it has left `pending`: that happens once. */
export function attemptEnded({ payment_id, checkout_id }: PaymentRow) {
  return {
    aggregateType: 'payment-attempt',
    aggregateId: payment_id,
    aggregateSeq: 1,
    type: 'attempt.ended',
    payload: { checkoutId: checkout_id },
  }
}

export function eventOf(row: PaymentRow, type: string) {
  return {
    aggregateType: 'payment',
    aggregateId: row.payment_id,
    aggregateSeq: row.version,
    type,
    payload: paymentOf(row),
  }
}

function keyOf(checkoutId: string, attempt: number): string {
  return `${checkoutId}:${attempt}`
}
