import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '@storewright/postgres/sql'

/** What the shop still owes when the last shopper has been answered. */
export interface Backlog {
  readonly unpublishedEvents: number
  readonly unsentMessages: number
  readonly unfinishedCheckouts: number
  /** Received, not yet worked off. */
  readonly unprocessedWebhooks: number
  /** Of the oldest event or message among them. */
  readonly oldestAgeMs: number
}

const DRAIN_POLL_MS = 50
const DRAIN_TIMEOUT_MS = 180_000

export async function readBacklog(audit: Database): Promise<Backlog> {
  const [row] = await audit.query<Backlog>(
    `with events as (
       select occurred_at as at from "order".outbox where published_at is null
       union all select occurred_at from payment.outbox where published_at is null
       union all select occurred_at from inventory.outbox where published_at is null
       union all select occurred_at from product.outbox where published_at is null),
     messages as (select queued_at as at from notification.message where state in ('queued', 'sending'))
     select (select count(*) from events) as "unpublishedEvents",
       (select count(*) from messages) as "unsentMessages",
       (select count(*) from checkout.checkout where state not in ('completed', 'failed')) as "unfinishedCheckouts",
       (select count(*) from payment.webhook_event where processed_at is null) as "unprocessedWebhooks",
       coalesce((select round(extract(epoch from clock_timestamp() - min(at)) * 1000)
                 from (select at from events union all select at from messages) as owed), 0)::float8 as "oldestAgeMs"`,
    [],
  )
  if (!row) throw new Error('the backlog could not be read')
  return row
}

/** Waits until nothing is owed, and `othersOwe` nothing. Answers how long that took, in ms. */
export async function drain(audit: Database, othersOwe = async () => 0): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    const others = await othersOwe()
    const { oldestAgeMs: _age, ...owed } = await readBacklog(audit)
    const tookMs = Math.round(performance.now() - startedAt)
    if (Object.values(owed).every(count => count === 0) && others === 0) return tookMs
    if (tookMs > DRAIN_TIMEOUT_MS)
      throw new Error(`after ${tookMs} ms still ${JSON.stringify(owed)}, others ${others}`)
    await sleep(DRAIN_POLL_MS)
  }
}
