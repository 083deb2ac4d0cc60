import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../tests/harness/platform-process.ts'
import { closeOnInterrupt } from './bench-shop.ts'
import { openConnection } from './http-connection.ts'
import { round } from './latency.ts'
import { type Part, pssMegabytes } from './processes.ts'
import { atMost, measuredOnly, type Scenario, type ScenarioResult } from './scenario.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FIRST_START_TIMEOUT_MS = 300_000
const POLL_MS = 20
/** Long enough for idle database connections to be given back, which takes 10 s. */
const IDLE_MS = 25_000
const STOP_TIMEOUT_MS = 20_000
const SECOND_STARTS = 3

export const startAndMemory: Scenario = {
  name: 'start',
  title: 'First and second start by `npm start` on a fresh clone, memory at rest, packages',
  run,
}

async function run(): Promise<ScenarioResult> {
  const clone = mkdtempSync(join(tmpdir(), 'storewright-clone-'))
  chmodSync(clone, 0o755) // Postgres's own account must be able to pass
  const remove = async () => rmSync(clone, { recursive: true, force: true })
  closeOnInterrupt.add(remove)
  try {
    execFileSync('git', ['clone', '--quiet', ROOT, clone])
    const first = await startUntilFirstPage(clone)
    const firstMs = first.firstPageMs
    await first.stop()
    const secondMs: number[] = []
    let memory: Record<Part, number> | undefined
    for (let turn = 1; turn <= SECOND_STARTS; turn++) {
      const again = await startUntilFirstPage(clone)
      secondMs.push(again.firstPageMs)
      if (turn === SECOND_STARTS) {
        await sleep(IDLE_MS)
        memory = pssMegabytes(again.pid)
      }
      await again.stop()
    }
    if (!memory) throw new Error('memory was not measured')
    const packages = countPackages(clone)
    const median = [...secondMs].sort((a, b) => a - b)[Math.floor(secondMs.length / 2)] ?? 0
    const mb = (value: number) => `${Math.round(value)} MB`
    return {
      figures: [
        measuredOnly(
          'first start, `npm start` to first page (fresh clone, npm cache as it was)',
          `${round(firstMs / 1000, 1)} s`,
        ),
        atMost({
          name: `second start, median of ${SECOND_STARTS}`,
          value: median / 1000,
          unit: 's',
          required: 3,
          aim: 2,
        }),
        atMost({
          name: 'memory at rest, platform and database (PSS)',
          value: memory.platform + memory.postgres,
          unit: 'MB',
          aim: 350,
        }),
        measuredOnly('of which platform / database', `${mb(memory.platform)} / ${mb(memory.postgres)}`),
        measuredOnly(
          'apart: sandboxes / npm and launcher',
          `${mb(memory.mail + memory.stripe)} / ${mb(memory.launcher)}`,
        ),
        atMost({
          name: 'packages (`npm ls --omit=dev --all`)',
          value: packages.installed,
          unit: '',
          required: 700,
        }),
        measuredOnly(
          'apart: our own workspaces / the runtime',
          `${packages.workspaces} / ${packages.runtime}`,
        ),
      ],
      voidedBy: [],
      raw: { firstMs, secondMs, memory, packages, idleMs: IDLE_MS },
    }
  } finally {
    closeOnInterrupt.delete(remove)
    await remove()
  }
}

interface Started {
  readonly pid: number
  readonly firstPageMs: number
  stop(): Promise<void>
}

/** From the command to the first page that arrives whole. Runs as a user's shell would: the machine's own npm and Node. */
async function startUntilFirstPage(clone: string): Promise<Started> {
  const port = await freePort()
  const startedAt = performance.now()
  // A process group of its own: Ctrl-C reaches all of a terminal's group, and so does our interrupt.
  const child = spawn('npm', ['start'], {
    cwd: clone,
    detached: true,
    env: userEnvironment({ PORT: String(port) }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000)
    })
  const stop = () => stopGroup(child)
  closeOnInterrupt.add(stop)
  try {
    for (;;) {
      if (await answersPage(port)) break
      if (child.exitCode !== null || performance.now() - startedAt > FIRST_START_TIMEOUT_MS)
        throw new Error(`no first page:\n${said}`)
      await sleep(POLL_MS)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return {
    pid: child.pid ?? 0,
    firstPageMs: Math.round(performance.now() - startedAt),
    async stop() {
      closeOnInterrupt.delete(stop)
      await stop()
    },
  }
}

/** Without what `npm run bench` itself puts there: its Node would be found first, and its settings would be believed. */
function userEnvironment(extra: Record<string, string>): NodeJS.ProcessEnv {
  const { HOME, USER, TERM, LANG } = process.env
  const path = (process.env.PATH ?? '').split(':').filter(folder => !folder.includes('node_modules'))
  return { HOME, USER, TERM, LANG, PATH: path.join(':'), ...extra }
}

async function answersPage(port: number): Promise<boolean> {
  const connection = openConnection({ host: `localhost:${port}`, port })
  try {
    const { status, body } = await connection.send('GET', '/')
    return status === 200 && body.includes('</html>')
  } catch {
    return false
  } finally {
    connection.close()
  }
}

async function stopGroup(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || !child.pid) return
  const exited = once(child, 'exit')
  process.kill(-child.pid, 'SIGINT')
  const outcome = await Promise.race([exited, sleep(STOP_TIMEOUT_MS, 'late' as const, { ref: false })])
  if (outcome !== 'late') return
  process.kill(-child.pid, 'SIGKILL')
  await exited
}

function countPackages(clone: string): { installed: number; workspaces: number; runtime: number } {
  const list = (cwd: string) => {
    try {
      return execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
        cwd,
        env: userEnvironment({}),
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
    } catch (error) {
      // It ends with 1 when it has something to say about the tree; the list is printed all the same.
      return String((error as { stdout?: unknown }).stdout ?? '')
    }
  }
  const paths = [...new Set(list(clone).split('\n').filter(Boolean))]
  const { name } = JSON.parse(readFileSync(join(clone, 'package.json'), 'utf8'))
  const installed = paths.filter(
    path => path.includes('node_modules/') && !path.includes(`/node_modules/@${name}/`),
  )
  const workspaces = paths.length - installed.length - 1
  const runtime = list(join(clone, 'scripts', 'runtime'))
    .split('\n')
    .filter(path => path.includes('node_modules/'))
  return { installed: installed.length, workspaces, runtime: new Set(runtime).size }
}
