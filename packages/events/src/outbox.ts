import { newId } from '@storewright/kernel/ids'
import type { Sql } from '@storewright/postgres/sql'
import type { NewEvent } from './event.ts'

/**
 * The INSERT that `appendEvents` runs, for use as a CTE where state and event must change in one statement:
 * `with changed as (...), appended as (${outboxInsertSql(4)}) ...` with `...outboxValues(events)` as $4 to $10.
 *
 * The filter gives the transaction its id before any position is drawn; the dispatcher's frontier relies on it.
 */
export function outboxInsertSql(firstParameter: number): string {
  const $ = (offset: number) => `$${firstParameter + offset}`
  return `insert into outbox (id, aggregate_type, aggregate_id, aggregate_seq, type, payload, trace)
    select new.id, new.aggregate_type, new.aggregate_id, new.aggregate_seq, new.type, new.payload::jsonb, ${$(6)}::text
    from unnest(${$(0)}::text[], ${$(1)}::text[], ${$(2)}::text[], ${$(3)}::bigint[], ${$(4)}::text[], ${$(5)}::text[])
      with ordinality as new (id, aggregate_type, aggregate_id, aggregate_seq, type, payload, place)
    where pg_current_xact_id() is not null
    order by new.place`
}

export function outboxValues(events: readonly NewEvent[], trace: string | null = null): unknown[] {
  return [
    events.map(() => newId('event')),
    events.map(event => event.aggregateType),
    events.map(event => event.aggregateId),
    events.map(event => event.aggregateSeq),
    events.map(event => event.type),
    events.map(event => JSON.stringify(event.payload ?? null)),
    trace,
  ]
}

const APPEND = outboxInsertSql(1)

/**
 * One INSERT for all of them, inside the business transaction. A unique violation means that another writer changed
 * the aggregate first: the transaction must fail with it. Call `eventsAppended()` after the commit.
 */
export async function appendEvents(
  sql: Sql,
  events: readonly NewEvent[],
  trace: string | null = null,
): Promise<void> {
  if (events.length > 0) await sql.query(APPEND, outboxValues(events, trace))
}
