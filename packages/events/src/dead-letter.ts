import type { Database, Sql } from '@storewright/postgres/sql'
import { type EventRow, eventOfRow, type StoredEvent } from './event.ts'
import { type ConsumeOptions, drainAggregate, type EventHandlers } from './inbox.ts'
import type { Aggregate } from './inbox-store.ts'

export interface DeadLetter {
  readonly event: StoredEvent
  readonly attempts: number
  readonly error: string
  readonly receivedAt: string
  /** Events of the same aggregate that wait behind it. */
  readonly parked: number
}

/** One screen of them; more means that a handler is broken, not an event. */
const DEAD_LETTERS_MAX = 200

/** Oldest first. */
export async function listDeadLetters(sql: Sql): Promise<DeadLetter[]> {
  const rows = await sql.query<
    EventRow & { attempts: number; error: string | null; received_at: Date; parked: number }
  >(
    `select event_id as id, aggregate_type, aggregate_id, aggregate_seq, type, payload, occurred_at, trace, attempts,
       error, received_at,
       (select count(*)::int from inbox as behind
        where behind.aggregate_type = dead.aggregate_type and behind.aggregate_id = dead.aggregate_id
          and behind.state = 'parked') as parked
     from inbox as dead where state = 'dead' order by received_at, event_id limit $1`,
    [DEAD_LETTERS_MAX],
  )
  return rows.map(row => ({
    event: eventOfRow(row),
    attempts: row.attempts,
    error: row.error ?? '',
    receivedAt: row.received_at.toISOString(),
    parked: row.parked,
  }))
}

/**
 * Tries dead events again (all, or one aggregate's) and, where they pass, what is parked behind them. An event that
 * fails again is dead again at once: nobody redelivers it. Returns how many dead events passed.
 */
export async function retryDeadLetters(
  database: Database,
  handlers: EventHandlers,
  aggregate?: Aggregate,
): Promise<number> {
  const revived = await database.query<{ aggregate_type: string; aggregate_id: string; event_id: string }>(
    `update inbox set state = 'parked', attempts = 0, retry_at = null
     where state = 'dead' and ($1::text is null or (aggregate_type = $1 and aggregate_id = $2))
     returning aggregate_type, aggregate_id, event_id`,
    [aggregate?.aggregateType ?? null, aggregate?.aggregateId ?? null],
  )
  const once: ConsumeOptions = { poisonAttempts: 1 }
  for (const row of revived)
    await drainAggregate(
      database,
      handlers,
      { aggregateType: row.aggregate_type, aggregateId: row.aggregate_id },
      once,
    )
  const [passed] = await database.query<{ count: number }>(
    `select count(*)::int as count from inbox where event_id = any($1) and state = 'processed'`,
    [revived.map(row => row.event_id)],
  )
  return passed?.count ?? 0
}
