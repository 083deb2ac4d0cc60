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
  return new DeliveryLane(options)
}

class DeliveryLane implements SubscriberLane {
  readonly #options: LaneOptions
  /** Aggregates that failed while others passed: they are tried alone, and later. */
  readonly #heldBack = new Map<string, HeldBack>()
  /** Everything at or below is delivered. */
  #floor = 0
  #rescanAt: number
  #failures = 0
  #retryAt = 0
  #retryTimer: NodeJS.Timeout | undefined
  /** Counts rescans: a floor found before one is worth nothing after it. */
  #generation = 0
  /** There may be something to deliver. */
  #woken = false
  #stopped = false
  #running: Promise<void> | undefined

  constructor(options: LaneOptions) {
    this.#options = options
    this.#rescanAt = options.clock.now() + RESCAN_EVERY_MS
  }

  wake(): void {
    this.#woken = true
    if (this.#running || this.#stopped) return
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      // A wake-up that came between the last look and this line.
      if (this.#woken && !this.#stopped && this.#now() >= this.#retryAt) this.wake()
    })
  }

  rescan(): void {
    // Aggregates may be another process's now; whatever is still ours fails again and is held back again.
    this.#heldBack.clear()
    this.#floor = 0
    this.#generation++
    this.wake()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#retryTimer)
    await this.#running
  }

  #now(): number {
    return this.#options.clock.now()
  }

  async #run(): Promise<void> {
    while (this.#woken && !this.#stopped && this.#now() >= this.#retryAt) {
      this.#woken = false
      try {
        if (await this.#round()) this.#woken = true
        this.#failures = 0
      } catch (error) {
        this.#failures++
        const waitMs = backoffMs(this.#failures, CONSUMER_BACKOFF_MAX_MS)
        this.#retryAt = this.#now() + waitMs
        this.#wakeIn(waitMs)
        this.#options.warn(error, `events for ${this.#options.subscriber.consumer} wait ${waitMs} ms`)
      }
    }
  }

  /** Only for speed: the poll wakes as well, so that one timer is enough for all waits. */
  #wakeIn(waitMs: number): void {
    clearTimeout(this.#retryTimer)
    if (!this.#stopped) this.#retryTimer = setTimeout(() => this.wake(), waitMs)
  }

  /** True when there may be more to do at once. */
  async #round(): Promise<boolean> {
    const { database, subscriber, batchSize } = this.#options
    const partitions = this.#options.owned()
    if (partitions.length === 0) return false
    if (this.#now() >= this.#rescanAt) this.#forgetFloor()
    const generation = this.#generation
    // Read before the rows: what settles later is for the next round.
    const settled = this.#options.settled()
    const found = await fetchUndelivered(database, {
      partitions,
      consumer: subscriber.consumer,
      aggregateTypes: subscriber.aggregateTypes,
      floor: this.#floor,
      leaveOut: [...this.#heldBack].filter(([, { until }]) => until > this.#now()).map(([key]) => key),
      limit: batchSize,
    })
    await this.#deliverAll(found.events)
    if (this.#heldBack.size === 0 && this.#generation === generation && !this.#stopped)
      this.#floor = Math.max(this.#floor, floorAfter(found, settled))
    return found.events.length > 0
  }

  #forgetFloor(): void {
    this.#floor = 0
    // Whose wait ended long ago was delivered by another process.
    for (const [key, { until }] of this.#heldBack)
      if (until < this.#now() - RESCAN_EVERY_MS) this.#heldBack.delete(key)
    this.#rescanAt = this.#now() + RESCAN_EVERY_MS
  }

  async #deliverAll(found: readonly PlacedEvent[]): Promise<void> {
    const groups = groupByAggregate(found.map(({ event }) => event))
    const suspects = groups.filter(group => this.#heldBack.has(keyOf(group)))
    const rest = groups.filter(group => !this.#heldBack.has(keyOf(group)))
    const tally: Tally = { delivered: 0, failed: 0 }
    await this.#deliver(rest, tally)
    for (const suspect of suspects) await this.#deliver([suspect], tally)
  }

  /** On failure halves the batch, down to the aggregate at fault; gives up when nothing at all gets through. */
  async #deliver(groups: readonly StoredEvent[][], tally: Tally): Promise<void> {
    if (groups.length === 0 || this.#stopped) return
    const { database, subscriber, subscribers } = this.#options
    const events = groups.flat()
    try {
      await subscriber.deliver(events)
    } catch (error) {
      if (groups.length > 1) {
        const half = groups.length >>> 1
        await this.#deliver(groups.slice(0, half), tally)
        await this.#deliver(groups.slice(half), tally)
        return
      }
      tally.failed++
      if ((tally.delivered === 0 && tally.failed > 1) || this.#heldBack.size >= HELD_BACK_MAX) throw error
      this.#holdBack(keyOf(events), error)
      return
    }
    await markDelivered(database, subscriber.consumer, events, subscribers)
    tally.delivered++
    if (groups.length === 1) this.#heldBack.delete(keyOf(events))
  }

  #holdBack(key: string, error: unknown): void {
    const failures = (this.#heldBack.get(key)?.failures ?? 0) + 1
    const waitMs = backoffMs(failures, AGGREGATE_BACKOFF_MAX_MS)
    this.#heldBack.set(key, { failures, until: this.#now() + waitMs })
    this.#wakeIn(waitMs)
    const { consumer } = this.#options.subscriber
    this.#options.warn(error, `events of ${key.replace('\n', ' ')} for ${consumer} wait ${waitMs} ms`)
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
