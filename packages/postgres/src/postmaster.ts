import { execFile, spawn } from 'node:child_process'
import { closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { ADMIN, type Cluster, environment, openLog } from './cluster.ts'
import { codeOf } from './errors.ts'
import type { Log } from './log.ts'
import { commandLine, exists, processIdentity } from './process-identity.ts'

/** A running server, ours to signal: spawned by this process or adopted from a killed one. */
export interface Postmaster {
  readonly pid: number
  readonly port: number
  readonly url: string
  isRunning(): boolean
}

/** After a crash Postgres replays up to max_wal_size before it answers; only a stuck one takes longer. */
const START_TIMEOUT_MS = 300_000
/** A fast shutdown waits for nothing but the checkpoint; beyond this the write-ahead log has to repair it. */
const FAST_STOP_TIMEOUT_MS = 30_000
const IMMEDIATE_STOP_TIMEOUT_MS = 5_000
/** Backends of a killed postmaster hold its shared memory until they notice, and a port may be taken meanwhile. */
const START_ATTEMPTS = 10
const RETRY_MS = 200
const POLL_MS = 10
const CONNECT_TIMEOUT_MS = 5_000

/** Each with its reason. Passed at every start, so that a new release's values reach an old data folder. */
const SETTINGS = {
  listen_addresses: '127.0.0.1', // nobody else's business
  unix_socket_directories: '', // a path over 107 bytes, as in deep checkouts, is refused by the kernel
  shared_buffers: '128MB', // a small shop's whole working set, on a laptop that also runs a browser
  fsync: 'on', // orders are money
  max_wal_size: '2GB', // a sale's burst of writes should not force checkpoints
  random_page_cost: '1.1', // solid-state disks; the default plans for spinning ones
  jit: 'off', // compiling costs more than our short statements take
  wal_level: 'replica', // allows base backups and replicas without a restart
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  log_min_messages: 'log', // errors reach the application, which reports them with their request
  log_error_verbosity: 'terse', // DETAIL quotes row values: customers' data
}

/** Adopts the server that runs on this cluster, or starts one. Call it with the cluster's lock held. */
export async function ensureRunning(
  cluster: Cluster,
  options: { log: Log; port?: number | undefined; maxConnections: number },
): Promise<Postmaster> {
  const found = await adopt(cluster, options.log)
  if (found) return found
  for (let attempt = 1; ; attempt++) {
    try {
      const port = options.port ?? (await choosePort(cluster, attempt))
      return await launch(cluster, port, options.maxConnections, options.log)
    } catch (error) {
      if (!(error instanceof StartFailed && error.passing) || attempt === START_ATTEMPTS) throw error
      await sleep(RETRY_MS)
    }
  }
}

/** Fast shutdown, then an immediate one; resolves when the process is gone. */
export async function stopPostmaster(cluster: Cluster, postmaster: Postmaster, log: Log): Promise<void> {
  if (!postmaster.isRunning()) return // its pid may be somebody else's by now
  signal(cluster, postmaster.pid, 'fast')
  if (await gone(postmaster, FAST_STOP_TIMEOUT_MS)) return
  log.warn(`Postgres did not stop within ${FAST_STOP_TIMEOUT_MS} ms: stopping it at once`)
  signal(cluster, postmaster.pid, 'immediate')
  if (await gone(postmaster, IMMEDIATE_STOP_TIMEOUT_MS)) return
  throw new Error(`Postgres (process ${postmaster.pid}) does not stop`)
}

class StartFailed extends Error {
  /** True when a later or another attempt may succeed. */
  readonly passing: boolean
  constructor(reason: string, lastLines: string) {
    super(`Postgres did not start: ${reason}\n${lastLines}`)
    this.name = 'StartFailed'
    this.passing = /in use|could not bind|lock file .* already exists|shared memory block/.test(lastLines)
  }
}

async function launch(cluster: Cluster, port: number, maxConnections: number, log: Log): Promise<Postmaster> {
  const output = openLog(cluster)
  const settings = Object.entries({ ...SETTINGS, port, max_connections: maxConnections })
  const child = spawn(
    cluster.binaries.postgres,
    ['-D', cluster.dir, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    {
      cwd: cluster.place,
      env: environment(),
      stdio: ['ignore', output.fd, output.fd],
      // Its own process group: Ctrl-C must not stop the database before the requests in flight are done.
      detached: true,
      windowsHide: true,
      ...cluster.account,
    },
  )
  closeSync(output.fd) // the child has its own
  let ended: string | undefined
  child.once('error', error => {
    ended = error.message
  })
  child.once('exit', (code, by) => {
    ended ??= by ? `it was ended by ${by}` : `it exited with code ${code}`
  })
  child.unref()
  const deadline = Date.now() + START_TIMEOUT_MS
  let nextNote = Date.now() + 10_000
  for (;;) {
    await sleep(POLL_MS)
    const lastLines = () =>
      readFileSync(output.path, 'utf8').slice(output.start).split('\n').slice(-21).join('\n')
    if (ended !== undefined) throw new StartFailed(ended, lastLines())
    const file = readPidFile(cluster)
    // The file of a dead postmaster still says ready: only our child's pid counts.
    if (file?.pid === child.pid && file?.ready) break
    if (Date.now() > nextNote) {
      log.info('waiting for Postgres to recover')
      nextNote += 10_000
    }
    if (Date.now() > deadline) {
      child.kill('SIGQUIT')
      throw new StartFailed(`not ready after ${START_TIMEOUT_MS} ms`, lastLines())
    }
  }
  writeFileSync(join(cluster.place, 'port'), `${port}\n`)
  await createAdminDatabase(cluster, port)
  return running(cluster, child.pid ?? 0, port)
}

/** The server that a killed process of ours left behind, if it still answers; one that doesn't is stopped. */
async function adopt(cluster: Cluster, log: Log): Promise<Postmaster | undefined> {
  const file = readPidFile(cluster)
  if (!file) return undefined
  const ours = processIdentity(file.pid) !== undefined && (await isOurs(cluster, file))
  if (ours) {
    const postmaster = running(cluster, file.pid, file.port)
    if (await answers(cluster, file.port)) {
      log.info(`adopting the Postgres that runs already (process ${file.pid}, port ${file.port})`)
      await createAdminDatabase(cluster, file.port)
      return postmaster
    }
    log.warn(`stopping a Postgres that does not answer (process ${file.pid})`)
    await stopPostmaster(cluster, postmaster, log)
  } else if (exists(file.pid)) {
    // A recycled pid, or a zombie. Postgres would refuse to start; were its own shared memory still in use, it
    // would find that by the data directory and refuse nevertheless.
    rmSync(join(cluster.dir, 'postmaster.pid'), { force: true })
  }
  return undefined
}

async function isOurs(cluster: Cluster, file: PidFile): Promise<boolean> {
  const command = commandLine(file.pid)
  return command === '' ? answers(cluster, file.port) : command.includes(`-D ${cluster.dir} `)
}

async function answers(cluster: Cluster, port: number): Promise<boolean> {
  try {
    const rows = await once(urlOf(cluster, port, 'postgres'), 'show data_directory')
    return rows[0]?.data_directory === cluster.dir
  } catch {
    return false
  }
}

async function createAdminDatabase(cluster: Cluster, port: number): Promise<void> {
  try {
    await once(urlOf(cluster, port, ADMIN), 'select 1')
  } catch (error) {
    if (codeOf(error) !== '3D000') throw error
    await once(urlOf(cluster, port, 'postgres'), `create database ${ADMIN}`)
  }
}

async function once(connectionString: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: 30_000,
  })
  client.on('error', () => {}) // also rejects the call in flight, which is where it is handled
  try {
    await client.connect()
    return (await client.query(text)).rows
  } finally {
    await client.end().catch(() => {})
  }
}

function running(cluster: Cluster, pid: number, port: number): Postmaster {
  const identity = processIdentity(pid)
  return {
    pid,
    port,
    url: urlOf(cluster, port, ADMIN),
    // Outside Linux an identity costs a process of its own: too much for something that is polled.
    isRunning: () => (process.platform === 'linux' ? processIdentity(pid) === identity : exists(pid)),
  }
}

function urlOf(cluster: Cluster, port: number, database: string): string {
  return `postgres://${ADMIN}:${cluster.password}@127.0.0.1:${port}/${database}`
}

interface PidFile {
  pid: number
  port: number
  ready: boolean
}

/** https://www.postgresql.org/docs/18/storage-file-layout.html: line 1 pid, 4 port, 8 status. */
function readPidFile(cluster: Cluster): PidFile | undefined {
  try {
    const lines = readFileSync(join(cluster.dir, 'postmaster.pid'), 'utf8').split('\n')
    const pid = Number(lines[0])
    return pid > 0 ? { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' } : undefined
  } catch {
    return undefined
  }
}

/** The port of the last start while it is free, so that URLs in people's tools stay right. */
async function choosePort(cluster: Cluster, attempt: number): Promise<number> {
  let last = 0
  try {
    if (attempt === 1) last = Number(readFileSync(join(cluster.place, 'port'), 'utf8'))
  } catch {
    // first start
  }
  return (await freePort(last)) ?? (await freePort(0)) ?? 0
}

function freePort(wanted: number): Promise<number | undefined> {
  return new Promise(done => {
    const server = createServer()
    server.once('error', () => done(undefined))
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => done(typeof address === 'object' ? address?.port : undefined))
    })
  })
}

function signal(cluster: Cluster, pid: number, mode: 'fast' | 'immediate'): void {
  if (process.platform === 'win32') {
    execFile(cluster.binaries.pgCtl, ['stop', '-W', '-m', mode, '-D', cluster.dir], () => {})
    return
  }
  try {
    process.kill(pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
    process.kill(pid, 'SIGCONT') // a suspended server would not notice
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error
  }
}

async function gone(postmaster: Postmaster, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs
  while (postmaster.isRunning()) {
    if (Date.now() > deadline) return false
    await sleep(POLL_MS)
  }
  return true
}
