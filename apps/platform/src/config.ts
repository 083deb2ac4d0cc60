import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Everything the platform reads from its environment; documented in docs/configuration.md. */
export interface PlatformConfig {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly port: number
  readonly host: string
  /** No slash at the end. */
  readonly publicUrl: string
  readonly dataDir: string
  /** An administrator's URL to a Postgres of yours; without it an embedded one is started in `dataDir`. */
  readonly databaseUrl: string | undefined
  readonly smtpUrl: string | undefined
  /** Cards are paid at a stand-in for Stripe that runs beside the platform. */
  readonly stripeSandbox: boolean
  readonly production: boolean
  readonly shopName: string
  readonly logLevel: string
  readonly seedDemo: boolean
  /** Where services of this process answer services of other processes; none without it. */
  readonly internalPort: number | undefined
  /** Addresses or CIDR ranges of proxies whose X-Forwarded-For is believed; nobody by default. */
  readonly trustedProxies: readonly string[]
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** Throws one error that names every variable at fault. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): PlatformConfig {
  const faults: string[] = []
  const production = env.NODE_ENV === 'production'
  const port = readPort(env, 'PORT', faults) ?? 3000
  const internalPort = readPort(env, 'INTERNAL_PORT', faults)
  const publicUrl = readPublicUrl(env.PUBLIC_URL ?? `http://localhost:${port}`, faults)
  const logLevel = env.LOG_LEVEL ?? 'info'
  if (!LOG_LEVELS.includes(logLevel)) faults.push(`LOG_LEVEL must be one of ${LOG_LEVELS.join(', ')}`)
  const smtpUrl = env.SMTP_URL || undefined
  if (smtpUrl && !/^smtps?:\/\//.test(smtpUrl)) faults.push('SMTP_URL must begin with smtp:// or smtps://')
  for (const [name, value] of Object.entries(env))
    if (value && /(^|_)DATABASE_URL$/.test(name) && !isPostgresUrl(value))
      faults.push(`${name} must be a URL such as postgres://user:password@host:5432/shop`)
  if (production && !env.PUBLIC_URL)
    faults.push('PUBLIC_URL is needed in production: links in mails begin with it')
  if (production && !smtpUrl && env.ALLOW_SANDBOXES !== '1')
    faults.push(
      'SMTP_URL is needed in production (or ALLOW_SANDBOXES=1 to run on the mail sandbox, with a banner)',
    )
  const allowsSandboxes = !production || env.ALLOW_SANDBOXES === '1'
  if (!allowsSandboxes && /^(sk|rk)_test_/.test(env.STRIPE_SECRET_KEY ?? ''))
    faults.push('STRIPE_SECRET_KEY is a test key, with which no money moves (ALLOW_SANDBOXES=1 accepts it)')
  if (faults.length > 0) throw new Error(`The configuration is not complete:\n  - ${faults.join('\n  - ')}`)
  return {
    env,
    port,
    // An empty one would mean every network.
    host: env.HOST || '127.0.0.1',
    publicUrl,
    dataDir: env.DATA_DIR || join(fileURLToPath(new URL('../../..', import.meta.url)), '.data'),
    databaseUrl: env.DATABASE_URL || undefined,
    smtpUrl,
    stripeSandbox:
      allowsSandboxes &&
      env.STRIPE_SANDBOX !== '0' &&
      !(env.STRIPE_SECRET_KEY || env.STRIPE_WEBHOOK_SECRET || env.PAYMENT_URL),
    production,
    shopName: env.SHOP_NAME ?? 'Fieldnote & Co.',
    logLevel,
    seedDemo: env.SEED_DEMO ? env.SEED_DEMO === '1' : !production,
    internalPort,
    trustedProxies: (env.TRUSTED_PROXIES ?? '')
      .split(',')
      .map(entry => entry.trim())
      .filter(Boolean),
  }
}

function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:$/.test(URL.parse(text)?.protocol ?? '')
}

function readPort(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  faults: string[],
): number | undefined {
  const text = env[name]
  if (!text) return undefined
  const port = Number(text)
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port
  faults.push(`${name} must be a port number, not "${text}"`)
  return undefined
}

function readPublicUrl(text: string, faults: string[]): string {
  const url = URL.parse(text)
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search)
    faults.push(`PUBLIC_URL must be an http(s) origin such as https://shop.example, not "${text}"`)
  return text.replace(/\/$/, '')
}
