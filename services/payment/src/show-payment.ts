import type { Id } from '@storewright/kernel/ids'
import { type Currency, money } from '@storewright/kernel/money'
import type { Sql } from '@storewright/postgres/sql'
import { ledgerOf } from './ledger.ts'
import { callsOf } from './provider-calls.ts'
import { findPayment, paymentOf } from './store.ts'

interface RefundRow {
  readonly refund_id: Id<'refund'>
  readonly payment_id: Id<'payment'>
  readonly amount: number
  readonly currency: Currency
  readonly reason: string
  readonly state: 'pending' | 'succeeded' | 'failed'
  readonly failure: string | null
  readonly created_at: Date
}

/** A payment with all that happened to it; undefined when there is none. */
export async function showPayment(sql: Sql, paymentId: Id<'payment'>) {
  const row = await findPayment(sql, paymentId)
  if (!row) return undefined
  const [refunds, disputes, ledger, calls] = await Promise.all([
    sql.query<RefundRow>(
      `select refund.*, currency from refund join payment using (payment_id)
       where payment_id = $1 order by refund_id`,
      [paymentId],
    ),
    sql.query<{
      provider_dispute_id: string
      amount: number
      state: 'open' | 'won' | 'lost'
      reason: string
    }>('select * from dispute where payment_id = $1 order by created_at', [paymentId]),
    ledgerOf(sql, paymentId),
    callsOf(sql, paymentId),
  ])
  return {
    ...paymentOf(row),
    providerReference: row.intent_id ?? row.session_id,
    refunds: refunds.map(refundOf),
    disputes: disputes.map(({ provider_dispute_id, amount, state, reason }) => ({
      providerReference: provider_dispute_id,
      amount: money(amount, row.currency),
      state,
      reason,
    })),
    ledger: ledger.map(({ kind, account, amount, currency, at }) => ({
      kind,
      account,
      amount: money(amount, currency),
      at: at.toISOString(),
    })),
    calls: calls.map(({ kind, state, detail, created_at }) => ({
      kind,
      state,
      detail,
      at: created_at.toISOString(),
    })),
  }
}

export async function findRefund(sql: Sql, refundId: Id<'refund'>) {
  const [row] = await sql.query<RefundRow>(
    'select refund.*, currency from refund join payment using (payment_id) where refund_id = $1',
    [refundId],
  )
  if (!row) throw new Error(`refund ${refundId} is gone`)
  return refundOf(row)
}

function refundOf(row: RefundRow) {
  return {
    refundId: row.refund_id,
    paymentId: row.payment_id,
    amount: money(row.amount, row.currency),
    reason: row.reason,
    state: row.state,
    failure: row.failure,
    createdAt: row.created_at.toISOString(),
  }
}
