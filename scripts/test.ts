/**
 * npm test [-- [--full] <part of a path or name of a suite> ...]
 *
 * Every test of the repository, suite by suite. The last line is `N passed, N failed`.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { stopTestCluster } from '@storewright/postgres/testing'
import { CHECK_STEPS } from './check-steps.ts'
import { ROOT, repositoryFiles, seconds } from './run-tool.ts'
import { ensureBrowser, findChromium } from './system-packages.ts'
import { endRunningFiles, type FileResult, runTestFile } from './test-file.ts'
import { countsLine, fileLines, fullReport, type SuiteResult, suiteTable, totals } from './test-report.ts'
import { planSuites, type Suite } from './test-suites.ts'

const REPORT = join(ROOT, 'docs', 'reports', 'test-full.md')

const { values: flags, positionals: filters } = parseArgs({
  allowPositionals: true,
  options: { full: { type: 'boolean', default: false } },
})

let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    if (interrupted) return
    interrupted = true
    print('\nStopping what is running ...\n')
    void endRunningFiles()
  })

const suites = planSuites(await repositoryFiles(), filters)
const results: FileResult[] = []
const done: SuiteResult[] = []
const env: Record<string, string> = flags.full ? { STOREWRIGHT_TEST_FULL: '1' } : {}

const prepared = await prepare()
if (prepared) {
  if (filters.length === 0 || filters.includes('checks')) done.push(await runChecks())
  for (const suite of suites) if (!interrupted) done.push(await runSuite(suite))
}
await stopTestCluster()
await finish()

function print(text: string): void {
  process.stdout.write(text)
}

/** What the machine must have besides Node; npm packages and the storefront are there when this file runs. */
async function prepare(): Promise<boolean> {
  const startedAt = performance.now()
  if (!suites.some(suite => suite.browser)) return true
  try {
    await ensureBrowser(line => print(`${line}\n`))
  } catch (error) {
    print(`✘ ${error instanceof Error ? error.message : error}\n`)
    done.push({ ...setUpRow(startedAt), failed: 1 })
    return false
  }
  env.CHROMIUM_PATH = findChromium() ?? ''
  done.push(setUpRow(startedAt))
  return true
}

function setUpRow(startedAt: number): SuiteResult {
  const ms = performance.now() - startedAt
  return { title: 'Set-up', ms, allottedMinutes: 8, files: 0, passed: 0, failed: 0, skipped: 0 }
}

/** Each check counts as one test: a clone whose types or imports are broken is not sound. */
async function runChecks(): Promise<SuiteResult> {
  print('\nChecks\n')
  const startedAt = performance.now()
  let failed = 0
  const steps = CHECK_STEPS.filter(step => step.inTests)
  for (const step of steps) {
    const from = performance.now()
    const { passed, note, details } = await step.run()
    const time = seconds(performance.now() - from)
    print(`  ${passed ? '✔' : '✘'} ${step.title.padEnd(58)} ${time.padStart(8)}  ${note}\n`)
    if (passed) continue
    failed += 1
    print(`\n${details.replace(/^/gm, '        ')}\n\n`)
  }
  return {
    title: 'Checks',
    ms: performance.now() - startedAt,
    allottedMinutes: undefined,
    files: 0,
    passed: steps.length - failed,
    failed,
    skipped: 0,
  }
}

async function runSuite(suite: Suite): Promise<SuiteResult> {
  print(`\n${suite.title} (${suite.files.length} files)\n`)
  const startedAt = performance.now()
  const waiting = [...suite.files]
  const mine: FileResult[] = []
  const worker = async () => {
    for (let file = waiting.shift(); file && !interrupted; file = waiting.shift()) {
      const result = await runTestFile(file, { timeoutMs: suite.fileTimeoutMs, env })
      mine.push(result)
      print(fileLines(result))
    }
  }
  await Promise.all(Array.from({ length: suite.concurrency }, worker))
  results.push(...mine)
  const sum = (pick: (result: FileResult) => number) => mine.reduce((total, one) => total + pick(one), 0)
  return {
    title: suite.title,
    ms: performance.now() - startedAt,
    allottedMinutes: suite.allottedMinutes,
    files: suite.files.length,
    passed: sum(result => result.passed),
    failed: sum(result => result.failures.length),
    skipped: sum(result => result.skipped),
  }
}

async function finish(): Promise<void> {
  if (done.length > 0) print(`\n${suiteTable(done)}\n`)
  if (flags.full && filters.length === 0 && prepared && !interrupted) {
    mkdirSync(dirname(REPORT), { recursive: true })
    writeFileSync(REPORT, await fullReport(done, results))
    print('\nThe report is in docs/reports/test-full.md.\n')
  }
  const { passed, failed } = totals(done)
  if (passed + failed === 0) print(`\nNo test matches ${filters.map(each => `"${each}"`).join(', ')}.\n`)
  if (interrupted) print('\nInterrupted.\n')
  print(`\n${countsLine(done)}\n`)
  process.exitCode = interrupted ? 130 : failed > 0 || passed === 0 ? 1 : 0
}
