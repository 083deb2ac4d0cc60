import { join } from 'node:path'
import { cruise, uncruised } from './import-rules.ts'
import { ROOT, runTool, type ToolRun } from './run-tool.ts'
import { untidiness } from './tidy.ts'

export interface CheckStep {
  readonly name: string
  readonly title: string
  /** Part of `npm test` too: quick, and red only when something is wrong. */
  readonly inTests: boolean
  run(): Promise<Outcome>
}

export interface Outcome {
  readonly passed: boolean
  /** What was looked at, in a few words. */
  readonly note: string
  /** What is wrong, for people; empty when passed. */
  readonly details: string
}

export const CHECK_STEPS: readonly CheckStep[] = [
  { name: 'types', title: 'TypeScript', inTests: true, run: checkTypes },
  { name: 'pages', title: 'Astro pages', inTests: false, run: checkPages },
  { name: 'biome', title: 'Format and lint', inTests: true, run: checkBiome },
  { name: 'imports', title: 'Import rules', inTests: true, run: checkImports },
  { name: 'unused', title: 'Nothing unused', inTests: false, run: checkUnused },
  { name: 'tidy', title: 'House rules', inTests: true, run: checkTidy },
]

async function checkTypes(): Promise<Outcome> {
  const run = await runTool('tsc', ['--noEmit', '--listFiles'])
  const ours = run.stdout.split('\n').filter(line => line.startsWith(ROOT) && !line.includes('node_modules'))
  const details = run.output
    .split('\n')
    .filter(line => !/^(\/|[A-Z]:).*\.(ts|mts|cts|tsx|json)$/.test(line))
    .join('\n')
  // A tsconfig that includes nothing compiles without a fault.
  const passed = run.code === 0 && ours.length > 0
  return { passed, note: `${ours.length} files`, details: passed ? '' : details }
}

async function checkPages(): Promise<Outcome> {
  const run = await runTool('astro', ['check'], {
    cwd: join(ROOT, 'apps', 'storefront'),
    env: { ASTRO_TELEMETRY_DISABLED: '1' },
  })
  return outcome(run, counted(run, /Result \((\d+) files?\)/))
}

async function checkBiome(): Promise<Outcome> {
  const run = await runTool('biome', [
    'check',
    '--colors=off',
    '--diagnostic-level=error',
    '--max-diagnostics=50',
    '.',
  ])
  return outcome(run, counted(run, /Checked (\d+) files?/))
}

async function checkImports(): Promise<Outcome> {
  const read = await cruise()
  const unread = await uncruised(read)
  const faults = [
    ...read.violations.map(({ rule, from, to }) => `${rule}: ${from} → ${to}`),
    ...unread.map(file => `not read by dependency-cruiser: ${file}`),
  ]
  return {
    passed: faults.length === 0,
    note: `${read.modules.length} files, ${read.imports} imports`,
    details: faults.join('\n'),
  }
}

async function checkUnused(): Promise<Outcome> {
  const run = await runTool('knip', ['--no-progress', '--no-config-hints'])
  return { passed: run.code === 0, note: 'files, exports, dependencies', details: run.code ? run.output : '' }
}

async function checkTidy(): Promise<Outcome> {
  const faults = await untidiness()
  return {
    passed: faults.length === 0,
    note: 'lengths, names, leftovers, READMEs',
    details: faults.map(({ file, fault }) => `${file}: ${fault}`).join('\n'),
  }
}

/** A tool that ends well without having said how many files it saw has not passed. */
function outcome(run: ToolRun, files: number): Outcome {
  const passed = run.code === 0 && files > 0
  return { passed, note: `${files} files`, details: passed ? '' : run.output }
}

function counted(run: ToolRun, pattern: RegExp): number {
  return Number(pattern.exec(run.output)?.[1] ?? 0)
}
