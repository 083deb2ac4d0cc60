import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { type Account, type Binaries, findBinaries, reachable, sharedFolder } from './binaries.ts'
import type { Log } from './log.ts'

/** A Postgres data directory of ours, with what is needed to run it. */
export interface Cluster {
  /** Postgres's own data directory. */
  readonly dir: string
  /** Holds the lock, the port and the log; Postgres's account may pass through it. */
  readonly place: string
  readonly password: string
  readonly account: Account | undefined
  readonly binaries: Binaries
}

/** The superuser, and the database that the services' schemas live in. */
export const ADMIN = 'storewright'

/** The log is cut at a start once it is larger; Postgres itself is told to write little. */
const LOG_MAX_BYTES = 10 * 1024 * 1024

/** Decides who runs Postgres and where its files lie. Creates folders and the password, not yet the database. */
export function locateCluster(dataDir: string, log: Log): Cluster {
  const fresh = !fs.existsSync(dataDir)
  fs.mkdirSync(dataDir, { recursive: true })
  const home = fs.realpathSync(dataDir) // one name only: a running server is recognized by it
  const root = process.getuid?.() === 0
  let place = home
  let account = root ? accountFor(join(home, 'cluster')) : undefined
  if (account && !reachable(join(home, 'cluster'), account)) {
    // Of all folders on the way only the one we just made is ours to open.
    if (fresh) fs.chmodSync(home, 0o711)
    if (!reachable(join(home, 'cluster'), account)) {
      const hash = createHash('sha256').update(home).digest('hex').slice(0, 16)
      place = join(sharedFolder(), hash)
      fs.mkdirSync(place, { recursive: true, mode: 0o711 })
      account = accountFor(join(place, 'cluster'))
      log.warn(`${home} lies in a private folder, so the database is kept in ${place}`)
    }
  }
  const dir = join(place, 'cluster')
  const password = readPassword(join(home, 'secrets'), fs.existsSync(join(dir, 'PG_VERSION')))
  return { dir, place, password, account, binaries: findBinaries(account, log) }
}

/** Runs initdb unless it was done. Call it with the cluster's lock held. */
export function createCluster(cluster: Cluster, log: Log): void {
  const versionFile = join(cluster.dir, 'PG_VERSION')
  if (fs.existsSync(versionFile)) {
    const major = fs.readFileSync(versionFile, 'utf8').trim()
    if (major === cluster.binaries.major) return
    throw new Error(
      `${cluster.dir} was made by Postgres ${major}, but the embedded version is ${cluster.binaries.major}: ` +
        'move the data with pg_upgrade, or start on another data folder',
    )
  }
  log.info(`creating the database in ${cluster.dir}`)
  for (const name of fs.readdirSync(cluster.place))
    if (name.startsWith('initdb.')) fs.rmSync(join(cluster.place, name), { recursive: true })
  // Made aside and renamed: a crash in between must not leave half a cluster that looks whole.
  const draft = join(cluster.place, `initdb.${process.pid}`)
  const passwordFile = `${draft}.password`
  fs.mkdirSync(draft, { mode: 0o700 })
  fs.writeFileSync(passwordFile, `${cluster.password}\n`, { mode: 0o600 })
  if (cluster.account) {
    fs.chownSync(draft, cluster.account.uid, cluster.account.gid)
    fs.chownSync(passwordFile, cluster.account.uid, cluster.account.gid)
  }
  try {
    execFileSync(cluster.binaries.initdb, initdbArguments(draft, passwordFile), {
      cwd: cluster.place,
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      ...cluster.account,
    })
    fs.renameSync(draft, cluster.dir)
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? `: ${String(cause.stderr).trim()}` : ''
    throw new Error(`initdb failed${said}`, { cause })
  } finally {
    fs.rmSync(passwordFile, { force: true })
    fs.rmSync(draft, { recursive: true, force: true })
  }
}

function initdbArguments(dir: string, passwordFile: string): string[] {
  // The host's locale must not decide how indexes sort: the cluster may move to another machine. The C library's
  // own name for UTF-8 differs by platform and is used by few functions only.
  const libc = { linux: 'C.UTF-8', darwin: 'en_US.UTF-8' } as Partial<Record<NodeJS.Platform, string>>
  return [
    `--pgdata=${dir}`,
    `--username=${ADMIN}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    `--locale=${libc[process.platform] ?? 'C'}`,
    '--text-search-config=english',
    '--no-instructions',
  ]
}

/** Little: PG… variables of the host would otherwise change what the server does. */
export function environment(): NodeJS.ProcessEnv {
  const { PATH, SystemRoot } = process.env
  return { PATH, TZ: 'UTC', LC_ALL: 'C', ...(SystemRoot && { SystemRoot }) }
}

/** Opens the server's log for appending, as a file that outlives us: a pipe would break with our process. */
export function openLog(cluster: Cluster): { fd: number; path: string; start: number } {
  const path = join(cluster.place, 'postgres.log')
  if ((fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LOG_MAX_BYTES)
    fs.renameSync(path, `${path}.1`)
  const fd = fs.openSync(path, 'a', 0o600)
  return { fd, path, start: fs.fstatSync(fd).size }
}

function readPassword(path: string, clusterExists: boolean): string {
  if (fs.existsSync(path)) {
    const { postgresPassword }: { postgresPassword?: unknown } = JSON.parse(fs.readFileSync(path, 'utf8'))
    if (typeof postgresPassword === 'string') return postgresPassword
    throw new Error(`${path} holds no postgresPassword`)
  }
  if (clusterExists) throw new Error(`${path} is missing: without it the database beside it cannot be opened`)
  const password = randomBytes(24).toString('base64url')
  const draft = `${path}.${process.pid}`
  fs.writeFileSync(draft, `${JSON.stringify({ postgresPassword: password })}\n`, { mode: 0o600, flush: true })
  try {
    fs.linkSync(draft, path) // unlike a rename, fails when another process was faster
  } catch {
    return readPassword(path, clusterExists)
  } finally {
    fs.rmSync(draft)
  }
  return password
}

/** The owner of an existing cluster, else `nobody`: it exists everywhere, so no account is ever created. */
function accountFor(dir: string): Account {
  const owner = fs.statSync(dir, { throwIfNoEntry: false })
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
