import { cpus, totalmem } from 'node:os'
import { git, seconds } from './run-tool.ts'
import type { FileResult } from './test-file.ts'

export interface SuiteResult {
  readonly title: string
  readonly ms: number
  readonly allottedMinutes: number | undefined
  readonly files: number
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const OUTPUT_LINES_SHOWN = 200

/** One line per file; failures in full below it, with what the file printed. */
export function fileLines(result: FileResult): string {
  const { file, ms, passed, skipped, failures, notes, output } = result
  const counts = [
    `${passed} passed`,
    ...(failures.length > 0 ? [`${failures.length} failed`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ].join(', ')
  const lines = [
    `  ${failures.length > 0 ? '✘' : '✔'} ${file.padEnd(58)} ${seconds(ms).padStart(8)}  ${counts}`,
  ]
  for (const note of notes) lines.push(`      ${note}`)
  for (const { name, error } of failures) lines.push('', `    ✘ ${name}`, '', indent(error, 8), '')
  if (failures.length > 0 && output.trim())
    lines.push(`    What ${file} printed:`, '', indent(lastLines(output.trim()), 8), '')
  return `${lines.join('\n')}\n`
}

function lastLines(text: string): string {
  const lines = text.split('\n')
  if (lines.length <= OUTPUT_LINES_SHOWN) return text
  return [`… ${lines.length - OUTPUT_LINES_SHOWN} lines before`, ...lines.slice(-OUTPUT_LINES_SHOWN)].join(
    '\n',
  )
}

function indent(text: string, by: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(by))
}

export function totals(suites: readonly SuiteResult[]): { passed: number; failed: number; skipped: number } {
  const sum = (pick: (suite: SuiteResult) => number) =>
    suites.reduce((total, suite) => total + pick(suite), 0)
  return {
    passed: sum(suite => suite.passed),
    failed: sum(suite => suite.failed),
    skipped: sum(suite => suite.skipped),
  }
}

/** The last line of a run: `12 passed, 0 failed`, and how many were skipped, if any. */
export function countsLine(suites: readonly SuiteResult[]): string {
  const { passed, failed, skipped } = totals(suites)
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

export function suiteTable(suites: readonly SuiteResult[]): string {
  const rows = suites.map(suite => [
    suite.title,
    String(suite.files || ''),
    String(suite.passed),
    String(suite.failed),
    String(suite.skipped),
    seconds(suite.ms),
    allotment(suite),
  ])
  return table([['Suite', 'Files', 'Passed', 'Failed', 'Skipped', 'Time', 'Allotted'], ...rows])
}

function allotment({ allottedMinutes, ms }: SuiteResult): string {
  if (allottedMinutes === undefined) return ''
  return `${allottedMinutes} min${ms > allottedMinutes * 60_000 ? ', overrun' : ''}`
}

/** Also valid Markdown. */
function table(rows: readonly string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(3, ...rows.map(row => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const [head, ...body] = rows.map(line)
  return [head, line(widths.map(width => '-'.repeat(width))), ...body].join('\n')
}

/** docs/reports/test-full.md: what was run, where, on which commit, and how it ended. */
export async function fullReport(
  suites: readonly SuiteResult[],
  results: readonly FileResult[],
): Promise<string> {
  const commit = (await git(['rev-parse', '--short=12', 'HEAD'])).trim()
  const changed = (await git(['status', '--porcelain', '--untracked-files=no'])) !== ''
  const cores = cpus()
  const notes = results.flatMap(({ file, notes: said }) => said.map(note => `- \`${file}\`: ${note}`))
  const failures = results.flatMap(({ file, failures: all }) =>
    all.map(({ name }) => `- \`${file}\`: ${name}`),
  )
  return [
    '# The full test run',
    '',
    'Written by `npm run test:full`.',
    '',
    `- Date: ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    `- Commit: ${commit}${changed ? ', with local changes' : ''}`,
    `- Machine: ${process.platform} ${process.arch}, ${cores.length} × ${cores[0]?.model.trim() ?? 'CPU'}, ` +
      `${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.versions.node}`,
    `- Result: **${countsLine(suites)}**`,
    '',
    suiteTable(suites),
    ...(failures.length > 0 ? ['', '## Failed', '', ...failures] : []),
    ...(notes.length > 0 ? ['', '## What the tests say about their runs', '', ...notes] : []),
    '',
  ].join('\n')
}
