import { runCheckout, type SagaTools } from './saga.ts'
import { claimExpired } from './store.ts'

const SWEEP_MS = 1_000
/** Taken over at once; the next sweep takes more. */
const CLAIM_MAX = 32

/**
 * Finds sagas whose holder died or gave up and runs them on, in every process: SKIP LOCKED and the lease keep the
 * sweepers apart.
 */
export function startSweeper(tools: SagaTools): { wake(): void; stop(): Promise<void> } {
  let stopped = false
  let woken = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined

  const sweep = async () => {
    try {
      const claimed = await claimExpired(tools.database, CLAIM_MAX)
      if (claimed.length > 0) tools.log.info({ count: claimed.length }, 'continuing unfinished checkouts')
      await Promise.all(claimed.map(checkout => runCheckout(tools, checkout)))
    } catch (error) {
      tools.log.warn({ err: error }, 'the sweep of unfinished checkouts failed; it is tried again')
    }
  }
  const run = () => {
    clearTimeout(timer)
    woken = false
    running = sweep().finally(() => {
      running = undefined
      if (stopped) return
      if (woken) run()
      else timer = setTimeout(run, SWEEP_MS)
    })
  }
  timer = setTimeout(run, SWEEP_MS)

  return {
    /** Looks at once: somebody has heard of a payment. */
    wake() {
      woken = true
      if (!running && !stopped) run()
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
