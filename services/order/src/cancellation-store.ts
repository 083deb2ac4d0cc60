import { appendEvents } from '@storewright/events/outbox'
import type { Id } from '@storewright/kernel/ids'
import type { Database, Sql } from '@storewright/postgres/sql'
import { cancelableWhen, TIMELINE_TITLES } from './domain.ts'

/** Longer than both calls may take (cancellation.ts): they have ended before somebody else makes them. */
const LEASE_SECONDS = 20

/** A canceled order whose goods and payment have still to be given back, leased to the caller. */
export interface Cancellation {
  readonly orderId: Id<'order'>
  readonly checkoutId: Id<'checkout'>
  readonly paymentId: Id<'payment'>
  /** How often it was tried. */
  readonly attempt: number
}

const COLUMNS = `order_id as "orderId", checkout_id as "checkoutId", payment_id as "paymentId",
  cancel_attempt as attempt`

/**
 * open → canceled, the mark that something is still to do, the timeline's entry and the event: one commit. Undefined when
 * the order is not there or not in a state to be canceled.
 */
export async function decideCancellation(
  database: Database,
  wanted: { orderId: Id<'order'>; reason: string },
): Promise<Cancellation | undefined> {
  const { orderId, reason } = wanted
  const { statuses, fulfillmentStatuses } = cancelableWhen()
  return database.transaction(async sql => {
    const [row] = await sql.query<Cancellation & { version: number }>(
      `with changed as (
         update orders set status = 'canceled', cancel_reason = $2, canceling = true,
           cancel_lease_until = now() + interval '${LEASE_SECONDS} seconds', version = version + 1
         where order_id = $1 and status = any ($3::text[]) and fulfillment_status = any ($4::text[])
         returning *
       ), entry as (
         insert into order_timeline (order_id, position, type, title)
         select order_id, version, 'canceled', $5 from changed
       )
       select ${COLUMNS}, version from changed`,
      [orderId, reason, statuses, fulfillmentStatuses, TIMELINE_TITLES.canceled],
    )
    if (!row) return undefined
    const { version, ...cancellation } = row
    const payload = { orderId, reason }
    await appendEvents(sql, [
      {
        aggregateType: 'order',
        aggregateId: orderId,
        aggregateSeq: version,
        type: 'order.canceled',
        payload,
      },
    ])
    return cancellation
  })
}

/** Takes over what nobody works on, oldest first; SKIP LOCKED so that several sweepers share the work. */
export function claimCancellations(sql: Sql, limit: number): Promise<Cancellation[]> {
  return sql.query<Cancellation>(
    `update orders set cancel_lease_until = now() + interval '${LEASE_SECONDS} seconds'
     where order_id in (
       select order_id from orders where canceling and cancel_lease_until < now()
       order by cancel_lease_until limit $1 for update skip locked
     )
     returning ${COLUMNS}`,
    [limit],
  )
}

export async function finishCancellation(sql: Sql, orderId: Id<'order'>): Promise<void> {
  await sql.query('update orders set canceling = false where order_id = $1', [orderId])
}

/** Gives the lease back, so that it is tried again after `delayMs`. Whoever has finished it meanwhile has the last word. */
export async function postponeCancellation(sql: Sql, orderId: Id<'order'>, delayMs: number): Promise<void> {
  await sql.query(
    `update orders set cancel_attempt = cancel_attempt + 1,
       cancel_lease_until = now() + $2 * interval '1 millisecond'
     where order_id = $1 and canceling`,
    [orderId, delayMs],
  )
}
