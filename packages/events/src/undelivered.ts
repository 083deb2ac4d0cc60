import type { Database } from '@storewright/postgres/sql'
import type { Subscriber } from './dispatcher.ts'
import { type EventRow, eventOfRow, type StoredEvent } from './event.ts'

/** An event with its place in its partition. */
export interface PlacedEvent {
  readonly event: StoredEvent
  readonly partition: number
  readonly position: number
}

export interface Undelivered {
  /** In order of position; at most `perPartition` from each partition, so that none starves the others. */
  readonly events: readonly PlacedEvent[]
  readonly perPartition: number
}

/** What this consumer has not acknowledged in these partitions, above `floor`, without the aggregates to leave out. */
export async function fetchUndelivered(
  database: Database,
  wanted: {
    partitions: readonly number[]
    consumer: string
    aggregateTypes: readonly string[]
    floor: number
    leaveOut: readonly string[]
    limit: number
  },
): Promise<Undelivered> {
  const perPartition = Math.max(1, Math.ceil(wanted.limit / wanted.partitions.length))
  const rows = await database.query<EventRow & { partition: number; position: number }>(
    `select found.*
     from unnest($1::int[]) as owned (partition)
     cross join lateral (
       select id, partition, position, aggregate_type, aggregate_id, aggregate_seq, type, payload, occurred_at, trace
       from outbox
       where outbox.partition = owned.partition and published_at is null and position > $2
         and aggregate_type = any($3) and not delivered @> array[$4::text]
         and not (aggregate_type || chr(10) || aggregate_id) = any($5::text[])
       order by position
       limit $6
     ) as found
     order by found.position`,
    [wanted.partitions, wanted.floor, wanted.aggregateTypes, wanted.consumer, wanted.leaveOut, perPartition],
  )
  return {
    perPartition,
    events: rows.map(row => ({ event: eventOfRow(row), partition: row.partition, position: row.position })),
  }
}

/**
 * Records one consumer's acknowledgement, and publication once every subscriber of the type has acknowledged.
 * Locks the rows in order of id: two consumers that acknowledge the same events at once must not deadlock.
 */
export async function markDelivered(
  database: Database,
  consumer: string,
  events: readonly StoredEvent[],
  subscribers: readonly Subscriber[],
): Promise<void> {
  for (const [aggregateType, ids] of idsByType(events))
    await database.query(
      `with locked as (select id from outbox where id = any($1) order by id for update)
       update outbox set
         delivered = array_append(delivered, $2::text),
         published_at = case when array_append(delivered, $2::text) @> $3::text[] then now() end
       from locked where outbox.id = locked.id and not delivered @> array[$2::text]`,
      [ids, consumer, consumersOf(aggregateType, subscribers)],
    )
}

/** Types nobody hears are published as they are: the row stays as the record of the fact. */
export function createUnheardPublisher(database: Database, subscribers: readonly Subscriber[]) {
  const heard = heardTypes(subscribers)
  let floor = 0
  return {
    async publish(partitions: readonly number[], settled: number): Promise<void> {
      if (partitions.length === 0) return
      await database.query(
        `update outbox set published_at = now()
         where partition = any($1) and published_at is null and position > $2 and not aggregate_type = any($3)`,
        [partitions, floor, heard],
      )
      floor = settled
    },
    rescan(): void {
      floor = 0
    },
  }
}

/** A subscriber that was taken out of the configuration no longer keeps events from being published. */
export async function settleDelivered(
  database: Database,
  partitions: readonly number[],
  subscribers: readonly Subscriber[],
): Promise<void> {
  for (const aggregateType of heardTypes(subscribers))
    await database.query(
      `update outbox set published_at = now()
       where partition = any($1) and published_at is null and aggregate_type = $2 and delivered @> $3::text[]`,
      [partitions, aggregateType, consumersOf(aggregateType, subscribers)],
    )
}

function heardTypes(subscribers: readonly Subscriber[]): string[] {
  return [...new Set(subscribers.flatMap(subscriber => subscriber.aggregateTypes))]
}

function consumersOf(aggregateType: string, subscribers: readonly Subscriber[]): string[] {
  return subscribers
    .filter(subscriber => subscriber.aggregateTypes.includes(aggregateType))
    .map(subscriber => subscriber.consumer)
}

function idsByType(events: readonly StoredEvent[]): Map<string, string[]> {
  const byType = new Map<string, string[]>()
  for (const event of events) {
    const ids = byType.get(event.aggregateType) ?? []
    ids.push(event.id)
    byType.set(event.aggregateType, ids)
  }
  return byType
}
