import { newId } from '@storewright/kernel/ids'
import type { Database, Sql } from '@storewright/postgres/sql'
import { createTestDatabase } from '@storewright/postgres/testing'
import type { StoredEvent } from './event.ts'
import type { EventHandlers } from './inbox.ts'
import { appendEvents } from './outbox.ts'

/** A database that publishes and hears: aggregates with a version, and what the handlers wrote down. */
export async function createEventTest(): Promise<{ database: Database; drop(): Promise<void> }> {
  const test = await createTestDatabase({
    service: 'eventtest',
    folders: [{ name: 'events', url: new URL('../migrations/', import.meta.url) }],
  })
  await test.database.query('create table thing (id text primary key, version bigint not null)')
  await test.database.query(
    'create table heard (place bigint generated always as identity, aggregate_id text, seq bigint, type text)',
  )
  return { database: test.database, drop: test.drop }
}

export function eventOf(aggregateId: string, aggregateSeq: number, type = 'thing.changed'): StoredEvent {
  return {
    id: newId('event'),
    aggregateType: 'thing',
    aggregateId,
    aggregateSeq,
    type,
    payload: { aggregateSeq },
    occurredAt: new Date().toISOString(),
    trace: null,
  }
}

/** Raises versions and appends their events as a service does: in one transaction. */
export async function publishChanges(database: Database, ids: readonly string[]): Promise<void> {
  await database.transaction(async sql => {
    const rows = await sql.query<{ id: string; version: number }>(
      `insert into thing (id, version) select id, 1 from unnest($1::text[]) as wanted (id) order by id
       on conflict (id) do update set version = thing.version + 1 returning id, version`,
      [ids],
    )
    await appendEvents(
      sql,
      rows.map(({ id, version }) => ({
        aggregateType: 'thing',
        aggregateId: id,
        aggregateSeq: version,
        type: 'thing.changed',
        payload: { version },
      })),
    )
  })
}

export async function writeDown(sql: Sql, events: readonly StoredEvent[]): Promise<void> {
  await sql.query(
    `insert into heard (aggregate_id, seq, type)
     select id, seq, type from unnest($1::text[], $2::bigint[], $3::text[]) with ordinality as new (id, seq, type, place)
     order by place`,
    [
      events.map(event => event.aggregateId),
      events.map(event => event.aggregateSeq),
      events.map(event => event.type),
    ],
  )
}

export const recordingHandlers: EventHandlers = {
  thing: { 'thing.changed': writeDown, 'thing.renamed': writeDown },
}

/** What was written down, per aggregate, in the order it was. */
export async function heardOf(database: Database): Promise<Record<string, number[]>> {
  const rows = await database.query<{ aggregate_id: string; seq: number }>(
    'select aggregate_id, seq from heard order by place',
  )
  const heard: Record<string, number[]> = {}
  for (const { aggregate_id, seq } of rows) {
    heard[aggregate_id] ??= []
    heard[aggregate_id].push(seq)
  }
  return heard
}

export function oneTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}
