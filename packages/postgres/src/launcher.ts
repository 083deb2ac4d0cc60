import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, createCluster, locateCluster } from './cluster.ts'
import { LockHeld, takeLockFile } from './lock-file.ts'
import type { Log } from './log.ts'
import { ensureRunning, type Postmaster, stopPostmaster } from './postmaster.ts'

export interface EmbeddedPostgres {
  /** The superuser's, to the database `storewright`. Stays valid over restarts. */
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Called each time the server ends without `stop`; `gaveUp` when it will not be restarted again. */
  onUnexpectedExit(listener: (exit: { gaveUp: boolean }) => void): void
  /** Fast shutdown; resolves when the server is gone. */
  stop(): Promise<void>
}

/** One connection pool of 40 per process and room for people's tools, at about 0.1 MB each. */
const MAX_CONNECTIONS = 100
/** More than this many deaths within a minute has a cause that restarting won't cure, such as a full disk. */
const RESTARTS_PER_MINUTE = 5
const BACKOFF_MS = 100
/** An adopted server is not our child: nobody tells us when it ends. */
const WATCH_MS = 250

/**
 * A real Postgres of our own in `dataDir`: created on first use, adopted when a killed process left it running,
 * restarted when it dies. Refuses when another live process holds the same folder.
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string
  log: Log
  port?: number
}): Promise<EmbeddedPostgres> {
  const { log } = options
  const cluster = locateCluster(options.dataDir, log)
  const release = takeLock(cluster, options.dataDir)
  try {
    createCluster(cluster, log)
    const start = { log, port: options.port, maxConnections: MAX_CONNECTIONS }
    const first = await ensureRunning(cluster, start)
    return supervise(cluster, first, log, release)
  } catch (error) {
    release()
    throw error
  }
}

function takeLock(cluster: Cluster, dataDir: string): () => void {
  try {
    return takeLockFile(join(cluster.place, 'lock'))
  } catch (error) {
    if (!(error instanceof LockHeld)) throw error
    throw new Error(
      `the database in ${dataDir} is in use by process ${error.pid}: stop that one first, or choose another folder`,
      { cause: error },
    )
  }
}

function supervise(cluster: Cluster, first: Postmaster, log: Log, release: () => void): EmbeddedPostgres {
  const listeners: ((exit: { gaveUp: boolean }) => void)[] = []
  const deaths: number[] = []
  let current = first
  let stopping: Promise<void> | undefined
  let restarting: Promise<void> | undefined

  const watch = setInterval(() => {
    if (!stopping && !restarting && !current.isRunning()) restarting = restart()
  }, WATCH_MS)
  watch.unref()

  async function restart(): Promise<void> {
    try {
      for (;;) {
        const now = Date.now()
        deaths.push(now)
        while (now - (deaths[0] ?? now) > 60_000) deaths.shift()
        const gaveUp = deaths.length > RESTARTS_PER_MINUTE
        for (const listener of listeners) listener({ gaveUp })
        if (gaveUp) {
          clearInterval(watch)
          log.error(
            `Postgres died ${deaths.length} times within a minute: not restarting it, see postgres.log`,
          )
          return
        }
        log.warn('Postgres ended unexpectedly: restarting it')
        await sleep(BACKOFF_MS * 2 ** (deaths.length - 1))
        if (stopping) return
        try {
          current = await ensureRunning(cluster, { log, port: first.port, maxConnections: MAX_CONNECTIONS })
          log.info(`Postgres runs again (process ${current.pid})`)
          return
        } catch (error) {
          log.error(error instanceof Error ? error.message : String(error))
        }
      }
    } finally {
      restarting = undefined
    }
  }

  async function stop(): Promise<void> {
    clearInterval(watch)
    await restarting
    await stopPostmaster(cluster, current, log)
    release()
  }

  return {
    url: first.url,
    port: first.port,
    get pid() {
      return current.pid
    },
    onUnexpectedExit: listener => {
      listeners.push(listener)
    },
    stop: () => {
      stopping ??= stop()
      return stopping
    },
  }
}
