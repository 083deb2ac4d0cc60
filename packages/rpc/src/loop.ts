export interface Loop {
  /** Works at once, or once more after what is under way: something may have become due. */
  wake(): void
  /** Waits for what is under way. */
  stop(): Promise<void>
}

/**
 * Works every `everyMs`, never twice at a time, until stopped. A failure is told and tried again: the poll finds what a
 * wake-up missed, what another process left, and what has come due.
 */
export function startLoop(options: {
  readonly everyMs: number
  work(): Promise<void>
  failed(error: unknown): void
}): Loop {
  const { everyMs } = options
  let stopped = false
  let woken = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined

  const run = () => {
    clearTimeout(timer)
    woken = false
    running = options
      .work()
      .catch(options.failed)
      .finally(() => {
        running = undefined
        if (stopped) return
        if (woken) run()
        else timer = setTimeout(run, everyMs)
      })
  }
  timer = setTimeout(run, everyMs)

  return {
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
