import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

export interface ToolRun {
  readonly code: number
  /** Standard output and error as they came. */
  readonly output: string
  readonly stdout: string
}

/** Runs a tool of node_modules/.bin (or a program of the machine) to its end. Rejects only if it cannot start. */
export function runTool(
  name: string,
  args: readonly string[],
  options: { cwd?: string; program?: boolean; env?: Record<string, string> } = {},
): Promise<ToolRun> {
  const command = options.program ? name : join(ROOT, 'node_modules', '.bin', name)
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32', // .cmd files start in no other way
    })
    let output = ''
    let stdout = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk
      stdout += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk
    })
    child.once('error', reject)
    child.once('close', code => resolve({ code: code ?? 1, output: output.trim(), stdout }))
  })
}

/** Runs git in `root`, whoever owns the clone: in a container it is often somebody else than who runs the tests. */
export async function git(args: readonly string[], root: string = ROOT): Promise<string> {
  const run = await runTool('git', ['-c', 'safe.directory=*', ...args], { cwd: root, program: true })
  if (run.code !== 0) throw new Error(`git ${args[0]}: ${run.output}`)
  return run.stdout
}

/** What git knows or would add: neither dependencies nor data nor builds. Paths from `root`, with slashes. */
export async function repositoryFiles(root: string = ROOT): Promise<string[]> {
  const listed = await git(['ls-files', '-z', '--cached', '--others', '--exclude-standard'], root)
  return [...new Set(listed.split('\0').filter(Boolean))].sort()
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
