import { readdirSync, readFileSync } from 'node:fs'
import { commandLine } from '@storewright/postgres/process-identity'

/** Linux only: /proc is where proportional memory is told. */
export type Part = 'launcher' | 'platform' | 'postgres' | 'mail' | 'stripe'

/** Kernel ticks a second in /proc/<pid>/stat; a constant of the Linux ABI for user programs. */
const TICKS_PER_SECOND = 100

/** CPU seconds used so far, by part, of a process and all that descend from it. */
export function cpuSeconds(pid: number): Record<Part, number> {
  return sumByPart(pid, one => {
    const fields = statFields(one)
    // utime, stime, and those of children that have ended and were waited for.
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index] ?? 0), 0)
    return ticks / TICKS_PER_SECOND
  })
}

/** Proportional set size in MB, by part: shared pages are split among those who share them, so parts add up. */
export function pssMegabytes(pid: number): Record<Part, number> {
  return sumByPart(pid, one => {
    const rollup = readFileSync(`/proc/${one}/smaps_rollup`, 'utf8')
    return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) / 1024
  })
}

function sumByPart(pid: number, measure: (pid: number) => number): Record<Part, number> {
  const sums = { launcher: 0, platform: 0, postgres: 0, mail: 0, stripe: 0 }
  for (const one of familyOf(pid)) {
    try {
      sums[partOf(one)] += measure(one)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' && code !== 'ESRCH') throw error // it has ended meanwhile
    }
  }
  return sums
}

function partOf(pid: number): Part {
  const command = commandLine(pid)
  if (/postgres/.test(command) && !/node(\s|$)/.test(command.split(' ')[0] ?? '')) return 'postgres'
  if (/\/sandboxes\/stripe\//.test(command)) return 'stripe'
  if (/\/sandboxes\//.test(command)) return 'mail'
  if (/apps\/platform\/src\//.test(command) && !/scripts\/run\.mjs/.test(command)) return 'platform'
  return 'launcher'
}

/** A process and its descendants, by parent ids. */
export function familyOf(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const one = Number(name)
    if (!Number.isInteger(one)) continue
    const parent = Number(statFields(one)[1] ?? 0)
    children.set(parent, [...(children.get(parent) ?? []), one])
  }
  const family = [pid]
  for (const one of family) family.push(...(children.get(one) ?? []))
  return family
}

/** Fields of /proc/<pid>/stat after the name: state, parent, ... Empty when the process has ended. */
function statFields(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}
