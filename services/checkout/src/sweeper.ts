import { runCheckout, type SagaTools } from './saga.ts'
import { claimExpired } from './store.ts'

const SWEEP_MS = 1_000
/** Taken over at once; the next sweep takes more. */
const CLAIM_MAX = 32

/**
 * Finds sagas whose holder died or gave up and runs them on, in every process: SKIP LOCKED and the lease keep the
 * sweepers apart.
 */
export function startSweeper(tools: SagaTools): { stop(): Promise<void> } {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  const sweep = async () => {
    try {
      const claimed = await claimExpired(tools.database, CLAIM_MAX)
      if (claimed.length > 0) tools.log.info({ count: claimed.length }, 'continuing unfinished checkouts')
      await Promise.all(claimed.map(checkout => runCheckout(tools, checkout)))
    } catch (error) {
      tools.log.warn({ err: error }, 'the sweep of unfinished checkouts failed; it is tried again')
    }
    if (!stopped) schedule()
  }
  const schedule = () => {
    timer = setTimeout(() => {
      running = sweep()
    }, SWEEP_MS)
  }
  schedule()

  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
