import { appendEvents } from '@storewright/events/outbox'
import { type Id, newId } from '@storewright/kernel/ids'
import type { Currency } from '@storewright/kernel/money'
import type { Database, Sql } from '@storewright/postgres/sql'
import type { Logger } from '@storewright/rpc/log'
import type { Decline, ProviderState } from './domain.ts'
import { mergeState } from './merge.ts'
import { recordCall, withOutcome } from './provider-calls.ts'
import {
  ASK_AGAIN_SECONDS,
  attemptEnded,
  eventOf,
  findAttempt,
  type PaymentRow,
  type TokenContent,
} from './store.ts'
import { ProviderRefusal, type StripeProvider } from './stripe.ts'
import type { PageContent } from './stripe-parameters.ts'

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

/**
 * An attempt at the provider. It begins with a page, where the shopper brings his card (here), or with the card
 * (payment-intent.ts); from then on both are asked about, closed and voided the same way.
 */
export interface NewAttempt<Request extends PageContent | TokenContent> {
  readonly checkoutId: Id<'checkout'>
  readonly attempt: number
  readonly amount: number
  readonly currency: Currency
  readonly request: Request
}

/**
 * The provider's page for an attempt: the row first, then the provider, whose answer is asked for again with the same
 * key and the same body when it was lost. A page that was voided meanwhile is answered as the row that it is.
 */
export async function openPage(tools: ProviderTools, page: NewAttempt<PageContent>): Promise<PaymentRow> {
  const row = await beginAttempt(tools, page)
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
    if (await voidUnseen(tools.database, row.payment_id, { inTime: true })) tools.eventsAppended()
    throw error
  }
}

/** The attempt's row, before the provider is asked: a new one, or the one that is there. */
export async function beginAttempt(
  { database }: ProviderTools,
  wanted: NewAttempt<PageContent | TokenContent>,
): Promise<PaymentRow> {
  const { checkoutId, attempt } = wanted
  const row = (await insertPending(database, wanted)) ?? (await findAttempt(database, checkoutId, attempt))
  if (!row) throw new Error(`the attempt ${checkoutId}:${attempt} is neither new nor there`)
  return row
}

/** After a fault over there a second page may exist; nobody has seen the first, so nobody can pay it. */
async function askForPage(tools: ProviderTools, row: PaymentRow): Promise<PaymentRow> {
  const { payment_id: paymentId, page_request: content, page_expires_at: expiresAt, currency } = row
  if (!content || !('lines' in content) || !expiresAt)
    throw new Error(`payment ${paymentId} has no page to ask for`)
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
  const known = isUnseen(row) ? await refind(tools, row, { closing: false }) : row
  if (isUnseen(known)) return known
  const heard = await readState(tools, known)
  if (known.state === 'voided' && heard.status === 'authorized' && heard.intentId)
    await cancel(tools, known, heard.intentId)
  const decline = known.decline ?? heard.decline
  if (known.state === 'pending' && heard.status === 'pending' && decline)
    return endDeclined(tools, known, decline)
  return merge(tools, known, heard)
}

/**
 * The end of an attempt whose card was refused. The reason is kept, to be answered again; the intent is canceled, for
 * otherwise somebody who has its secret could pay it later with another card.
 */
export async function endDeclined(
  tools: ProviderTools,
  row: PaymentRow,
  decline: Decline,
): Promise<PaymentRow> {
  if (!row.intent_id) throw new Error(`payment ${row.payment_id} was declined and has no intent`)
  await tools.database.query(
    `update payment set decline = coalesce(decline, $2), updated_at = now() where payment_id = $1`,
    [row.payment_id, JSON.stringify(decline)],
  )
  await cancel(tools, row, row.intent_id)
  return (await takeOver(tools, row)).payment
}

/** The provider's answer to its beginning was lost, or never came: nobody has a page or an intent that he could pay. */
function isUnseen(row: PaymentRow): boolean {
  return row.session_id === null && row.intent_id === null
}

/**
 * What nobody has seen is over past its time. Before, the same key finds a page again; a card is asked about only by who
 * sends it (payment-intent.ts), and closing its attempt before is the end of it.
 */
async function refind(
  tools: ProviderTools,
  row: PaymentRow,
  { closing }: { closing: boolean },
): Promise<PaymentRow> {
  if (row.state !== 'pending') return row
  const isPage = row.page_request !== null && 'lines' in row.page_request
  const ended = await voidUnseen(tools.database, row.payment_id, { inTime: closing && !isPage })
  if (ended) {
    tools.eventsAppended()
    return ended
  }
  if (!isPage) return (await findAttempt(tools.database, row.checkout_id, row.attempt)) ?? row
  return obtainPage(tools, row).catch(async error => {
    const current = await findAttempt(tools.database, row.checkout_id, row.attempt)
    if (error instanceof ProviderRefusal && current && current.state !== 'pending') return current
    throw error
  })
}

/** Ends the attempt. What is true afterwards is answered; one that was paid in the same moment stays authorized. */
export async function closePage(tools: ProviderTools, row: PaymentRow): Promise<PaymentRow> {
  if (row.provider !== 'stripe' || row.state !== 'pending') return row
  const known = isUnseen(row) ? await refind(tools, row, { closing: true }) : row
  if (known.session_id !== null) {
    await tools.stripe.closePage(known.session_id)
    return syncPayment(tools, known)
  }
  // To cancel an intent would give up an authorization too, and that is the caller's to decide: look first.
  const current = await syncPayment(tools, known)
  if (current.state !== 'pending' || !current.intent_id) return current
  await cancel(tools, current, current.intent_id)
  return syncPayment(tools, current)
}

/** Attempt closed and authorization given up. Rejects while that cannot be said for certain. */
export async function voidProviderPayment(tools: ProviderTools, row: PaymentRow): Promise<PaymentRow> {
  const closed = await closePage(tools, row)
  if (closed.state === 'authorized' || closed.state === 'capture-failed') {
    if (!closed.intent_id) throw new Error(`payment ${row.payment_id} is authorized and has no intent`)
    await cancel(tools, closed, closed.intent_id)
    return syncPayment(tools, closed)
  }
  if (closed.state === 'pending') throw new Error(`payment ${row.payment_id} did not close`)
  return closed
}

/** Reads the provider's books and merges them; `captureFailure` is its refusal to capture, heard before. */
export async function takeOver(
  tools: ProviderTools,
  row: PaymentRow,
  captureFailure?: string,
): Promise<{ payment: PaymentRow; heard: ProviderState }> {
  const heard = await readState(tools, row)
  return { payment: await merge(tools, row, heard, captureFailure), heard }
}

function readState({ stripe }: ProviderTools, row: PaymentRow): Promise<ProviderState> {
  return stripe.readState({ sessionId: row.session_id, intentId: row.intent_id })
}

async function merge(
  tools: ProviderTools,
  row: PaymentRow,
  heard: ProviderState,
  captureFailure?: string,
): Promise<PaymentRow> {
  const { payment, changed } = await mergeState(tools.database, row.payment_id, heard, captureFailure)
  if (changed) tools.eventsAppended()
  return payment
}

async function cancel(tools: ProviderTools, row: PaymentRow, intentId: string): Promise<void> {
  const command = `${row.checkout_id}:void:${row.attempt}`
  const { key } = await recordCall(tools.database, { paymentId: row.payment_id, kind: 'void', command })
  // Refused: canceled already, or captured meanwhile. The state that is read next says which.
  await withOutcome(tools.database, key, tools.stripe.cancel(intentId, key)).catch(error => {
    if (!(error instanceof ProviderRefusal)) throw error
  })
}

async function insertPending(
  sql: Sql,
  wanted: NewAttempt<PageContent | TokenContent>,
): Promise<PaymentRow | undefined> {
  const [row] = await sql.query<PaymentRow>(
    `insert into payment (payment_id, checkout_id, attempt, provider, method, state, on_terms, amount, currency,
       version, page_expires_at, page_request, sweep_at)
     values ($1, $2, $3, 'stripe', 'card', 'pending', false, $4, $5, 0,
       date_trunc('second', now()) + $6 * interval '1 minute', $7, now() + interval '${ASK_AGAIN_SECONDS} seconds')
     on conflict on constraint payment_attempt_key do nothing returning *`,
    [
      newId('payment'),
      wanted.checkoutId,
      wanted.attempt,
      wanted.amount,
      wanted.currency,
      PAGE_MINUTES,
      JSON.stringify(wanted.request),
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

/** `inTime`: also before its end. */
async function voidUnseen(
  database: Database,
  paymentId: Id<'payment'>,
  { inTime }: { inTime: boolean },
): Promise<PaymentRow | undefined> {
  return database.transaction(async sql => {
    const [row] = await sql.query<PaymentRow>(
      `update payment set state = 'voided', version = version + 1, sweep_at = null, updated_at = now(),
         page_request = page_request - 'paymentToken'
       where payment_id = $1 and state = 'pending' and session_id is null and intent_id is null
         and ($2 or page_expires_at < now())
       returning *`,
      [paymentId, inTime],
    )
    if (row) await appendEvents(sql, [eventOf(row, 'payment.voided'), attemptEnded(row)])
    return row
  })
}
