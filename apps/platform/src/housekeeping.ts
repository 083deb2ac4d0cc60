import { DELETE_BATCH, deletePublished } from '@storewright/events/retention'
import { deleteExpiredKeys } from '@storewright/postgres/idempotency'
import type { Database } from '@storewright/postgres/sql'
import type { Logger } from '@storewright/rpc/log'
import type { RunningService } from '@storewright/rpc/service'

const EVERY_MS = 60 * 60_000
/** Long enough to look into last week's trouble by hand. */
const EVENTS_KEPT_HOURS = 7 * 24
/** A client that repeats a command does so within two days. */
const KEYS_KEPT_HOURS = 48
/** Their keys are kept with the payment: money is not taken twice, however late the repetition. */
const KEYS_KEPT_FOR_EVER = new Set(['payment'])

export interface Housekeeping {
  /** One round now. */
  sweep(): Promise<void>
  stop(): Promise<void>
}

/** Hourly: forgets delivered events, old idempotency keys and what each service forgets, in short statements. */
export function startHousekeeping(
  databases: ReadonlyMap<string, Database>,
  services: ReadonlyMap<string, Pick<RunningService, 'forget'>>,
  log: Logger,
): Housekeeping {
  let running = Promise.resolve()
  let stopped = false
  const sweep = async () => {
    for (const [name, database] of databases) {
      if (stopped) return
      try {
        while ((await deletePublished(database, EVENTS_KEPT_HOURS)) === DELETE_BATCH && !stopped);
        if (!KEYS_KEPT_FOR_EVER.has(name)) await deleteExpiredKeys(database, KEYS_KEPT_HOURS)
        while (!stopped && (await services.get(name)?.forget?.()));
      } catch (error) {
        log.warn({ err: error, service: name }, 'housekeeping failed; it is tried again in an hour')
      }
    }
  }
  const timer = setInterval(() => {
    running = running.then(sweep)
  }, EVERY_MS)
  timer.unref()
  return {
    sweep,
    async stop() {
      stopped = true
      clearInterval(timer)
      await running
    },
  }
}
