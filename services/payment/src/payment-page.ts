import { appendEvents } from '@storewright/events/outbox'
import { type Id, newId } from '@storewright/kernel/ids'
import type { Currency } from '@storewright/kernel/money'
import type { Database, Sql } from '@storewright/postgres/sql'
import type { Logger } from '@storewright/rpc/log'
import { mergeState } from './merge.ts'
import { recordCall, withOutcome } from './provider-calls.ts'
import { eventOf, findAttempt, type PaymentRow } from './store.ts'
import { type PageContent, ProviderRefusal, type StripeProvider } from './stripe.ts'

/** What payments through a provider work with. */
export interface ProviderTools {
  readonly database: Database
  readonly stripe: StripeProvider
  readonly log: Logger
  /** Call after a commit that published. */
  eventsAppended(): void
}

/** Stripe's minimum is 30 minutes from the moment it reads the request. */
const PAGE_MINUTES = 31
/** A request that is older than this may have been refused only for having come so late. */
const LATE_SECONDS = 10

export interface NewPage {
  readonly checkoutId: Id<'checkout'>
  readonly attempt: number
  readonly amount: number
  readonly currency: Currency
  readonly request: PageContent
}

/**
 * The provider's page for an attempt: the row first, then the provider, whose answer is asked for again with the same
 * key and the same body when it was lost. A page that was voided meanwhile is answered as the row that it is.
 */
export async function openPage(tools: ProviderTools, page: NewPage): Promise<PaymentRow> {
  const row =
    (await insertPending(tools.database, page)) ??
    (await findAttempt(tools.database, page.checkoutId, page.attempt))
  if (!row) throw new Error(`the attempt ${page.checkoutId}:${page.attempt} is neither new nor there`)
  return row.state === 'pending' && row.session_id === null ? obtainPage(tools, row) : row
}

/**
 * A refusal is definite: no page exists that anybody has seen. One of a request that came late, after an outage, is
 * tried once more with a new end; any other ends the attempt here and now, and the stock need not wait for a page's end.
 */
async function obtainPage(tools: ProviderTools, row: PaymentRow): Promise<PaymentRow> {
  try {
    return await askForPage(tools, row)
  } catch (error) {
    if (!(error instanceof ProviderRefusal)) throw error
    const renewed = await renewEnd(tools.database, row.payment_id)
    if (renewed) return obtainPage(tools, renewed)
    if (await voidUnseen(tools.database, row.payment_id, { isRefused: true })) tools.eventsAppended()
    throw error
  }
}

/** After a fault over there a second page may exist; nobody has seen the first, so nobody can pay it. */
async function askForPage(tools: ProviderTools, row: PaymentRow): Promise<PaymentRow> {
  const { payment_id: paymentId, page_request: content, page_expires_at: expiresAt, currency } = row
  if (!content || !expiresAt) throw new Error(`payment ${paymentId} has no page to ask for`)
  const command = `${row.checkout_id}:page:${row.attempt}`
  const { key } = await recordCall(tools.database, { paymentId, kind: 'open-page', command })
  const request = { ...content, checkoutId: row.checkout_id, currency, expiresAt }
  const { sessionId, url } = await withOutcome(tools.database, key, tools.stripe.openPage(request, key))
  const [opened] = await tools.database.query<PaymentRow>(
    `update payment set session_id = $2, page_url = $3, updated_at = now()
     where payment_id = $1 and session_id is null returning *`,
    [paymentId, sessionId, url],
  )
  return opened ?? (await findAttempt(tools.database, row.checkout_id, row.attempt)) ?? row
}

/** How an attempt stands, asked of the provider when it can still change there. */
export async function syncPayment(tools: ProviderTools, row: PaymentRow): Promise<PaymentRow> {
  if (row.provider !== 'stripe') return row
  // Its answer was lost: nobody has seen the page, and the same key finds it again.
  const known = row.session_id === null ? await refindPage(tools, row) : row
  if (known.session_id === null) return known
  const heard = await tools.stripe.readState({ sessionId: known.session_id, intentId: known.intent_id })
  if (known.state === 'voided' && heard.status === 'authorized' && heard.intentId)
    await cancel(tools, known, heard.intentId)
  const { payment, changed } = await mergeState(tools.database, known.payment_id, heard)
  if (changed) tools.eventsAppended()
  return payment
}

/** Nobody has seen a page whose address was lost: past its time it is over; before, the same key finds it. */
async function refindPage(tools: ProviderTools, row: PaymentRow): Promise<PaymentRow> {
  if (row.state !== 'pending') return row
  const ended = await voidUnseen(tools.database, row.payment_id, { isRefused: false })
  if (ended) {
    tools.eventsAppended()
    return ended
  }
  return obtainPage(tools, row).catch(async error => {
    const current = await findAttempt(tools.database, row.checkout_id, row.attempt)
    if (error instanceof ProviderRefusal && current && current.state !== 'pending') return current
    throw error
  })
}

/** Ends the page. What is true afterwards is answered; a page that was paid in the same moment stays authorized. */
export async function closePage(tools: ProviderTools, row: PaymentRow): Promise<PaymentRow> {
  if (row.provider !== 'stripe' || row.state !== 'pending') return row
  const known = row.session_id === null ? await refindPage(tools, row) : row
  if (known.session_id !== null) await tools.stripe.closePage(known.session_id)
  return syncPayment(tools, known)
}

/** Page closed and authorization given up. Rejects while that cannot be said for certain. */
export async function voidProviderPayment(tools: ProviderTools, row: PaymentRow): Promise<PaymentRow> {
  const closed = await closePage(tools, row)
  if (closed.state === 'authorized' || closed.state === 'capture-failed') {
    if (!closed.intent_id) throw new Error(`payment ${row.payment_id} is authorized and has no intent`)
    await cancel(tools, closed, closed.intent_id)
    return syncPayment(tools, closed)
  }
  if (closed.state === 'pending') throw new Error(`the page of payment ${row.payment_id} did not close`)
  return closed
}

async function cancel(tools: ProviderTools, row: PaymentRow, intentId: string): Promise<void> {
  const command = `${row.checkout_id}:void:${row.attempt}`
  const { key } = await recordCall(tools.database, { paymentId: row.payment_id, kind: 'void', command })
  // Refused: canceled already, or captured meanwhile. The state that is read next says which.
  await withOutcome(tools.database, key, tools.stripe.cancel(intentId, key)).catch(error => {
    if (!(error instanceof ProviderRefusal)) throw error
  })
}

async function insertPending(sql: Sql, page: NewPage): Promise<PaymentRow | undefined> {
  const [row] = await sql.query<PaymentRow>(
    `insert into payment (payment_id, checkout_id, attempt, provider, method, state, on_terms, amount, currency,
       version, page_expires_at, page_request, sweep_at)
     values ($1, $2, $3, 'stripe', 'card', 'pending', false, $4, $5, 0,
       date_trunc('second', now()) + $6 * interval '1 minute', $7, now() + interval '1 minute')
     on conflict on constraint payment_attempt_key do nothing returning *`,
    [
      newId('payment'),
      page.checkoutId,
      page.attempt,
      page.amount,
      page.currency,
      PAGE_MINUTES,
      JSON.stringify(page.request),
    ],
  )
  return row
}

/** Undefined when its end is as far away as it can be. */
async function renewEnd(sql: Sql, paymentId: Id<'payment'>): Promise<PaymentRow | undefined> {
  const [row] = await sql.query<PaymentRow>(
    `update payment set page_expires_at = date_trunc('second', now()) + $2 * interval '1 minute', updated_at = now()
     where payment_id = $1 and state = 'pending' and session_id is null
       and page_expires_at < now() + $2 * interval '1 minute' - interval '${LATE_SECONDS} seconds'
     returning *`,
    [paymentId, PAGE_MINUTES],
  )
  return row
}

async function voidUnseen(
  database: Database,
  paymentId: Id<'payment'>,
  { isRefused }: { isRefused: boolean },
): Promise<PaymentRow | undefined> {
  return database.transaction(async sql => {
    const [row] = await sql.query<PaymentRow>(
      `update payment set state = 'voided', version = version + 1, sweep_at = null, updated_at = now()
       where payment_id = $1 and state = 'pending' and session_id is null and ($2 or page_expires_at < now())
       returning *`,
      [paymentId, isRefused],
    )
    if (row) await appendEvents(sql, [eventOf(row, 'payment.voided')])
    return row
  })
}
