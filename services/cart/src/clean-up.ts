import { deleteExpiredKeys } from '@storewright/postgres/idempotency'
import type { Database } from '@storewright/postgres/sql'
import type { Logger } from '@storewright/rpc/log'
import { deleteExpiredCarts } from './store.ts'

const CLEAN_EVERY_MS = 10 * 60_000
/** Until then `cart-expired` can be told apart from a cart that never was. */
const EXPIRED_KEPT_DAYS = 7
/** One statement's worth of row locks. */
const DELETE_MAX = 500
/** No client retries a command later than this. */
const KEYS_KEPT_HOURS = 48

/** Removes what nobody asks for any more. Any number of processes may do so at once. Returns how to stop it. */
export function startCleanUp(database: Database, log: Logger): () => Promise<void> {
  let running: Promise<void> = Promise.resolve()
  let stopped = false
  const round = async () => {
    try {
      const wanted = { days: EXPIRED_KEPT_DAYS, limit: DELETE_MAX }
      while (!stopped && (await deleteExpiredCarts(database, wanted)) === DELETE_MAX);
      await deleteExpiredKeys(database, KEYS_KEPT_HOURS)
    } catch (error) {
      log.warn({ err: error }, 'expired carts wait for the next clean-up')
    }
  }
  const timer = setInterval(() => {
    running = round()
  }, CLEAN_EVERY_MS)
  return async () => {
    stopped = true
    clearInterval(timer)
    await running
  }
}
