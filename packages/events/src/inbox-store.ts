import type { Sql } from '@storewright/postgres/sql'
import { aggregateKey, type EventRow, eventOfRow, type StoredEvent } from './event.ts'
import type { AggregateInbox, HeldEvent } from './inbox-plan.ts'

export interface Aggregate {
  readonly aggregateType: string
  readonly aggregateId: string
}

/** Consumers of one service contend only for the same slice of aggregates. */
const LOCK_SLICES = 64

/**
 * Serializes the consumers of these aggregates until the transaction ends: a gap must not close in one transaction
 * while another parks the event behind it. Slices, not aggregates, so that a batch holds few locks; taken in order
 * of slice, so that two batches cannot deadlock. Transaction locks work behind a transaction pooler.
 */
export async function lockAggregates(sql: Sql, aggregates: readonly Aggregate[]): Promise<void> {
  await sql.query(
    `select pg_advisory_xact_lock(hashtext(current_schema() || '.inbox'), slice)
     from (
       select distinct (hashtextextended(id, 0) & $2)::int as slice from unnest($1::text[]) as wanted (id)
       order by slice
       offset 0) as slices`,
    [aggregates.map(aggregate => aggregate.aggregateId), LOCK_SLICES - 1],
  )
}

export async function readInbox(
  sql: Sql,
  aggregates: readonly Aggregate[],
): Promise<Map<string, AggregateInbox>> {
  const wanted = [
    aggregates.map(aggregate => aggregate.aggregateType),
    aggregates.map(aggregate => aggregate.aggregateId),
  ]
  const last = await sql.query<{ aggregate_type: string; aggregate_id: string; last_seq: number }>(
    `select wanted.aggregate_type, wanted.aggregate_id, newest.aggregate_seq as last_seq
     from unnest($1::text[], $2::text[]) as wanted (aggregate_type, aggregate_id)
     cross join lateral (
       select aggregate_seq from inbox
       where inbox.aggregate_type = wanted.aggregate_type and inbox.aggregate_id = wanted.aggregate_id
         and state = 'processed'
       order by aggregate_seq desc limit 1) as newest`,
    wanted,
  )
  const held = await sql.query<EventRow & Omit<HeldEvent, 'event'>>(
    `select event_id as id, inbox.aggregate_type, inbox.aggregate_id, aggregate_seq, type, payload, occurred_at,
       trace, state, attempts, error, coalesce(retry_at > clock_timestamp(), false) as resting
     from unnest($1::text[], $2::text[]) as wanted (aggregate_type, aggregate_id)
     join inbox on inbox.aggregate_type = wanted.aggregate_type and inbox.aggregate_id = wanted.aggregate_id
       and state <> 'processed'`,
    wanted,
  )
  const known = new Map<string, { lastSeq: number; held: HeldEvent[] }>()
  for (const { aggregateType, aggregateId } of aggregates)
    known.set(aggregateKey({ aggregateType, aggregateId }), { lastSeq: 0, held: [] })
  for (const row of last) {
    const inbox = known.get(
      aggregateKey({ aggregateType: row.aggregate_type, aggregateId: row.aggregate_id }),
    )
    if (inbox) inbox.lastSeq = row.last_seq
  }
  for (const row of held) {
    const event = eventOfRow(row)
    const { state, attempts, resting, error } = row
    known.get(aggregateKey(event))?.held.push({ event, state, attempts, resting, error })
  }
  return known
}

/** Records events as processed, whether they are new or were held. */
export async function recordProcessed(sql: Sql, events: readonly StoredEvent[]): Promise<void> {
  if (events.length === 0) return
  await sql.query(
    `insert into inbox (event_id, aggregate_type, aggregate_id, aggregate_seq, type, occurred_at, trace, state)
     select new.*, 'processed'
     from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::timestamptz[], $7::text[]) as new
     on conflict (aggregate_type, aggregate_id, aggregate_seq)
     do update set state = 'processed', payload = null, error = null, retry_at = null`,
    columns(events),
  )
}

export async function recordParked(sql: Sql, events: readonly StoredEvent[]): Promise<void> {
  if (events.length === 0) return
  await sql.query(
    `insert into inbox (event_id, aggregate_type, aggregate_id, aggregate_seq, type, occurred_at, trace, state, payload)
     select new.id, new.aggregate_type, new.aggregate_id, new.aggregate_seq, new.type, new.occurred_at, new.trace,
       'parked', new.payload::jsonb
     from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::timestamptz[], $7::text[], $8::text[])
       as new (id, aggregate_type, aggregate_id, aggregate_seq, type, occurred_at, trace, payload)
     on conflict (aggregate_type, aggregate_id, aggregate_seq) do nothing`,
    [...columns(events), events.map(event => JSON.stringify(event.payload ?? null))],
  )
}

/** Counts a failure of a held event; the one that reaches `poisonAttempts` makes it dead. */
export async function recordFailure(
  sql: Sql,
  event: StoredEvent,
  failure: { message: string; poisonAttempts: number; retryBaseMs: number },
): Promise<{ dead: boolean }> {
  const rows = await sql.query<{ state: string }>(
    `update inbox set
       attempts = attempts + 1,
       error = $4,
       state = case when attempts + 1 >= $5 then 'dead' else 'parked' end,
       retry_at = case when attempts + 1 < $5
         then clock_timestamp() + $6 * power(2, least(attempts, 20)) * interval '1 ms' end
     where aggregate_type = $1 and aggregate_id = $2 and aggregate_seq = $3 and state = 'parked'
     returning state`,
    [
      event.aggregateType,
      event.aggregateId,
      event.aggregateSeq,
      failure.message,
      failure.poisonAttempts,
      failure.retryBaseMs,
    ],
  )
  return { dead: rows[0]?.state === 'dead' }
}

function columns(events: readonly StoredEvent[]): unknown[] {
  return [
    events.map(event => event.id),
    events.map(event => event.aggregateType),
    events.map(event => event.aggregateId),
    events.map(event => event.aggregateSeq),
    events.map(event => event.type),
    events.map(event => event.occurredAt),
    events.map(event => event.trace),
  ]
}
