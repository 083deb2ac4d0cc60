import { appendEvents } from '@storewright/events/outbox'
import { type Id, newId } from '@storewright/kernel/ids'
import type { Sql } from '@storewright/postgres/sql'
import { mayBecome } from './domain.ts'
import { bookTransfer } from './ledger.ts'
import { type ProviderTools, takeOver } from './payment-page.ts'
import { recordCall, withOutcome } from './provider-calls.ts'
import { ASK_AGAIN_SECONDS, eventOf, leftToRefund, lockPayment, type PaymentRow } from './store.ts'
import { ProviderFault, ProviderRefusal } from './stripe.ts'

/** A command that this payment does not allow, said before the provider is asked. */
export type Denied =
  | { readonly denied: 'not-found' }
  | { readonly denied: 'payment-state'; readonly state: string }
  | { readonly denied: 'amount'; readonly message: string }

interface BegunCapture {
  readonly row: PaymentRow
  /** Undefined: it is captured already. */
  readonly ask?: { readonly intentId: string; readonly captured: number; readonly key: string }
}

/**
 * Takes authorized money, all of it or `amount`. Repeating is harmless: until the provider has refused, it is the same
 * command with the same key; a captured payment is answered as it is.
 */
export async function capture(
  tools: ProviderTools,
  paymentId: Id<'payment'>,
  amount?: number,
): Promise<PaymentRow | Denied> {
  const begun = await tools.database.transaction(async (sql): Promise<BegunCapture | Denied> => {
    const row = await lockPayment(sql, paymentId)
    if (!row) return { denied: 'not-found' }
    if (row.state === 'captured') return { row }
    const intentId = row.intent_id
    if (
      row.provider !== 'stripe' ||
      !intentId ||
      !mayBecome(row.state, 'captured') ||
      row.state === 'pending'
    )
      return { denied: 'payment-state', state: row.state }
    const captured = amount ?? row.amount
    if (captured < 1 || captured > row.amount)
      return {
        denied: 'amount',
        message: `must be from 1 to ${row.amount} ${row.currency} in minor units`,
      }
    const command = `${row.checkout_id}:capture`
    const { key } = await recordCall(sql, { paymentId, kind: 'capture', command, amount: captured })
    await sweepSoon(sql, paymentId)
    return { row, ask: { intentId, captured, key } }
  })
  if ('denied' in begun) return begun
  const { row, ask } = begun
  if (!ask) return row
  const call = tools.stripe.capture(ask.intentId, ask.captured, ask.key)
  const failure = await failureOf(withOutcome(tools.database, ask.key, call))
  const refusal = failure instanceof ProviderRefusal ? failure.message : undefined
  const { payment } = await takeOver(tools, row, refusal)
  // It may have taken effect all the same, and then it has not failed.
  if (failure instanceof ProviderFault && payment.state !== 'captured') throw failure
  return payment
}

/**
 * A refund's row, in the caller's transaction: the amount counts as refunded from here on, so that two at once cannot
 * exceed what was captured. Money that the merchant collected himself is given back by himself: that refund is done.
 */
export async function beginRefund(
  sql: Sql,
  wanted: {
    paymentId: Id<'payment'>
    /** Of a refund that may be begun once only. */
    refundId?: Id<'refund'>
    amount: number
    currency: string
    reason: string
  },
): Promise<{ refundId: Id<'refund'> } | Denied> {
  const { paymentId, amount, currency, reason } = wanted
  const row = await lockPayment(sql, paymentId)
  if (!row) return { denied: 'not-found' }
  if (row.state !== 'captured') return { denied: 'payment-state', state: row.state }
  const [open] = await sql.query(`select 1 from dispute where payment_id = $1 and state = 'open'`, [
    paymentId,
  ])
  // The bank has the money already: it would be given back twice.
  if (open) return { denied: 'payment-state', state: 'disputed' }
  const left = leftToRefund(row)
  if (currency !== row.currency || amount < 1 || amount > left)
    return { denied: 'amount', message: `must be from 1 to ${left} ${row.currency} in minor units` }

  const refundId = wanted.refundId ?? newId('refund')
  const isManual = row.provider === 'manual'
  await sql.query(
    `insert into refund (refund_id, payment_id, amount, reason, state) values ($1, $2, $3, $4, $5)`,
    [refundId, paymentId, amount, reason, isManual ? 'succeeded' : 'pending'],
  )
  const [payment] = await sql.query<PaymentRow>(
    `update payment set refunded_amount = refunded_amount + $2, version = version + 1, updated_at = now()
     where payment_id = $1 returning *`,
    [paymentId, amount],
  )
  if (payment) await appendEvents(sql, [eventOf(payment, 'payment.refunded')])
  if (isManual) {
    const entries = [
      { account: 'merchant', amount: -amount },
      { account: 'customer', amount },
    ] as const
    await bookTransfer(sql, { paymentId, kind: 'refund', cause: refundId, currency: row.currency, entries })
  } else {
    await sweepSoon(sql, paymentId)
  }
  return { refundId }
}

/**
 * Asks the provider for a refund that has begun. Answers its refusal, if it refused; the amount is free again then.
 * Rejects when the answer was lost or a fault, and the provider does not list the refund: the sweeper asks again.
 */
export async function sendRefund(
  tools: ProviderTools,
  payment: PaymentRow,
  refund: { refundId: Id<'refund'>; amount: number },
): Promise<string | undefined> {
  const { refundId, amount } = refund
  const { payment_id: paymentId, intent_id: intentId } = payment
  if (!intentId) throw new Error(`payment ${paymentId} was captured and has no intent`)
  const isListed = async () => {
    const { heard } = await takeOver(tools, payment)
    return heard.refunds.some(known => known.refundId === refundId)
  }
  const { key, isRepeated } = await recordCall(tools.database, {
    paymentId,
    kind: 'refund',
    command: refundId,
    amount,
  })
  if (isRepeated && (await isListed())) return undefined
  const call = tools.stripe.refund({ intentId, amount, refundId }, key)
  const failure = await failureOf(withOutcome(tools.database, key, call))
  if (failure instanceof ProviderRefusal) await markRefused(tools.database, refundId, failure.message)
  const isThere = await isListed()
  if (failure instanceof ProviderFault && !isThere) throw failure
  return failure instanceof ProviderRefusal ? failure.message : undefined
}

async function markRefused(sql: Sql, refundId: Id<'refund'>, reason: string): Promise<void> {
  await sql.query(
    `update refund set state = 'failed', failure = $2, updated_at = now()
     where refund_id = $1 and state = 'pending' and provider_refund_id is null`,
    [refundId, reason],
  )
}

/** What the provider answered instead; without any answer the call rejects. */
async function failureOf(call: Promise<void>): Promise<ProviderRefusal | ProviderFault | undefined> {
  try {
    await call
    return undefined
  } catch (error) {
    if (error instanceof ProviderRefusal || error instanceof ProviderFault) return error
    throw error
  }
}

/** Should the answer be lost, the sweeper asks how it ended. */
async function sweepSoon(sql: Sql, paymentId: Id<'payment'>): Promise<void> {
  await sql.query(
    `update payment set sweep_at = now() + interval '${ASK_AGAIN_SECONDS} seconds' where payment_id = $1`,
    [paymentId],
  )
}
