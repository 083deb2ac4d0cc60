import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Stripe from 'stripe'
import { type StripeSandbox, type StripeSandboxOptions, startStripeSandbox } from './sandbox.ts'

export const SECRET_KEY = 'sk_test_sandbox'
export const WEBHOOK_SECRET = 'whsec_sandbox'

export interface TestShop extends AsyncDisposable {
  readonly sandbox: StripeSandbox
  readonly stripe: Stripe
  readonly hooks: WebhookReceiver
  readonly dir: string
  control(path: string, body: object): Promise<Record<string, unknown>>
}

/** A sandbox in a fresh folder, the official library, and a server that its webhooks arrive at. */
export async function openShop(options: Partial<StripeSandboxOptions> = {}): Promise<TestShop> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'stripe-sandbox-')))
  const hooks = await receiveWebhooks()
  const sandbox = await startStripeSandbox({
    port: 0,
    dir,
    secretKey: SECRET_KEY,
    webhookUrl: hooks.url,
    webhookSecret: WEBHOOK_SECRET,
    timing: { aftermathMs: 20, settlementMs: 5 },
    retries: { firstMs: 20, longestMs: 200 },
    ...options,
  })
  return {
    sandbox,
    stripe: clientOf(sandbox.port),
    hooks,
    dir,
    control: (path, body) => control(sandbox.url, path, body),
    async [Symbol.asyncDispose]() {
      await sandbox.stop()
      hooks.server.close()
      hooks.server.closeAllConnections()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Without retries of its own: a test wants to see what was answered. */
export function clientOf(port: number, config: Stripe.StripeConfig = {}): Stripe {
  return new Stripe(SECRET_KEY, {
    host: '127.0.0.1',
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    ...config,
  })
}

export async function control(url: string, path: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${url}/_sandbox/${path}`, { method: 'POST', body: JSON.stringify(body) })
  const answer = (await response.json()) as Record<string, unknown>
  if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`)
  return answer
}

export interface WebhookReceiver {
  readonly server: Server
  readonly url: string
  readonly events: Stripe.Event[]
  readonly signatures: string[]
  /** Secrets that are tried; any that fits will do. */
  secret: string
  /** Answers of the next requests; then 200. */
  readonly answers: number[]
  until(type: string, count?: number): Promise<Stripe.Event[]>
}

const WAIT_MS = 5000

async function receiveWebhooks(): Promise<WebhookReceiver> {
  const events: Stripe.Event[] = []
  const answers: number[] = []
  const signatures: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const signature = String(request.headers['stripe-signature'])
    const status = answers.shift() ?? 200
    response.writeHead(status).end()
    signatures.push(signature)
    // Throws, and so ends the test, when the signature is wrong.
    const event = new Stripe('sk_test_x').webhooks.constructEvent(
      Buffer.concat(chunks),
      signature,
      receiver.secret,
    )
    if (status < 300) events.push(event)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const receiver: WebhookReceiver = {
    server,
    url: `http://127.0.0.1:${port}/hook`,
    events,
    answers,
    signatures,
    secret: WEBHOOK_SECRET,
    async until(type, count = 1) {
      const deadline = Date.now() + WAIT_MS
      for (;;) {
        const found = events.filter(event => event.type === type)
        if (found.length >= count) return found
        if (Date.now() > deadline)
          throw new Error(
            `${found.length} of ${count} ${type}; there were ${events.map(({ type }) => type).join(', ')}`,
          )
        await sleep(10)
      }
    },
  }
  return receiver
}

/** The error that a call must end with, as the library gives it. */
export async function refusalOf(
  calling: Promise<unknown>,
): Promise<InstanceType<typeof Stripe.errors.StripeError>> {
  const error: unknown = await calling.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof Stripe.errors.StripeError) return error
  throw new Error(`not refused: ${String(error)}`)
}

export function authorize(
  stripe: Stripe,
  amount = 5000,
  method = 'pm_card_visa',
): Promise<Stripe.PaymentIntent> {
  return stripe.paymentIntents.create({
    amount,
    currency: 'usd',
    confirm: true,
    payment_method: method,
    capture_method: 'manual',
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
  })
}

export async function pay(
  stripe: Stripe,
  amount = 5000,
  method = 'pm_card_visa',
): Promise<Stripe.PaymentIntent> {
  const intent = await authorize(stripe, amount, method)
  return stripe.paymentIntents.capture(intent.id)
}

export function openSession(
  stripe: Stripe,
  more: Partial<Stripe.Checkout.SessionCreateParams> = {},
): Promise<Stripe.Checkout.Session> {
  const price_data = { currency: 'eur', unit_amount: 1250, product_data: { name: 'Walnut bowl' } }
  return stripe.checkout.sessions.create({
    mode: 'payment',
    line_items: [{ price_data, quantity: 2 }],
    success_url: 'http://shop.example/return?session={CHECKOUT_SESSION_ID}',
    cancel_url: 'http://shop.example/cart',
    payment_intent_data: { capture_method: 'manual', metadata: { checkoutId: 'chk_1' } },
    ...more,
  })
}

export const VISA = {
  email: 'ada@example.com',
  card_number: '4242 4242 4242 4242',
  expiry: '12/34',
  cvc: '123',
  name: 'Ada Lovelace',
}

/** What a browser sends when the customer presses "Pay". */
export function submit(url: string, fields: Record<string, string>): Promise<Response> {
  return fetch(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' })
}
