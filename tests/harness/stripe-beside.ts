import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startStripeSandbox } from '@storewright/sandbox-stripe/sandbox'

const SECRET_KEY = 'sk_test_ofthetests'
const WEBHOOK_SECRET = 'whsec_ofthetests'

/** A Stripe sandbox beside the platform, not under it: each may go while the other stays. */
export interface StripeBeside {
  readonly url: string
  /** What the platform must be told to use it. */
  readonly env: Readonly<Record<string, string>>
  /** Asks its API as the shop does. */
  ask<Body>(path: string): Promise<Body>
  /** Nobody answers at its address any more. */
  stop(): Promise<void>
  /** It is back at the same address, and knows everything again. */
  start(): Promise<void>
  close(): Promise<void>
}

export async function startStripeBeside(platformPort: number): Promise<StripeBeside> {
  const dir = mkdtempSync(join(tmpdir(), 'storewright-stripe-'))
  const startOn = (port: number) =>
    startStripeSandbox({
      port,
      dir,
      secretKey: SECRET_KEY,
      webhookSecret: WEBHOOK_SECRET,
      webhookUrl: `http://127.0.0.1:${platformPort}/api/webhooks/stripe`,
    })
  let sandbox: Awaited<ReturnType<typeof startOn>> | undefined = await startOn(0)
  const { url, port } = sandbox
  const stop = async () => {
    await sandbox?.stop()
    sandbox = undefined
  }
  return {
    url,
    env: {
      STRIPE_SECRET_KEY: SECRET_KEY,
      STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
      STRIPE_API_URL: url,
      STRIPE_CHECKOUT_ORIGIN: url,
    },
    async ask<Body>(path: string) {
      const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${SECRET_KEY}` } })
      if (!answer.ok) throw new Error(`the sandbox answered ${path} with ${answer.status}`)
      return (await answer.json()) as Body
    },
    stop,
    async start() {
      sandbox ??= await startOn(port)
    },
    async close() {
      await stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
