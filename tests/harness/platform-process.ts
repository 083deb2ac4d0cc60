import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../apps/platform/src/main.ts', import.meta.url))
const START_TIMEOUT_MS = 90_000

export interface PlatformProcess {
  readonly url: string
  readonly inboxUrl: string
  /** The payment sandbox, unless the payment service runs elsewhere. */
  readonly stripeUrl: string
  readonly adminLink: string
  readonly dataDir: string
  readonly pid: number
  /** As a power cut would: nothing is finished, nothing cleaned up. */
  kill(): Promise<void>
  /** A new process on the same data and port. */
  restart(): Promise<PlatformProcess>
  /** Ctrl-C; resolves with the exit code. Data are removed. */
  stop(): Promise<number | null>
}

/** Tests raise configured limits; they never go around them. */
const RAISED_LIMITS = {
  RATE_LIMIT_READ: '100000/s',
  RATE_LIMIT_WRITE: '100000/s',
  RATE_LIMIT_CHECKOUT: '100000/s',
  RATE_LIMIT_CREDENTIAL: '1000/s',
}

/** The real platform with everything it starts, on a data folder and port of its own. */
export async function startPlatformProcess(
  options: { env?: Record<string, string>; dataDir?: string; port?: number } = {},
): Promise<PlatformProcess> {
  const dataDir = options.dataDir ?? newDataDir()
  const port = options.port ?? (await freePort())
  const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
  const child = spawn(process.execPath, [MAIN], {
    env: { ...inherited, ...RAISED_LIMITS, ...options.env, DATA_DIR: dataDir, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  const banner = await readBanner(child)
  return {
    url: `http://localhost:${port}`,
    inboxUrl: banner.match(/Inbox\s+(\S+)/)?.[1] ?? '',
    stripeUrl: banner.match(/Payments\s+(\S+)/)?.[1] ?? '',
    adminLink: banner.match(/Admin\s+(\S+)/)?.[1] ?? '',
    dataDir,
    pid: child.pid ?? 0,
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    restart: () => startPlatformProcess({ ...options, dataDir, port }),
    async stop() {
      child.kill('SIGINT')
      const [code] = await exited
      rmSync(dataDir, { recursive: true, force: true })
      return code as number | null
    },
  }
}

/** Passable for the account that runs Postgres when the tests run as root; its contents stay private. */
function newDataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'storewright-test-'))
  chmodSync(dir, 0o755)
  return dir
}

async function readBanner(child: ChildProcess): Promise<string> {
  let out = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  const deadline = Date.now() + START_TIMEOUT_MS
  while (!out.includes('Ctrl-C stops everything')) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`the platform did not start:\n${out}`)
    }
    await sleep(20)
  }
  return out
}

export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || !address) throw new Error('no free port')
  return address.port
}
