import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { ROOT } from './run-tool.ts'
import type { TestLine } from './test-events.ts'

export interface FileResult {
  readonly file: string
  readonly ms: number
  readonly passed: number
  readonly skipped: number
  readonly failures: readonly Failure[]
  /** What tests said about themselves. */
  readonly notes: readonly string[]
  /** What the file printed. */
  readonly output: string
}

export interface Failure {
  readonly name: string
  readonly error: string
}

const REPORTER = pathToFileURL(join(ROOT, 'scripts', 'test-events.ts')).href
/** To stop databases and servers of its own before it is killed. */
const GRACE_MS = 5000
/** Enough to see what happened before the end; a loop that prints would fill the memory. */
const OUTPUT_MAX_CHARS = 200_000

const running = new Set<ChildProcess>()

/** Runs one test file in a process group of its own, so that nothing it started outlives it. */
export async function runTestFile(
  file: string,
  options: { timeoutMs: number; env?: Record<string, string> },
): Promise<FileResult> {
  const place = mkdtempSync(join(tmpdir(), 'storewright-events-'))
  const events = join(place, 'events')
  const startedAt = performance.now()
  const args = [`--test-reporter=${REPORTER}`, `--test-reporter-destination=${events}`, file]
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...inherited, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
  })
  running.add(child)
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk).slice(-OUTPUT_MAX_CHARS)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  const ended = new Promise<string>((resolve, reject) => {
    child.once('error', reject)
    // Not 'close': a process that the file left behind may hold the pipe open.
    child.once('exit', (code, signal) => resolve(signal ?? String(code)))
  })
  let late = false
  let ending: Promise<void> | undefined
  const timer = setTimeout(() => {
    late = true
    ending = endGroup(child)
  }, options.timeoutMs)
  try {
    const end = await ended
    const lines = readLines(events)
    const failures = lines.filter(line => line.kind === 'fail').map(({ name, error }) => ({ name, error }))
    const passed = lines.filter(line => line.kind === 'pass').length
    const skipped = lines.filter(line => line.kind === 'skip').length
    if (late) failures.push({ name: file, error: `not finished after ${options.timeoutMs / 1000} s` })
    else if (end !== '0' && failures.length === 0)
      failures.push({ name: file, error: `ended with ${end} before its tests` })
    else if (passed + skipped + failures.length === 0)
      failures.push({ name: file, error: 'has no test in it' })
    const notes = lines.filter(line => line.kind === 'note').map(line => line.name)
    return { file, ms: performance.now() - startedAt, passed, skipped, failures, notes, output }
  } finally {
    clearTimeout(timer)
    await (ending ?? endGroup(child)) // what it left behind; usually nobody is there
    running.delete(child)
    child.stdout?.destroy()
    child.stderr?.destroy()
    rmSync(place, { recursive: true, force: true })
  }
}

/** Ends every file that is running, for Ctrl-C. */
export async function endRunningFiles(): Promise<void> {
  await Promise.all([...running].map(endGroup))
}

/** Asks everybody in the group to end, waits, and insists. Platforms among them stop their databases meanwhile. */
async function endGroup(child: ChildProcess): Promise<void> {
  const deadline = Date.now() + GRACE_MS
  for (let asked = false; signalGroup(child, asked ? 0 : 'SIGTERM'); asked = true) {
    if (Date.now() > deadline) break
    await sleep(20)
  }
  signalGroup(child, 'SIGKILL')
}

/** Answers whether anybody was there. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false
  try {
    process.kill(process.platform === 'win32' ? child.pid : -child.pid, signal)
    return true
  } catch (error) {
    // EPERM: what is left of the group is a zombie of another account, which nobody needs to end.
    if (!['ESRCH', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    return false
  }
}

/** A killed process may have left half a line. */
function readLines(path: string): TestLine[] {
  const text = readFileSync(path, { encoding: 'utf8', flag: 'a+' })
  return text.split('\n').flatMap(line => {
    try {
      return line ? [JSON.parse(line) as TestLine] : []
    } catch {
      return []
    }
  })
}
