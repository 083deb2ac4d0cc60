import { ID_PREFIXES, type Id } from '@storewright/kernel/ids'
import type { Sql } from '@storewright/postgres/sql'
import { type ProviderTools, syncPayment, voidProviderPayment } from './payment-page.ts'
import { beginRefund, sendRefund } from './provider-commands.ts'
import { findPayment, leftToRefund, lockPayment, type PaymentRow } from './store.ts'

const REASON = 'order canceled'

/**
 * Undoes a payment whose order was canceled, as far as it has come: the authorization is given up, or what was captured
 * is refunded. Repeating is harmless. Rejects while the provider's answer is unknown; after its definite refusal the money
 * is still here, and giving it back is left to staff.
 */
export async function giveBack(tools: ProviderTools, row: PaymentRow): Promise<PaymentRow> {
  // Captured or voided already: then this asks nobody. A capture may win against the void, and is refunded then.
  const ended = await voidProviderPayment(tools, row)
  if (ended.state !== 'captured') return ended
  const refundId = refundOfCancellation(row.payment_id)
  if (!(await isKnown(tools.database, refundId))) {
    // A refund made at the provider by hand, of which no webhook has told, counts too.
    await syncPayment(tools, ended)
    if (await beginRest(tools, row.payment_id, refundId)) tools.eventsAppended()
  }
  const unsent = await findUnsent(tools.database, refundId)
  if (unsent) {
    const reason = await sendRefund(tools, ended, unsent)
    if (reason !== undefined)
      tools.log.error(
        { paymentId: row.payment_id, reason },
        'the provider refused to refund a canceled order: staff must give the money back',
      )
  }
  return (await findPayment(tools.database, row.payment_id)) ?? ended
}

/** One per payment, found again by everybody who repeats the command: its id is made of the payment's. */
function refundOfCancellation(paymentId: Id<'payment'>): Id<'refund'> {
  return `${ID_PREFIXES.refund}_${paymentId.slice(ID_PREFIXES.payment.length + 1)}`
}

/** What is left, under the payment's lock: nothing while a bank has the money. False: there is nothing to refund. */
async function beginRest(
  { database }: ProviderTools,
  paymentId: Id<'payment'>,
  refundId: Id<'refund'>,
): Promise<boolean> {
  return database.transaction(async sql => {
    const row = await lockPayment(sql, paymentId)
    if (!row || (await isKnown(sql, refundId))) return false
    const amount = leftToRefund(row)
    if (amount < 1) return false
    const begun = await beginRefund(sql, {
      paymentId,
      refundId,
      amount,
      currency: row.currency,
      reason: REASON,
    })
    return !('denied' in begun)
  })
}

async function isKnown(sql: Sql, refundId: Id<'refund'>): Promise<boolean> {
  return (await sql.query('select 1 from refund where refund_id = $1', [refundId])).length > 0
}

async function findUnsent(
  sql: Sql,
  refundId: Id<'refund'>,
): Promise<{ refundId: Id<'refund'>; amount: number } | undefined> {
  const [row] = await sql.query<{ amount: number }>(
    `select amount from refund where refund_id = $1 and state = 'pending' and provider_refund_id is null`,
    [refundId],
  )
  return row && { refundId, amount: row.amount }
}
