import type { Id } from '@storewright/kernel/ids'
import type { Database } from '@storewright/postgres/sql'
import type { Logger } from '@storewright/rpc/log'
import { deleteReleased, findExpired } from './reservation-store.ts'

/** How late a hold ends at most, besides the grace. */
const SWEEP_EVERY_MS = 1_000
/** A commit that left its sender before the hold's end may still arrive. */
const EXPIRY_GRACE_MS = 1_000
/** One sweep releases this many at most per round: a shopper's request between two rounds waits for no more. */
const SWEEP_MAX = 200
/** Longer than any retry of a checkout under the same id. */
const RELEASED_KEPT_DAYS = 7
const DELETE_EVERY_MS = 60_000
const DELETE_MAX = 1_000

export interface Sweeper {
  /** One round now: how many holds ended. */
  sweep(): Promise<number>
  stop(): Promise<void>
}

/**
 * Ends holds whose time is over. `expire` decides under the same locks as a commit does, so any number of processes may
 * sweep at once.
 */
export function startSweeper(options: {
  database: Database
  expire: (reservationId: Id<'checkout'>) => Promise<boolean>
  log: Logger
}): Sweeper {
  const { database, expire, log } = options
  let stopped = false
  let deleteAt = Date.now() + DELETE_EVERY_MS
  let running: Promise<void> = Promise.resolve()

  const sweep = async () => {
    const due = await findExpired(database, { graceMs: EXPIRY_GRACE_MS, limit: SWEEP_MAX })
    const ended = await Promise.all(due.map(expire))
    return ended.filter(Boolean).length
  }
  const round = async () => {
    try {
      while (!stopped && (await sweep()) === SWEEP_MAX);
      if (Date.now() >= deleteAt) {
        deleteAt = Date.now() + DELETE_EVERY_MS
        await deleteReleased(database, { days: RELEASED_KEPT_DAYS, limit: DELETE_MAX })
      }
    } catch (error) {
      log.warn({ err: error }, 'expired reservations wait for the next sweep')
    }
    if (!stopped) timer = setTimeout(start, SWEEP_EVERY_MS)
  }
  const start = () => {
    running = round()
  }
  let timer = setTimeout(start, SWEEP_EVERY_MS)
  return {
    sweep,
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
