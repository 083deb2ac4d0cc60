import { type Clock, systemClock } from '@storewright/kernel/clock'
import type { Database } from '@storewright/postgres/sql'
import type { StoredEvent } from './event.ts'
import { createFrontier } from './frontier.ts'
import { createLeases, LEASE_MS } from './lease.ts'
import { createSubscriberLane } from './subscriber-lane.ts'
import { createUnheardPublisher, settleDelivered } from './undelivered.ts'

export interface Subscriber {
  /** The hearing service; remembered per event, so it must not change. */
  readonly consumer: string
  readonly aggregateTypes: readonly string[]
  /** Resolves when every event is stored or already known over there. Called with one batch at a time. */
  deliver(events: StoredEvent[]): Promise<void>
}

export interface Dispatcher {
  /** Starts a round at once; call it after a commit that appended. */
  wake(): void
  /** Waits for deliveries under way, then gives up the partitions. */
  stop(): Promise<void>
  /** Of the whole service, whoever dispatches. `unpublished` counts to 100,000 and no further. */
  backlog(): Promise<{ unpublished: number; oldestAgeMs: number }>
}

/** What the dispatcher says; pino's logger fits. */
export interface DispatcherLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface DispatcherOptions {
  readonly database: Database
  /** The publishing service, for the log. */
  readonly service: string
  readonly subscribers: readonly Subscriber[]
  readonly log: DispatcherLog
  readonly clock?: Clock
  /** The poll finds what other processes appended and what a wake-up missed. */
  readonly pollMs?: number
  readonly batchSize?: number
  readonly leaseMs?: number
}

/** A count beyond this tells an operator nothing more and reads the whole index. */
const BACKLOG_MAX = 100_000

/**
 * Carries events from this service's outbox to each subscriber: at least once, in order per aggregate. Runs in every
 * process of the publisher; lease rows divide the partitions among them.
 */
export function startDispatcher(options: DispatcherOptions): Dispatcher {
  const { database, subscribers, log, service } = options
  const pollMs = options.pollMs ?? 1000
  const leaseMs = options.leaseMs ?? LEASE_MS
  const leases = createLeases(database, leaseMs)
  const frontier = createFrontier(database)
  const unheard = createUnheardPublisher(database, subscribers)
  const lanes = subscribers.map(subscriber =>
    createSubscriberLane({
      database,
      subscriber,
      subscribers,
      owned: leases.owned,
      settled: frontier.settled,
      clock: options.clock ?? systemClock,
      batchSize: options.batchSize ?? 200,
      warn: (error, message) => log.warn({ err: error, service }, message),
    }),
  )
  let renewAt = 0

  /** The truth of the matter, once per `pollMs`: leases in time, and whatever a wake-up cannot be trusted with. */
  async function round(): Promise<void> {
    if (performance.now() >= renewAt) {
      const changed = await leases.renew()
      renewAt = performance.now() + leaseMs / 3
      if (changed) {
        log.info({ service, partitions: leases.owned() }, 'outbox partitions changed')
        for (const lane of lanes) lane.rescan()
        unheard.rescan()
        await settleDelivered(database, leases.owned(), subscribers)
      }
    }
    await frontier.advance()
    await unheard.publish(leases.owned(), frontier.settled())
    for (const lane of lanes) lane.wake()
  }
  const timer = repeat(round, Math.min(pollMs, leaseMs / 3), error =>
    log.warn({ err: error, service }, 'outbox round failed; the next one tries again'),
  )

  return {
    wake() {
      for (const lane of lanes) lane.wake()
    },
    async stop() {
      await timer.stop()
      await Promise.all(lanes.map(lane => lane.stop()))
      await leases
        .release()
        .catch(error => log.warn({ err: error, service }, 'outbox leases were left to expire'))
    },
    backlog: () => readBacklog(database),
  }
}

async function readBacklog(database: Database): Promise<{ unpublished: number; oldestAgeMs: number }> {
  const [row] = await database.query<{ unpublished: number; age: number }>(
    `select count(*)::int as unpublished,
       coalesce(extract(epoch from clock_timestamp() - min(occurred_at)) * 1000, 0)::float8 as age
     from (select occurred_at from outbox where published_at is null order by partition, position limit $1) as waiting`,
    [BACKLOG_MAX],
  )
  return { unpublished: row?.unpublished ?? 0, oldestAgeMs: Math.max(0, Math.round(row?.age ?? 0)) }
}

/** Runs `work` again and again, never twice at once, `everyMs` after the last run has ended. */
function repeat(
  work: () => Promise<void>,
  everyMs: number,
  failed: (error: unknown) => void,
): { stop(): Promise<void> } {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let current: Promise<void>
  const run = () => {
    current = work()
      .catch(error => {
        if (!stopped) failed(error)
      })
      .then(() => {
        if (!stopped) timer = setTimeout(run, everyMs)
      })
  }
  run()
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await current
    },
  }
}
