import type { Id } from '@storewright/kernel/ids'
import type { Database, Sql } from '@storewright/postgres/sql'
import type { z } from 'zod'
import type { deadLetterSchema, retriedSchema } from './contract.ts'
import { aggregateKey, type StoredEvent } from './event.ts'
import { type EventHandlers, errorText, handle } from './inbox.ts'
import { lockAggregates, readInbox, recordProcessed } from './inbox-store.ts'

export type DeadLetter = z.output<typeof deadLetterSchema>
export type Retried = z.output<typeof retriedSchema>

/** One screen of them; more means that a handler is broken, not an event. */
const DEAD_LETTERS_MAX = 200

/** Oldest first. */
export async function listDeadLetters(sql: Sql): Promise<DeadLetter[]> {
  const rows = await sql.query<
    Omit<DeadLetter, 'occurredAt' | 'receivedAt'> & { occurred: Date; received: Date }
  >(
    `select event_id as "eventId", type, aggregate_type as "aggregateType", aggregate_id as "aggregateId",
       occurred_at as occurred, received_at as received, attempts, coalesce(error, '') as error,
       (select count(*)::int from inbox as behind
        where behind.aggregate_type = dead.aggregate_type and behind.aggregate_id = dead.aggregate_id
          and behind.state = 'parked') as waiting
     from inbox as dead where state = 'dead' order by received_at, event_id limit $1`,
    [DEAD_LETTERS_MAX],
  )
  return rows.map(({ occurred, received, ...row }) => ({
    ...row,
    occurredAt: occurred.toISOString(),
    receivedAt: received.toISOString(),
  }))
}

/**
 * Tries a dead event again and, when it passes, what waits behind it, each in its own transaction. Undefined when it is
 * not (any more) a dead one. What comes next is marked dead in the transaction that frees it: nobody delivers it again,
 * so whatever ends this process must leave it where staff can see it.
 */
export async function retryDeadLetter(
  database: Database,
  handlers: EventHandlers,
  eventId: Id<'event'>,
): Promise<Retried | undefined> {
  const [row] = await database.query<{ aggregateType: string; aggregateId: string }>(
    `select aggregate_type as "aggregateType", aggregate_id as "aggregateId"
     from inbox where event_id = $1 and state = 'dead'`,
    [eventId],
  )
  if (!row) return undefined
  for (let processed = 0; ; processed += 1) {
    let tried: StoredEvent | undefined
    try {
      const event = await database.transaction(async sql => {
        await lockAggregates(sql, [row])
        const inbox = (await readInbox(sql, [row])).get(aggregateKey(row))
        const head = inbox?.held.find(item => item.event.aggregateSeq === inbox.lastSeq + 1)
        if (head?.state !== 'dead') return undefined
        tried = head.event
        await handle(sql, handlers, [tried])
        await recordProcessed(sql, [tried])
        await markNext(sql, tried)
        return tried
      })
      if (!event) return { processed, error: null }
    } catch (error) {
      if (!tried) throw error
      const text = errorText(error)
      await database.query(
        `update inbox set attempts = attempts + 1, error = $2 where event_id = $1 and state = 'dead'`,
        [tried.id, text],
      )
      return { processed, error: text }
    }
  }
}

async function markNext(sql: Sql, before: StoredEvent): Promise<void> {
  await sql.query(
    `update inbox set state = 'dead', retry_at = null, error = 'waits for a retry: the event before it was set aside'
     where aggregate_type = $1 and aggregate_id = $2 and aggregate_seq = $3 and state = 'parked'`,
    [before.aggregateType, before.aggregateId, before.aggregateSeq + 1],
  )
}
