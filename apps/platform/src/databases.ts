import { join } from 'node:path'
import { startEmbeddedPostgres } from '@storewright/postgres/launcher'
import { provisionAll } from '@storewright/postgres/provision'
import type { Logger } from '@storewright/rpc/log'
import type { PlatformConfig } from './config.ts'
import { lines } from './lines.ts'
import type { Secrets } from './secrets.ts'

export interface Databases {
  /** By service: under its own role, with its own schema first in the search path. */
  readonly urls: Readonly<Record<string, string>>
  readonly embedded: boolean
  stop(): Promise<void>
}

/**
 * Where each service keeps its data: `<NAME>_DATABASE_URL` as it is; otherwise a role and schema of its own in
 * `DATABASE_URL`, or in the embedded Postgres. `onLost`: the embedded one died too often and is not started again.
 */
export async function openDatabases(
  names: readonly string[],
  config: PlatformConfig,
  secrets: Secrets,
  log: Logger,
  onLost: () => void,
): Promise<Databases> {
  const given = Object.fromEntries(
    names.flatMap(name => {
      const url = config.env[`${name.toUpperCase()}_DATABASE_URL`]
      return url ? [[name, url]] : []
    }),
  )
  const missing = names.filter(name => !given[name])
  if (missing.length === 0) return { urls: given, embedded: false, stop: async () => {} }

  const embedded = config.databaseUrl
    ? undefined
    : await startEmbeddedPostgres({ dataDir: join(config.dataDir, 'postgres'), log: lines(log) })
  embedded?.onUnexpectedExit(({ gaveUp }) => {
    if (gaveUp) onLost()
  })
  const adminUrl = config.databaseUrl ?? embedded?.url ?? ''
  try {
    const passwords = Object.fromEntries(missing.map(name => [name, secrets.passwordOf(name)]))
    const made = await provisionAll(adminUrl, missing, passwords)
    return {
      urls: { ...made, ...given },
      embedded: embedded !== undefined,
      stop: async () => embedded?.stop(),
    }
  } catch (error) {
    await embedded?.stop()
    throw error
  }
}
