import type { Clock } from '@storewright/kernel/clock'
import type { Database } from '@storewright/postgres/sql'
import { backoffMs } from './backoff.ts'
import type { Subscriber } from './dispatcher.ts'
import { aggregateKey, type StoredEvent } from './event.ts'
import { fetchUndelivered, markDelivered, type PlacedEvent, type Undelivered } from './undelivered.ts'

/** One consumer's way through the outbox. Lanes know nothing of each other, so a slow one delays nobody. */
export interface SubscriberLane {
  wake(): void
  /** Forgets the floor: after partitions changed hands, older rows may be this process's to deliver. */
  rescan(): void
  stop(): Promise<void>
}

export interface LaneOptions {
  readonly database: Database
  readonly subscriber: Subscriber
  /** All of them: an event is published when each one that hears its type has it. */
  readonly subscribers: readonly Subscriber[]
  readonly owned: () => readonly number[]
  readonly settled: () => number
  readonly clock: Clock
  readonly batchSize: number
  readonly warn: (error: unknown, message: string) => void
}

/** A consumer that is down is asked again at least this often. */
const CONSUMER_BACKOFF_MAX_MS = 10_000
/** The same for one aggregate whose events are refused while others pass. */
const AGGREGATE_BACKOFF_MAX_MS = 10_000
/** More failing aggregates than this, and it is the consumer that fails. */
const HELD_BACK_MAX = 200
/** Guards against rows written past `appendEvents`, which the floor may not know of. */
const RESCAN_EVERY_MS = 60_000

interface HeldBack {
  failures: number
  until: number
}

export function createSubscriberLane(options: LaneOptions): SubscriberLane {
  const { database, subscriber, clock } = options
  /** Aggregates that failed while others passed: they are tried alone, and later. */
  const heldBack = new Map<string, HeldBack>()
  let floor = 0
  let rescanAt = clock.now() + RESCAN_EVERY_MS
  let failures = 0
  let retryAt = 0
  let woken = false
  let stopped = false
  let running: Promise<void> | undefined
  let retryTimer: NodeJS.Timeout | undefined

  const wake = () => {
    woken = true
    if (!running && !stopped)
      running = run().finally(() => {
        running = undefined
        // A wake-up that came between the last look and this line.
        if (woken && !stopped && clock.now() >= retryAt) wake()
      })
  }

  async function run(): Promise<void> {
    while (woken && !stopped) {
      if (clock.now() < retryAt) return
      woken = false
      try {
        if (await round()) woken = true
        failures = 0
      } catch (error) {
        failures++
        const waitMs = backoffMs(failures, CONSUMER_BACKOFF_MAX_MS)
        retryAt = clock.now() + waitMs
        later(waitMs)
        options.warn(error, `events for ${subscriber.consumer} wait ${waitMs} ms`)
      }
    }
  }

  function later(waitMs: number): void {
    clearTimeout(retryTimer)
    if (!stopped) retryTimer = setTimeout(wake, waitMs)
  }

  /** True when there may be more to do at once. */
  async function round(): Promise<boolean> {
    const partitions = options.owned()
    if (partitions.length === 0) return false
    if (clock.now() >= rescanAt) {
      floor = 0
      // Whose wait ended long ago was delivered by another process.
      for (const [key, { until }] of heldBack) if (until < rescanAt - RESCAN_EVERY_MS) heldBack.delete(key)
      rescanAt = clock.now() + RESCAN_EVERY_MS
    }
    const settled = options.settled()
    const from = floor
    const found = await fetchUndelivered(database, {
      partitions,
      consumer: subscriber.consumer,
      aggregateTypes: subscriber.aggregateTypes,
      floor: from,
      leaveOut: [...heldBack].filter(([, { until }]) => until > clock.now()).map(([key]) => key),
      limit: options.batchSize,
    })
    await deliverAll(found.events)
    if (heldBack.size === 0 && floor === from) floor = Math.max(from, floorAfter(found, settled))
    return found.events.length > 0
  }

  async function deliverAll(found: readonly PlacedEvent[]): Promise<void> {
    const groups = groupByAggregate(found.map(({ event }) => event))
    const suspects = groups.filter(group => heldBack.has(keyOf(group)))
    const rest = groups.filter(group => !heldBack.has(keyOf(group)))
    const tally: Tally = { delivered: 0, failed: 0 }
    await deliver(rest, tally)
    for (const suspect of suspects) await deliver([suspect], tally)
  }

  /** On failure halves the batch, down to the aggregate at fault; gives up when nothing at all gets through. */
  async function deliver(groups: readonly StoredEvent[][], tally: Tally): Promise<void> {
    if (groups.length === 0 || stopped) return
    const events = groups.flat()
    try {
      await subscriber.deliver(events)
    } catch (error) {
      if (groups.length > 1) {
        const half = groups.length >>> 1
        await deliver(groups.slice(0, half), tally)
        await deliver(groups.slice(half), tally)
        return
      }
      tally.failed++
      if ((tally.delivered === 0 && tally.failed > 1) || heldBack.size >= HELD_BACK_MAX) throw error
      holdBack(keyOf(events), error)
      return
    }
    await markDelivered(database, subscriber.consumer, events, options.subscribers)
    tally.delivered++
    if (groups.length === 1) heldBack.delete(keyOf(events))
  }

  function holdBack(key: string, error: unknown): void {
    const count = (heldBack.get(key)?.failures ?? 0) + 1
    const waitMs = backoffMs(count, AGGREGATE_BACKOFF_MAX_MS)
    heldBack.set(key, { failures: count, until: clock.now() + waitMs })
    later(waitMs)
    options.warn(error, `events of ${key.replace('\n', ' ')} for ${subscriber.consumer} wait ${waitMs} ms`)
  }

  return {
    wake,
    rescan() {
      // Aggregates may be another process's now; whatever is still ours fails again and is held back again.
      heldBack.clear()
      floor = 0
      wake()
    },
    async stop() {
      stopped = true
      clearTimeout(retryTimer)
      await running
    },
  }
}

interface Tally {
  delivered: number
  failed: number
}

/** Everything up to here is delivered: what is settled, but not beyond what a full partition has left over. */
function floorAfter(found: Undelivered, settled: number): number {
  const perPartition = new Map<number, { count: number; last: number }>()
  for (const { partition, position } of found.events)
    perPartition.set(partition, { count: (perPartition.get(partition)?.count ?? 0) + 1, last: position })
  let floor = settled
  for (const { count, last } of perPartition.values())
    if (count >= found.perPartition) floor = Math.min(floor, last)
  return floor
}

function groupByAggregate(events: readonly StoredEvent[]): StoredEvent[][] {
  const groups = new Map<string, StoredEvent[]>()
  for (const event of events) {
    const key = aggregateKey(event)
    const group = groups.get(key)
    if (group) group.push(event)
    else groups.set(key, [event])
  }
  return [...groups.values()]
}

function keyOf(group: readonly StoredEvent[]): string {
  return group[0] ? aggregateKey(group[0]) : ''
}
