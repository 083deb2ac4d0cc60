import { randomUUID } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { processIdentity } from './process-identity.ts'

/** The lock is held by the process `pid`, which is alive. */
export class LockHeld extends Error {
  readonly pid: number
  constructor(path: string, pid: number) {
    super(`${path} is held by process ${pid}, which is running`)
    this.name = 'LockHeld'
    this.pid = pid
  }
}

/**
 * Takes a lock that dies with its process: the file names pid and start time, so that a leftover of a killed
 * process, or its recycled pid, does not block. Node has no flock. Returns the release; throws `LockHeld`.
 */
export function takeLockFile(path: string): () => void {
  const mine = `${process.pid}\n${processIdentity(process.pid)}\n${randomUUID()}\n`
  const draft = `${path}.${randomUUID()}`
  writeFileSync(draft, mine, { mode: 0o600 })
  try {
    // A link appears with its whole content; an exclusive create could be read while still empty.
    for (;;) {
      try {
        linkSync(draft, path)
        break
      } catch (error) {
        if (!hasCode(error, 'EEXIST')) throw error
        clearStale(path)
      }
    }
  } finally {
    rmSync(draft, { force: true })
  }
  return () => {
    if (read(path) === mine) rmSync(path, { force: true })
  }
}

function clearStale(path: string): void {
  const found = read(path)
  if (found === undefined) return
  const [pid = '', identity = ''] = found.split('\n')
  if (identity !== '' && processIdentity(Number(pid)) === identity) throw new LockHeld(path, Number(pid))
  // Renamed, not removed: of two processes that saw the same leftover only one gets it, and a fresh lock that
  // slipped in between is put back.
  const aside = `${path}.${randomUUID()}`
  try {
    renameSync(path, aside)
    if (read(aside) !== found) linkSync(aside, path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT') && !hasCode(error, 'EEXIST')) throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
