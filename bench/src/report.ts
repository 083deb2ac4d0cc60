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

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url))
const TABLES = join(RESULTS, 'README.md')

/** A scenario with one broken promise has no figures, however good. */
export function judge(result: ScenarioResult): readonly Figure[] {
  return result.voidedBy.length > 0 ? voided(result.figures) : result.figures
}

/** Keeps the raw result and rewrites the page with the newest of each scenario. Answers the figures as judged. */
export function keepResult(parts: {
  scenario: Scenario
  machine: Machine
  seconds: number
  result: ScenarioResult
  /** In which scenarios stand on the page. */
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
  rewriteTables(parts.order)
  return figures
}

function rewriteTables(order: readonly string[]): void {
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
  writeFileSync(
    TABLES,
    ['# The newest result of each scenario', '', 'Written by `npm run bench`.', '', ...sections].join('\n'),
  )
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
