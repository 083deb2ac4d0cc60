import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { type Cluster, createCluster, locateCluster } from './cluster.ts'
import { codeOf } from './errors.ts'
import { LockHeld, takeLockFile } from './lock-file.ts'
import { SILENT } from './log.ts'
import { type MigrationFolder, migrate } from './migrate.ts'
import { openDatabase } from './pool.ts'
import { ensureRunning, stopPostmaster } from './postmaster.ts'
import { processIdentity } from './process-identity.ts'
import { provisionService } from './provision.ts'
import type { Database } from './sql.ts'

export interface TestDatabase {
  readonly database: Database
  /** The service's own role, to this test's database. */
  readonly url: string
  /** A superuser, to this test's database: further services may be provisioned in it. */
  readonly adminUrl: string
  /** Closes `database` and removes the test's database, whoever is still connected. */
  drop(): Promise<void>
}

/** Many test files at once, each with its pools, share one server. */
const MAX_CONNECTIONS = 300
const POOL_SIZE = 20
/** The process before us in the queue may be running initdb on a busy machine. */
const LOCK_WAIT_MS = 120_000
/** Advisory lock while a template is built: "tmpl" in ASCII. */
const TEMPLATE_LOCK = 0x746d706c
const HOME = fileURLToPath(new URL('../../../.cache/test-postgres', import.meta.url))

/**
 * A fresh database with one service's schema, migrated, on the shared test server (started by whoever comes first
 * and left running) or on `STOREWRIGHT_TEST_DATABASE_URL`. Copied from a template made once per set of migrations.
 */
export async function createTestDatabase(options: {
  service: string
  folders: readonly MigrationFolder[]
}): Promise<TestDatabase> {
  const server = await testServer()
  const template = await ensureTemplate(server, options)
  const name = `test_${options.service}_${randomBytes(6).toString('hex')}`
  // wal_log needs no checkpoint of the whole server, unlike file_copy.
  await admin(server, `create database ${name} template ${template} strategy wal_log`)
  const adminUrl = withDatabase(server, name)
  try {
    const url = await provisionService(adminUrl, {
      service: options.service,
      password: passwordOf(server, options.service),
    })
    const database = openDatabase({ url, name: options.service, maxConnections: POOL_SIZE })
    return {
      database,
      url,
      adminUrl,
      drop: async () => {
        await database.close()
        await dropDatabase(server, name)
      },
    }
  } catch (error) {
    await dropDatabase(server, name)
    throw error
  }
}

/** Stops the shared server and removes its data, unless other live processes use it. Returns whether. */
export async function stopTestCluster(): Promise<boolean> {
  const release = await waitForLock()
  try {
    const cluster = locateCluster(HOME, SILENT)
    if (otherUsers(cluster).length > 0) return false
    if (existsSync(join(cluster.dir, 'postmaster.pid'))) {
      const server = await ensureRunning(cluster, { log: SILENT, maxConnections: MAX_CONNECTIONS })
      await stopPostmaster(cluster, server, SILENT)
    }
    rmSync(cluster.dir, { recursive: true, force: true })
    serverUrl = undefined
    return true
  } finally {
    release()
  }
}

let serverUrl: Promise<string> | undefined

function testServer(): Promise<string> {
  const given = process.env.STOREWRIGHT_TEST_DATABASE_URL
  serverUrl ??= given ? Promise.resolve(given) : startTestCluster()
  return serverUrl
}

async function startTestCluster(): Promise<string> {
  const release = await waitForLock()
  try {
    const cluster = locateCluster(HOME, SILENT)
    createCluster(cluster, SILENT)
    const server = await ensureRunning(cluster, { log: SILENT, maxConnections: MAX_CONNECTIONS })
    const users = usersFolder(cluster)
    mkdirSync(users, { recursive: true })
    writeFileSync(join(users, String(process.pid)), processIdentity(process.pid) ?? '')
    return server.url
  } finally {
    release()
  }
}

/** One file per process that was given the server: connections alone would miss one between two tests. */
function usersFolder(cluster: Cluster): string {
  return join(cluster.place, 'users')
}

function otherUsers(cluster: Cluster): string[] {
  const folder = usersFolder(cluster)
  if (!existsSync(folder)) return []
  return readdirSync(folder).filter(pid => {
    const alive = processIdentity(Number(pid)) === readFileSync(join(folder, pid), 'utf8')
    if (!alive) rmSync(join(folder, pid))
    return alive && Number(pid) !== process.pid
  })
}

async function waitForLock(): Promise<() => void> {
  const { place } = locateCluster(HOME, SILENT)
  const deadline = Date.now() + LOCK_WAIT_MS
  for (;;) {
    try {
      return takeLockFile(join(place, 'lock'))
    } catch (error) {
      if (!(error instanceof LockHeld) || Date.now() > deadline) throw error
      await sleep(20)
    }
  }
}

/** Named after everything that goes into it, so that a changed migration makes a new one. */
async function ensureTemplate(
  server: string,
  options: { service: string; folders: readonly MigrationFolder[] },
): Promise<string> {
  const name = `template_${options.service}_${contentHash(options.folders)}`
  const client = new pg.Client({ connectionString: server })
  client.on('error', () => {}) // the query in flight rejects as well
  await client.connect()
  try {
    const found = async () =>
      (await client.query('select from pg_database where datname = $1 and datistemplate', [name])).rowCount
    if (await found()) return name
    await client.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK])
    if (await found()) return name
    await client.query(`drop database if exists ${name} with (force)`) // left by a killed process
    await client.query(`create database ${name} strategy wal_log`)
    await buildTemplate(server, name, options)
    // Marked last: what bears the mark is complete. Nobody may connect, else it could not be copied.
    await client.query(`alter database ${name} with is_template true allow_connections false`)
    return name
  } finally {
    await client.end() // releases the lock
  }
}

async function buildTemplate(
  server: string,
  name: string,
  options: { service: string; folders: readonly MigrationFolder[] },
): Promise<void> {
  const { service, folders } = options
  const password = passwordOf(server, service)
  const url = await provisionService(withDatabase(server, name), { service, password })
  const database = openDatabase({ url, name: service, maxConnections: 1 })
  try {
    await migrate(database, folders)
  } finally {
    await database.close()
  }
}

function contentHash(folders: readonly MigrationFolder[]): string {
  const hash = createHash('sha256')
  for (const folder of folders) {
    const base = fileURLToPath(folder.url)
    for (const file of readdirSync(base).sort())
      if (file.endsWith('.sql'))
        hash.update(`${folder.name}/${file}\0`).update(readFileSync(join(base, file)))
  }
  return hash.digest('hex').slice(0, 12)
}

/** A role's password is the whole server's: every test process must arrive at the same. */
function passwordOf(server: string, service: string): string {
  return createHash('sha256')
    .update(`${new URL(server).password}:${service}`)
    .digest('base64url')
}

async function dropDatabase(server: string, name: string): Promise<void> {
  await admin(server, `drop database if exists ${name} with (force)`)
}

async function admin<Row extends object>(server: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: server })
  client.on('error', () => {}) // the query in flight rejects as well
  await client.connect()
  try {
    return (await client.query<Row>(text)).rows
  } catch (error) {
    throw new Error(`${text}: ${error instanceof Error ? error.message : error} (${codeOf(error)})`, {
      cause: error,
    })
  } finally {
    await client.end()
  }
}

function withDatabase(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}
