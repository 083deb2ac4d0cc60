import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Machine } from './machine.ts'
import { type Figure, type Scenario, type ScenarioResult, voided } from './scenario.ts'

/** What a file in bench/results holds. */
export interface ResultFile {
  readonly scenario: string
  readonly title: string
  readonly machine: Machine
  readonly seconds: number
  readonly figures: readonly Figure[]
  readonly voidedBy: readonly string[]
  readonly raw: unknown
}

const BENCH = fileURLToPath(new URL('..', import.meta.url))
const RESULTS = join(BENCH, 'results')
const README = join(BENCH, 'README.md')
const BEGIN = '<!-- results: written by `npm run bench` -->'
const END = '<!-- /results -->'

/** A scenario with one broken promise has no figures, however good. */
export function judge(result: ScenarioResult): readonly Figure[] {
  return result.voidedBy.length > 0 ? voided(result.figures) : result.figures
}

/** Keeps the raw result and puts the newest of each scenario into the README's table. Answers the figures as judged. */
export function keepResult(parts: {
  scenario: Scenario
  machine: Machine
  seconds: number
  result: ScenarioResult
  /** In which scenarios stand in the README. */
  order: readonly string[]
}): readonly Figure[] {
  const { scenario, machine, seconds, result } = parts
  const figures = judge(result)
  const { name, title } = scenario
  const file: ResultFile = { scenario: name, title, machine, seconds, ...result, figures }
  mkdirSync(RESULTS, { recursive: true })
  const stamp = machine.takenAt.slice(0, 16).replace(':', '')
  const dirty = machine.uncommittedFiles > 0 ? '-uncommitted' : ''
  writeFileSync(
    join(RESULTS, `${stamp}-${machine.commit}${dirty}-${name}.json`),
    `${JSON.stringify(file, null, 2)}\n`,
  )
  rewriteTable(parts.order)
  return figures
}

function rewriteTable(order: readonly string[]): void {
  const newest = new Map<string, ResultFile>()
  for (const name of readdirSync(RESULTS).sort()) {
    if (!name.endsWith('.json')) continue
    const file = JSON.parse(readFileSync(join(RESULTS, name), 'utf8')) as ResultFile
    const known = newest.get(file.scenario)
    if (!known || known.machine.takenAt <= file.machine.takenAt) newest.set(file.scenario, file)
  }
  const sections = order.flatMap(name => {
    const file = newest.get(name)
    return file ? [section(file)] : []
  })
  const text = readFileSync(README, 'utf8')
  const begin = text.indexOf(BEGIN)
  const end = text.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`${README} has lost the marks between which the table goes`)
  writeFileSync(README, `${text.slice(0, begin)}${BEGIN}\n\n${sections.join('\n')}\n${text.slice(end)}`)
}

function section({ title, machine, figures, voidedBy }: ResultFile): string {
  const rows = figures.map(
    one =>
      `| ${one.name} | ${one.required ?? '–'} | ${one.aim ?? '–'} | ${one.measured} | ${WORDS[one.verdict]} |`,
  )
  const dirty = machine.uncommittedFiles > 0 ? ` with ${machine.uncommittedFiles} uncommitted files` : ''
  return [
    `### ${title}`,
    '',
    '| | required | aim | measured | |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
    ...voidedBy.map(reason => `**Void:** ${reason}\n`),
    `${machine.takenAt.slice(0, 10)}, commit ${machine.commit}${dirty}; ${machine.cpu}, ${machine.cores} cores, ` +
      `${machine.memoryGb} GB, ${machine.kernel}, Node ${machine.node}, PostgreSQL ${machine.postgres}, ` +
      `fsync ${machine.fsyncMs.p50} ms (p99 ${machine.fsyncMs.p99} ms), load average before ${machine.loadAverageBefore}.`,
    '',
  ].join('\n')
}

const WORDS = {
  'aim reached': 'aim reached',
  passed: 'passed',
  failed: '**failed**',
  void: '**void**',
  'no target': '',
} as const
