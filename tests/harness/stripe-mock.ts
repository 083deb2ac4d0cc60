import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

/** Stripe's own: it checks requests against its description of the API, and carries that description. */
const MODULE = 'github.com/stripe/stripe-mock'
const VERSION = 'v0.203.0'
/** The one that the description of this version of stripe-mock describes. */
export const DESCRIBED_VERSION = '2026-08-26.dahlia'

const BINARIES = join(tmpdir(), `storewright-stripe-mock-${VERSION}`)
const START_TIMEOUT_MS = 20_000
const run = promisify(execFile)

export const hasGo = spawnSync('go', ['version']).status === 0

/** OpenAPI 3.0, eight megabytes. */
export async function readStripeDescription(): Promise<unknown> {
  const { stdout } = await run('go', ['mod', 'download', '-json', `${MODULE}@${VERSION}`], { cwd: tmpdir() })
  const { Dir } = JSON.parse(stdout) as { Dir: string }
  return JSON.parse(await readFile(join(Dir, 'embedded', 'openapi', 'spec3.json'), 'utf8'))
}

export interface StripeMock extends AsyncDisposable {
  readonly url: string
}

export async function startStripeMock(): Promise<StripeMock> {
  const binary = await installStripeMock()
  const [http, https] = [await freePort(), await freePort()]
  // Without an address of its own for HTTPS it listens on all of them.
  const addresses = ['-http-addr', `127.0.0.1:${http}`, '-https-addr', `127.0.0.1:${https}`]
  const child = spawn(binary, addresses, { stdio: 'ignore' })
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${http}`
  const stop = async () => {
    child.kill()
    await exited
  }
  const deadline = Date.now() + START_TIMEOUT_MS
  for (;;) {
    const answer = await fetch(url).catch(() => undefined)
    if (answer) return { url, [Symbol.asyncDispose]: stop }
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error('stripe-mock did not start')
    }
    await sleep(50)
  }
}

/** A minute on a machine that never built it; then it lies in the cache. */
export async function installStripeMock(): Promise<string> {
  const binary = join(BINARIES, 'stripe-mock')
  if (existsSync(binary)) return binary
  await mkdir(BINARIES, { recursive: true })
  await run('go', ['install', `${MODULE}@${VERSION}`], {
    cwd: tmpdir(),
    // A machine with go may have no C compiler.
    env: { ...process.env, GOBIN: BINARIES, CGO_ENABLED: '0' },
  })
  return binary
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
