import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Logger } from '@storewright/rpc/log'
import type { PlatformConfig } from './config.ts'
import { startSandbox } from './sandbox-process.ts'

type Env = Readonly<Record<string, string | undefined>>

/** What stands in for the outside world, and the variables that lead services there. */
export interface Sandboxes {
  readonly env: Env
  readonly inboxUrl: string | undefined
  readonly stripeUrl: string | undefined
}

/** Beside the store's own port, so that addresses survive a restart: the inbox, then the payment page. */
const INBOX_OFFSET = 1
const STRIPE_OFFSET = 2

/** Starts the stand-ins of what is not configured. Production has them only when it is told so. */
export async function startSandboxes(
  config: PlatformConfig,
  log: Logger,
  undo: (() => Promise<void>)[],
): Promise<Sandboxes> {
  const [mail, stripe] = await Promise.all([
    config.smtpUrl ? undefined : startMail(config, log, undo),
    config.stripeSandbox ? startStripe(config, log, undo) : undefined,
  ])
  return { env: { ...mail?.env, ...stripe?.env }, inboxUrl: mail?.inboxUrl, stripeUrl: stripe?.url }
}

async function startMail(config: PlatformConfig, log: Logger, undo: (() => Promise<void>)[]) {
  const mail = await onPortOrAnother(config.port + INBOX_OFFSET, log, 'the inbox', httpPort =>
    startMailSandbox({ dataDir: config.dataDir, httpPort, log }),
  )
  undo.push(mail.stop)
  return { env: { SMTP_URL: mail.smtpUrl }, inboxUrl: mail.inboxUrl }
}

export async function startMailSandbox(options: { dataDir: string; httpPort: number; log: Logger }) {
  const sandbox = await startSandbox<{ smtpPort: number; httpPort: number }>({
    name: 'mail',
    log: options.log,
    args: ports => [
      ...['--http-port', String(ports?.httpPort ?? options.httpPort)],
      ...['--smtp-port', String(ports?.smtpPort ?? 0)],
      ...['--dir', join(options.dataDir, 'mail')],
    ],
  })
  return {
    smtpUrl: `smtp://127.0.0.1:${sandbox.ports.smtpPort}`,
    inboxUrl: `http://localhost:${sandbox.ports.httpPort}`,
    pid: sandbox.pid,
    stop: sandbox.stop,
  }
}

/** Its keys are made anew at each start: they open nothing but this sandbox. */
async function startStripe(config: PlatformConfig, log: Logger, undo: (() => Promise<void>)[]) {
  const secretKey = `sk_test_${randomBytes(18).toString('hex')}`
  const webhookSecret = `whsec_${randomBytes(18).toString('hex')}`
  const sandbox = await onPortOrAnother(config.port + STRIPE_OFFSET, log, 'the payment page', first =>
    startSandbox<{ port: number }>({
      name: 'stripe',
      log,
      args: ports => [
        ...['--port', String(ports?.port ?? first)],
        ...['--dir', join(config.dataDir, 'stripe')],
        ...['--secret-key', secretKey, '--webhook-secret', webhookSecret],
        ...['--webhook-url', `http://127.0.0.1:${config.port}/api/webhooks/stripe`],
      ],
    }),
  )
  undo.push(sandbox.stop)
  const url = `http://127.0.0.1:${sandbox.ports.port}`
  return {
    url,
    env: { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret, STRIPE_API_URL: url },
  }
}

/** When its port is taken, any other will do: the banner and the links say where it is. */
async function onPortOrAnother<Started>(
  port: number,
  log: Logger,
  what: string,
  startOn: (port: number) => Promise<Started>,
): Promise<Started> {
  if (port > 65_535) return startOn(0)
  return startOn(port).catch(error => {
    log.warn({ err: error }, `${what} takes a free port`)
    return startOn(0)
  })
}
