import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, repositoryFiles, runTool } from './run-tool.ts'

export interface Violation {
  readonly rule: string
  readonly from: string
  readonly to: string
}

export interface Cruise {
  readonly violations: readonly Violation[]
  /** Sources of ours that were read. */
  readonly modules: readonly string[]
  readonly imports: number
}

interface CruiseOutput {
  modules: { source: string; dependencies: unknown[] }[]
  summary: { violations: { rule: { name: string }; from: string; to: string }[] }
}

const FOLDERS = ['packages', 'services', 'apps', 'sandboxes', 'demo', 'tests', 'bench', 'scripts']
const SOURCE = new RegExp(`^(${FOLDERS.join('|')})/.*(?<!\\.d)\\.ts$`)
const CONFIG = join(ROOT, '.dependency-cruiser.cjs')

/** Reads every import under `root` and answers those that the rules forbid. */
export async function cruise(root: string = ROOT): Promise<Cruise> {
  const folders = FOLDERS.filter(folder => existsSync(join(root, folder)))
  const args = ['--config', CONFIG, '--output-type', 'json', ...folders]
  const { stdout, output } = await runTool('depcruise', args, { cwd: root })
  if (!stdout.startsWith('{')) throw new Error(`dependency-cruiser failed:\n${output}`)
  const { modules, summary } = JSON.parse(stdout) as CruiseOutput
  return {
    violations: summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to })),
    modules: modules.map(module => module.source),
    imports: modules.reduce((total, module) => total + module.dependencies.length, 0),
  }
}

/**
 * Sources that the cruise did not read. With a TypeScript that it cannot load, dependency-cruiser reads none, finds
 * no violation and ends well: a green tick that says nothing.
 */
export async function uncruised(read: Cruise, root: string = ROOT): Promise<string[]> {
  const seen = new Set(read.modules)
  const files = await repositoryFiles(root)
  return files.filter(file => SOURCE.test(file) && existsSync(join(root, file)) && !seen.has(file))
}
