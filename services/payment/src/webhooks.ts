import type { Id } from '@storewright/kernel/ids'
import { isId } from '@storewright/kernel/ids'
import type { Sql } from '@storewright/postgres/sql'
import type { PaymentRow } from './store.ts'

/** As much of a provider's event as is needed to find the payment that it is about. */
export interface WebhookEvent {
  readonly id: string
  readonly type: string
  readonly data: { readonly object: object }
}

/** Stores an event before it is answered. False: it has come before. */
export async function storeWebhook(sql: Sql, event: WebhookEvent): Promise<boolean> {
  const rows = await sql.query(
    `insert into webhook_event (event_id, type, payload) values ($1, $2, $3)
     on conflict (event_id) do nothing returning event_id`,
    [event.id, event.type, JSON.stringify(event.data.object)],
  )
  return rows.length > 0
}

export interface DueWebhook {
  readonly event_id: string
  readonly type: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly attempts: number
}

/** Somebody who dies with an event leaves it to others after this. */
const CLAIM_SECONDS = 30

/** Takes unprocessed events, oldest first; SKIP LOCKED so that several processes share the work. */
export function claimWebhooks(sql: Sql, limit: number): Promise<DueWebhook[]> {
  return sql.query<DueWebhook>(
    `update webhook_event set due_at = now() + interval '${CLAIM_SECONDS} seconds', attempts = attempts + 1
     where event_id in (
       select event_id from webhook_event where processed_at is null and due_at <= now()
       order by due_at limit $1 for update skip locked
     )
     returning event_id, type, payload, attempts`,
    [limit],
  )
}

export async function finishWebhooks(sql: Sql, eventIds: readonly string[]): Promise<void> {
  await sql.query(
    `update webhook_event set processed_at = now(), last_error = null where event_id = any ($1::text[])`,
    [eventIds],
  )
}

export async function postponeWebhooks(
  sql: Sql,
  eventIds: readonly string[],
  delayMs: number,
  error: string,
): Promise<void> {
  await sql.query(
    `update webhook_event set due_at = now() + $2 * interval '1 millisecond', last_error = $3
     where event_id = any ($1::text[])`,
    [eventIds, delayMs, error.slice(0, 1000)],
  )
}

/**
 * Forgets events that were worked off. Stripe repeats one for three days and lets it be sent again by hand for thirty
 * (https://docs.stripe.com/webhooks#automatic-retries): later than that none can be the same. Returns how many.
 */
export async function deleteOldWebhooks(sql: Sql, wanted: { days: number; limit: number }): Promise<number> {
  const rows = await sql.query(
    `delete from webhook_event where event_id in (
       select event_id from webhook_event where processed_at < now() - $1 * interval '1 day' limit $2
       for update skip locked)
     returning 1 as one`,
    [wanted.days, wanted.limit],
  )
  return rows.length
}

/**
 * The payment an event is about: by the provider's ids where we know them, else by the checkout that we wrote into its
 * metadata, since a webhook may be faster than the answer that tells us the id.
 */
export async function paymentOfWebhook(sql: Sql, { payload }: DueWebhook): Promise<PaymentRow | undefined> {
  const { object, id, payment_intent: intent } = payload
  const metadata = (payload.metadata ?? {}) as { checkoutId?: unknown }
  const intentId = object === 'payment_intent' ? id : typeof intent === 'string' ? intent : null
  const sessionId = object === 'checkout.session' ? id : null
  const checkoutId = checkoutIdOf(metadata.checkoutId)
  const [row] = await sql.query<PaymentRow>(
    `select * from payment
     where provider = 'stripe' and (intent_id = $1 or session_id = $2 or checkout_id = $3)
     order by (intent_id = $1) desc nulls last, (session_id = $2) desc nulls last, attempt desc limit 1`,
    [intentId, sessionId, checkoutId],
  )
  return row
}

function checkoutIdOf(value: unknown): Id<'checkout'> | null {
  return typeof value === 'string' && isId('checkout', value) ? value : null
}
