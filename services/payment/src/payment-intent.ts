import {
  beginAttempt,
  endDeclined,
  type NewAttempt,
  type ProviderTools,
  syncPayment,
} from './payment-page.ts'
import { recordCall, withOutcome } from './provider-calls.ts'
import { findAttempt, type PaymentRow, type TokenContent } from './store.ts'
import { ProviderFault, ProviderRefusal } from './stripe.ts'

/**
 * An attempt with a card: authorized at once, or pending with a page for 3-D Secure, or voided with its decline. Rejects
 * while that is not known, and may be repeated then. The intent is made first and confirmed after its id is stored, not
 * both in one call: a second intent, after a fault, is nothing to anybody, and one intent cannot be authorized twice.
 */
export async function confirmIntent(
  tools: ProviderTools,
  attempt: NewAttempt<TokenContent>,
): Promise<PaymentRow> {
  const row = await beginAttempt(tools, attempt)
  if (row.state !== 'pending') return row
  // What an earlier try came to is taken over before another is made.
  const known = row.intent_id === null ? await createIntent(tools, row) : await syncPayment(tools, row)
  return isAnswered(known) ? known : confirm(tools, known)
}

async function createIntent(tools: ProviderTools, row: PaymentRow): Promise<PaymentRow> {
  const { payment_id: paymentId, checkout_id: checkoutId, attempt, amount, currency } = row
  const command = `${checkoutId}:intent:${attempt}`
  const { key } = await recordCall(tools.database, { paymentId, kind: 'create-intent', command, amount })
  const call = tools.stripe.createIntent({ checkoutId, amount, currency }, key)
  const intentId = await withOutcome(tools.database, key, call)
  const [created] = await tools.database.query<PaymentRow>(
    `update payment set intent_id = $2, updated_at = now()
     where payment_id = $1 and state = 'pending' and intent_id is null returning *`,
    [paymentId, intentId],
  )
  // Voided meanwhile: then it stays unconfirmed. Or a twin of this request was faster.
  return created ?? (await findAttempt(tools.database, checkoutId, attempt)) ?? row
}

async function confirm(tools: ProviderTools, row: PaymentRow): Promise<PaymentRow> {
  const { payment_id: paymentId, intent_id: intentId, page_request: content } = row
  if (!intentId || !content || !('paymentToken' in content) || !content.paymentToken)
    throw new Error(`payment ${paymentId} has no intent to confirm, or no card`)
  const { paymentToken, returnUrl } = content
  const command = `${row.checkout_id}:confirm:${row.attempt}`
  const { key } = await recordCall(tools.database, { paymentId, kind: 'confirm-intent', command })
  const call = tools.stripe.confirmIntent({ intentId, paymentToken, returnUrl }, key)
  const failure = await withOutcome(tools.database, key, call).then(
    () => undefined,
    error => {
      if (error instanceof ProviderRefusal || error instanceof ProviderFault) return error
      throw error
    },
  )
  // Whatever was answered, what is there now counts: a fault may have taken effect, a refusal mean a canceled intent.
  const heard = await syncPayment(tools, row)
  if (isAnswered(heard)) return heard
  if (failure instanceof ProviderRefusal)
    return endDeclined(tools, heard, { reason: failure.message, declineCode: null })
  throw failure ?? new Error(`payment ${paymentId} was confirmed and is neither authorized nor declined`)
}

function isAnswered(row: PaymentRow): boolean {
  return row.state !== 'pending' || row.page_url !== null
}
