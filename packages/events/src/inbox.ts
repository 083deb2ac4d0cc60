import type { Database, Sql } from '@storewright/postgres/sql'
import { RETRY_BASE_MS } from './backoff.ts'
import { aggregateKey, type StoredEvent } from './event.ts'
import { batchesByType, planInbox, type Unsettled } from './inbox-plan.ts'
import {
  type Aggregate,
  lockAggregates,
  readInbox,
  recordFailure,
  recordParked,
  recordProcessed,
} from './inbox-store.ts'

/**
 * What a service does on events: aggregate type → event type → handler. A handler gets as many events of its type as
 * order allows, in order per aggregate, and writes through the transaction it is given. Types without a handler are
 * acknowledged.
 */
export type EventHandlers = {
  readonly [aggregateType: string]: {
    readonly [eventType: string]: (sql: Sql, events: readonly StoredEvent[]) => Promise<void>
  }
}

/** With doubling waits from 200 ms an event has 25 s to pass before its aggregate is set aside. */
export const POISON_ATTEMPTS = 8

export interface ConsumeOptions {
  readonly poisonAttempts?: number
  readonly retryBaseMs?: number
}

/** Some events failed and will be tried again: the publisher must deliver them again. The others are done. */
export class EventsUnsettled extends Error {
  override readonly name = 'EventsUnsettled'
}

/** Longer texts help nobody and an error may quote a whole payload. */
const ERROR_TEXT_MAX = 2000

/**
 * Takes delivered events in: each once, in order per aggregate, in one transaction with what the handlers write.
 * Resolves when all are processed, parked behind a missing or dead one, or known. When a handler fails, nothing of the
 * batch stays and each event gets a transaction of its own; rejects with `EventsUnsettled` while some must be retried.
 */
export async function consumeEvents(
  database: Database,
  handlers: EventHandlers,
  events: readonly StoredEvent[],
  options: ConsumeOptions = {},
): Promise<void> {
  if (events.length === 0) return
  const aggregates = aggregatesOf(events)
  let unsettled: readonly Unsettled[]
  try {
    unsettled = await database.transaction(async sql => {
      await lockAggregates(sql, aggregates)
      const plan = planInbox(events, await readInbox(sql, aggregates))
      for (const batch of batchesByType(plan.ready)) await handle(sql, handlers, batch)
      await recordProcessed(sql, plan.ready.flat())
      await recordParked(sql, plan.park)
      return plan.unsettled
    })
  } catch {
    unsettled = await consumeOneByOne(database, handlers, events, options)
  }
  if (unsettled.length > 0)
    throw new EventsUnsettled(
      `waiting for a retry: ${unsettled.length} aggregates, first ${unsettled[0]?.key.replace('\n', ' ')} after ${unsettled[0]?.error}`,
    )
}

/** Stores everything first, so that whatever happens next is recorded with the event it happens to. */
async function consumeOneByOne(
  database: Database,
  handlers: EventHandlers,
  events: readonly StoredEvent[],
  options: ConsumeOptions,
): Promise<Unsettled[]> {
  const aggregates = aggregatesOf(events)
  await database.transaction(async sql => {
    await lockAggregates(sql, aggregates)
    const plan = planInbox(events, await readInbox(sql, aggregates))
    await recordParked(sql, [...plan.ready.flat(), ...plan.park])
  })
  const unsettled: Unsettled[] = []
  for (const aggregate of aggregates) {
    const error = await drainAggregate(database, handlers, aggregate, options)
    if (error !== undefined) unsettled.push({ key: aggregateKey(aggregate), error })
  }
  return unsettled
}

/** Processes what is held of one aggregate, each event in its own transaction. The error when one must be retried. */
export async function drainAggregate(
  database: Database,
  handlers: EventHandlers,
  aggregate: Aggregate,
  options: ConsumeOptions = {},
): Promise<string | undefined> {
  for (;;) {
    let current: StoredEvent | undefined
    try {
      const stop = await database.transaction(async sql => {
        await lockAggregates(sql, [aggregate])
        const inbox = (await readInbox(sql, [aggregate])).get(aggregateKey(aggregate))
        const head = inbox?.held.find(item => item.event.aggregateSeq === inbox.lastSeq + 1)
        if (!head || head.state === 'dead') return { error: undefined }
        if (head.resting) return { error: head.error ?? '' }
        current = head.event
        await handle(sql, handlers, [head.event])
        await recordProcessed(sql, [head.event])
        return undefined
      })
      if (stop) return stop.error
    } catch (error) {
      if (!current) throw error
      const failed = current
      const message = errorText(error)
      const { dead } = await database.transaction(async sql => {
        await lockAggregates(sql, [aggregate])
        return recordFailure(sql, failed, {
          message,
          poisonAttempts: options.poisonAttempts ?? POISON_ATTEMPTS,
          retryBaseMs: options.retryBaseMs ?? RETRY_BASE_MS,
        })
      })
      return dead ? undefined : message
    }
  }
}

/** Types without a handler are acknowledged. */
export async function handle(
  sql: Sql,
  handlers: EventHandlers,
  batch: readonly StoredEvent[],
): Promise<void> {
  const first = batch[0]
  if (!first) return
  const ofAggregate = Object.hasOwn(handlers, first.aggregateType) ? handlers[first.aggregateType] : undefined
  const handler = ofAggregate && Object.hasOwn(ofAggregate, first.type) ? ofAggregate[first.type] : undefined
  await handler?.(sql, batch)
}

function aggregatesOf(events: readonly StoredEvent[]): Aggregate[] {
  const found = new Map<string, Aggregate>()
  for (const event of events)
    found.set(aggregateKey(event), { aggregateType: event.aggregateType, aggregateId: event.aggregateId })
  return [...found.values()]
}

export function errorText(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  // Postgres refuses NUL in text, and this must be storable whatever it says.
  return text.replaceAll('\0', '').slice(0, ERROR_TEXT_MAX)
}
