import { type Loop, startLoop } from '@storewright/rpc/loop'
import { runCheckout, type SagaTools } from './saga.ts'
import { claimExpired } from './store.ts'

const SWEEP_MS = 1_000
/** Taken over at once; the next sweep takes more. */
const CLAIM_MAX = 32

/**
 * Finds sagas whose holder died or gave up, and those that are due, and runs them on, in every process: SKIP LOCKED and
 * the lease keep the sweepers apart.
 */
export function startSweeper(tools: SagaTools): Loop {
  return startLoop({
    everyMs: SWEEP_MS,
    async work() {
      const claimed = await claimExpired(tools.database, CLAIM_MAX)
      if (claimed.length > 0) tools.log.info({ count: claimed.length }, 'continuing unfinished checkouts')
      await Promise.all(claimed.map(checkout => runCheckout(tools, checkout)))
    },
    failed: error =>
      tools.log.warn({ err: error }, 'the sweep of unfinished checkouts failed; it is tried again'),
  })
}
