import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startEmbeddedPostgres } from '@storewright/postgres/launcher'
import { SILENT } from '@storewright/postgres/log'
import { startStripeSandbox } from '@storewright/sandbox-stripe/sandbox'
import { type Gate, startGate } from './gate.ts'
import { freePort, type PlatformProcess, startPlatformProcess } from './platform-process.ts'

const RUN_SERVICE = fileURLToPath(new URL('../../apps/platform/src/run-service.ts', import.meta.url))
const STRIPE = { STRIPE_SECRET_KEY: 'sk_test_ofthetests', STRIPE_WEBHOOK_SECRET: 'whsec_ofthetests' }
/** Whom services of other processes call or tell. */
const IN_PLATFORM = [
  'cart',
  'checkout',
  'inventory',
  'notification',
  'order',
  'payment',
  'pricing',
  'product',
]
const SECRET = 'shared by the processes of one test installation'

export interface SplitPlatform {
  readonly platform: PlatformProcess
  readonly adminUrl: string
  readonly stripeUrl: string
  /** By service: kill one and start it again on its port. */
  killService(name: string): Promise<void>
  startService(name: string): Promise<void>
  /** By service: the database of one process goes and comes back, while the others keep theirs. */
  readonly databaseOf: ReadonlyMap<string, Pick<Gate, 'shut' | 'open'>>
  stop(): Promise<void>
}

/** The platform with the named services as processes of their own, all on one Postgres, and a Stripe sandbox beside. */
export async function startSplitPlatform(names: readonly string[]): Promise<SplitPlatform> {
  const dir = mkdtempSync(join(tmpdir(), 'storewright-split-'))
  chmodSync(dir, 0o755)
  const postgres = await startEmbeddedPostgres({ dataDir: join(dir, 'postgres'), log: SILENT })
  const gates = new Map(
    await Promise.all(names.map(async name => [name, await startGate(postgres.url)] as const)),
  )
  const internalPort = await freePort()
  const port = await freePort()
  const stripe = await startStripeSandbox({
    port: 0,
    dir: join(dir, 'stripe'),
    secretKey: STRIPE.STRIPE_SECRET_KEY,
    webhookSecret: STRIPE.STRIPE_WEBHOOK_SECRET,
    webhookUrl: `http://127.0.0.1:${port}/api/webhooks/stripe`,
  })
  const ports = new Map(await Promise.all(names.map(async name => [name, await freePort()] as const)))
  const shared = {
    DATABASE_URL: postgres.url,
    STOREWRIGHT_SECRET: SECRET,
    PUBLIC_URL: `http://localhost:${port}`,
    ...STRIPE,
    STRIPE_API_URL: stripe.url,
    STRIPE_CHECKOUT_ORIGIN: stripe.url,
  }
  const remote = Object.fromEntries(
    [...ports].map(([name, port]) => [`${name.toUpperCase()}_URL`, `http://127.0.0.1:${port}`]),
  )
  const inPlatform = Object.fromEntries(
    IN_PLATFORM.filter(name => !names.includes(name)).map(name => [
      `${name.toUpperCase()}_URL`,
      `http://127.0.0.1:${internalPort}/${name}`,
    ]),
  )
  const children = new Map<string, ChildProcess>()

  const startService = async (name: string) => {
    const { NODE_TEST_CONTEXT: _, ...inherited } = process.env
    const child = spawn(process.execPath, [RUN_SERVICE, name], {
      env: {
        ...inherited,
        ...shared,
        ...inPlatform,
        ...remote,
        DATABASE_URL: gates.get(name)?.url,
        DATA_DIR: join(dir, name),
        PORT: String(ports.get(name)),
        LOG_LEVEL: 'silent',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.set(name, child)
    const [line] = await Promise.race([
      once(createInterface({ input: child.stdout }), 'line'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`service ${name} ended with ${code} before it was ready`)
      }),
    ])
    if (JSON.parse(String(line)).service !== name) throw new Error(`unexpected ready line: ${line}`)
  }
  const end = async (name: string, signal: NodeJS.Signals) => {
    const child = children.get(name)
    children.delete(name)
    if (!child) return
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  await Promise.all(names.map(startService))
  const platform = await startPlatformProcess({
    port,
    env: { ...shared, ...remote, INTERNAL_PORT: String(internalPort) },
  })
  return {
    platform,
    stripeUrl: stripe.url,
    adminUrl: postgres.url,
    startService,
    databaseOf: gates,
    killService: name => end(name, 'SIGKILL'),
    async stop() {
      await platform.stop()
      await Promise.all([...children.keys()].map(name => end(name, 'SIGTERM')))
      await stripe.stop()
      await Promise.all([...gates.values()].map(gate => gate.close()))
      await postgres.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
