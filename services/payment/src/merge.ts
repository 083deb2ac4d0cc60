import { appendEvents } from '@storewright/events/outbox'
import { type Id, newId } from '@storewright/kernel/ids'
import type { Database, Sql } from '@storewright/postgres/sql'
import {
  mismatchOf,
  type PaymentState,
  type ProviderDispute,
  type ProviderRefund,
  type ProviderState,
  stateAfter,
} from './domain.ts'
import { bookTransfer } from './ledger.ts'
import { ASK_AGAIN_SECONDS, attemptEnded, eventOf, lockPayment, type PaymentRow } from './store.ts'

/** The provider's books are about another payment than ours: nothing may be concluded from them. */
export class ProviderMismatch extends Error {
  override readonly name = 'ProviderMismatch'
}

/**
 * Takes over how the provider says a payment stands: under the row's lock, only ever forward, so that news in any order
 * and any number end the same. What changed is booked, published and answered; `captureFailure` is the provider's
 * refusal to capture, heard before this state was read.
 */
export async function mergeState(
  database: Database,
  paymentId: Id<'payment'>,
  heard: ProviderState,
  captureFailure?: string,
): Promise<{ payment: PaymentRow; changed: boolean }> {
  return database.transaction(async sql => {
    const was = await lockPayment(sql, paymentId)
    if (!was) throw new Error(`there is no payment ${paymentId}`)
    const subject = { checkoutId: was.checkout_id, amount: was.amount, currency: was.currency }
    const mismatch = mismatchOf(subject, heard)
    if (mismatch) throw new ProviderMismatch(`payment ${paymentId} at the provider: ${mismatch}`)

    const refunds = await mergeRefunds(sql, was, heard.refunds)
    const disputed = await mergeDisputes(sql, was, heard.disputes)
    const state = nextState(was.state, heard, captureFailure)
    const captured = state === 'captured' ? Math.max(was.captured_amount, heard.capturedAmount) : 0
    if (captured > was.captured_amount) await bookCapture(sql, was, captured)
    const failure = captureFailure ?? (state === was.state ? (heard.failure ?? was.failure) : null)

    const isSettled = state !== 'pending' && refunds.pending === 0
    const [payment] = await sql.query<PaymentRow>(
      `update payment set state = $2, captured_amount = $3, refunded_amount = $4, disputed_amount = $5,
         intent_id = coalesce(intent_id, $6), capture_before = $7, card = coalesce($8, card), failure = $9,
         page_url = coalesce(page_url, $12),
         page_request = case when $2 = 'pending' and $12::text is null then page_request
           else page_request - 'paymentToken' end,
         sweep_at = case when $10 then null else now() + interval '${ASK_AGAIN_SECONDS} seconds' end,
         version = version + $11, updated_at = now()
       where payment_id = $1 returning *`,
      [
        paymentId,
        state,
        captured,
        refunds.total,
        disputed,
        heard.intentId,
        state === 'authorized' ? heard.captureBefore : null,
        heard.card && JSON.stringify(heard.card),
        failure,
        isSettled,
        isNews(was, state, refunds.total, disputed) ? 1 : 0,
        heard.actionUrl,
      ],
    )
    if (!payment) throw new Error(`payment ${paymentId} was locked and is gone`)
    const changed = payment.version !== was.version
    if (changed) await appendEvents(sql, [eventOf(payment, eventType(was, payment))])
    if (was.state === 'pending' && payment.state !== 'pending')
      await appendEvents(sql, [attemptEnded(payment)])
    return { payment, changed }
  })
}

function nextState(
  was: PaymentState,
  heard: ProviderState,
  captureFailure: string | undefined,
): PaymentState {
  const state = stateAfter(was, heard.status)
  return captureFailure !== undefined && state === 'authorized' ? 'capture-failed' : state
}

function isNews(was: PaymentRow, state: PaymentState, refunded: number, disputed: number): boolean {
  return was.state !== state || was.refunded_amount !== refunded || was.disputed_amount !== disputed
}

function eventType(was: PaymentRow, is: PaymentRow): string {
  if (was.state !== is.state) return `payment.${is.state}`
  return was.disputed_amount === is.disputed_amount ? 'payment.refunded' : 'payment.disputed'
}

async function bookCapture(sql: Sql, was: PaymentRow, captured: number): Promise<void> {
  const amount = captured - was.captured_amount
  await bookTransfer(sql, {
    paymentId: was.payment_id,
    kind: 'capture',
    cause: String(captured),
    currency: was.currency,
    entries: [
      { account: 'customer', amount: -amount },
      { account: 'provider', amount },
    ],
  })
}

/**
 * Refunds that the provider knows, ours or made there by hand, become rows; money that left is booked once, and once
 * back when the refund failed. Answers what is refunded or asked for, over all rows.
 */
async function mergeRefunds(
  sql: Sql,
  payment: PaymentRow,
  heard: readonly ProviderRefund[],
): Promise<{ total: number; pending: number }> {
  for (const refund of heard) {
    const was = await upsertRefund(sql, payment, refund)
    if (!was.isBooked) await bookRefund(sql, payment, refund, 'refund')
    if (refund.state === 'failed' && was.state !== 'failed')
      await bookRefund(sql, payment, refund, 'refund-failed')
  }
  const [sums] = await sql.query<{ total: number; pending: number }>(
    `select coalesce(sum(amount) filter (where state <> 'failed'), 0)::bigint as total,
       count(*) filter (where state = 'pending')::int as pending
     from refund where payment_id = $1`,
    [payment.payment_id],
  )
  return sums ?? { total: 0, pending: 0 }
}

/** The row as it was: whether the money's leaving has been booked, and its state. */
async function upsertRefund(
  sql: Sql,
  payment: PaymentRow,
  refund: ProviderRefund,
): Promise<{ isBooked: boolean; state: ProviderRefund['state'] }> {
  const [was] = await sql.query<{
    refund_id: Id<'refund'>
    provider_refund_id: string | null
    state: ProviderRefund['state']
  }>(
    `select refund_id, provider_refund_id, state from refund
     where payment_id = $1 and (provider_refund_id = $2 or (provider_refund_id is null and refund_id = $3))`,
    [payment.payment_id, refund.providerRefundId, refund.refundId],
  )
  if (!was) {
    await sql.query(
      `insert into refund (refund_id, payment_id, amount, reason, state, provider_refund_id, failure)
       values ($1, $2, $3, 'made at the payment provider', $4, $5, $6)`,
      [
        newId('refund'),
        payment.payment_id,
        refund.amount,
        refund.state,
        refund.providerRefundId,
        refund.failure,
      ],
    )
    return { isBooked: false, state: 'pending' }
  }
  // A refund that failed stays failed: the provider makes a new one, it does not revive this.
  await sql.query(
    `update refund set provider_refund_id = $2, state = case when state = 'failed' then state else $3 end,
       failure = $4, updated_at = now()
     where refund_id = $1`,
    [was.refund_id, refund.providerRefundId, refund.state, refund.failure],
  )
  return { isBooked: was.provider_refund_id !== null, state: was.state }
}

function bookRefund(
  sql: Sql,
  payment: PaymentRow,
  refund: ProviderRefund,
  kind: 'refund' | 'refund-failed',
): Promise<void> {
  const amount = kind === 'refund' ? refund.amount : -refund.amount
  return bookTransfer(sql, {
    paymentId: payment.payment_id,
    kind,
    cause: refund.providerRefundId,
    currency: payment.currency,
    entries: [
      { account: 'provider', amount: -amount },
      { account: 'customer', amount },
    ],
  })
}

/** Where a dispute moves the money, by the state that it reaches. */
const DISPUTE_TRANSFERS = {
  open: { kind: 'dispute', from: 'provider', to: 'disputed' },
  won: { kind: 'dispute-won', from: 'disputed', to: 'provider' },
  lost: { kind: 'dispute-lost', from: 'disputed', to: 'customer' },
} as const

/** Answers what open and lost disputes have taken. */
async function mergeDisputes(
  sql: Sql,
  payment: PaymentRow,
  heard: readonly ProviderDispute[],
): Promise<number> {
  for (const dispute of heard) {
    const { providerDisputeId, amount, reason, state } = dispute
    const [was] = await sql.query<{ state: ProviderDispute['state'] }>(
      'select state from dispute where provider_dispute_id = $1',
      [providerDisputeId],
    )
    await sql.query(
      `insert into dispute (provider_dispute_id, payment_id, amount, state, reason) values ($1, $2, $3, $4, $5)
       on conflict (provider_dispute_id) do update set state = excluded.state, updated_at = now()
       where dispute.state = 'open'`,
      [providerDisputeId, payment.payment_id, amount, state, reason],
    )
    // The money went when the dispute was opened, also when its end is the first that is heard of it.
    if (!was) await bookDispute(sql, payment, dispute, 'open')
    if (state !== 'open' && (!was || was.state === 'open')) await bookDispute(sql, payment, dispute, state)
  }
  const [sum] = await sql.query<{ total: number }>(
    `select coalesce(sum(amount), 0)::bigint as total from dispute where payment_id = $1 and state <> 'won'`,
    [payment.payment_id],
  )
  return sum?.total ?? 0
}

function bookDispute(
  sql: Sql,
  payment: PaymentRow,
  { providerDisputeId, amount }: ProviderDispute,
  reached: ProviderDispute['state'],
): Promise<void> {
  const { kind, from, to } = DISPUTE_TRANSFERS[reached]
  return bookTransfer(sql, {
    paymentId: payment.payment_id,
    kind,
    cause: providerDisputeId,
    currency: payment.currency,
    entries: [
      { account: from, amount: -amount },
      { account: to, amount },
    ],
  })
}
