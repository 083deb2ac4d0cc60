import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Id, newId } from '@storewright/kernel/ids'
import { asSystem, startTestService, type TestService } from '@storewright/rpc/testing'
import { type StripeSandbox, startStripeSandbox } from '@storewright/sandbox-stripe/sandbox'
import type { paymentContract } from './contract.ts'
import { paymentService } from './service.ts'

export const SECRET_KEY = 'sk_test_ofthetests'
export const WEBHOOK_SECRET = 'whsec_ofthetests'
const TOTAL = { amount: 4200, currency: 'EUR' as const }

export const CARDS = {
  visa: '4242424242424242',
  declined: '4000000000000002',
  disputed: '4000000000000259',
  refundFails: '4000000000005126',
} as const

/** The payment service on a real database, with the Stripe sandbox where Stripe would be. No webhooks: tests send them. */
export async function startWithStripe(config: Readonly<Record<string, string>> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'storewright-stripe-'))
  const sandbox: StripeSandbox = await startStripeSandbox({ port: 0, dir, secretKey: SECRET_KEY })
  const under: TestService<typeof paymentContract> = await startTestService(paymentService, {
    needs: {},
    config: {
      STRIPE_SECRET_KEY: SECRET_KEY,
      STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
      STRIPE_API_URL: sandbox.url,
      ...config,
    },
  })
  const { client, database } = under

  const control = async (path: string, body: object) => {
    const answer = await fetch(`${sandbox.url}/_sandbox/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`the sandbox refused ${path}: ${await answer.text()}`)
  }
  const open = (checkoutId: Id<'checkout'> = newId('checkout'), amount = TOTAL.amount) =>
    client.openPaymentPage(
      {
        checkoutId,
        attempt: 1,
        amount: { ...TOTAL, amount },
        email: 'ada@example.com',
        lines: [
          {
            title: 'Halo Vase',
            detail: 'Large',
            unitPrice: { ...TOTAL, amount: amount / 2 - 2 },
            quantity: 2,
          },
          { title: 'Shipping', detail: '', unitPrice: { ...TOTAL, amount: 4 }, quantity: 1 },
        ],
        returnUrl: 'http://shop.test/checkout/1',
        leaveUrl: 'http://shop.test/checkout/1?left=1',
      },
      asSystem(),
    )
  /** As the shopper's browser does; answers the page's status. */
  const payOn = async (url: string, card: string = CARDS.visa) => {
    const form = { email: 'ada@example.com', card_number: card, expiry: '12/40', cvc: '123', name: 'Ada' }
    const answer = await fetch(url, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' })
    return answer.status
  }
  const sync = (checkoutId: Id<'checkout'>) => client.syncPayment({ checkoutId, attempt: 1 }, asSystem())

  return {
    ...under,
    sandbox,
    control,
    open,
    payOn,
    sync,
    fault: (fault: object) => control('faults', fault),
    /** Opened and paid, not yet captured. */
    async authorized(card?: string) {
      const opened = await open()
      await payOn(opened.page.url, card)
      return sync(opened.payment.checkoutId)
    },
    async captured(card?: string) {
      const { paymentId } = await this.authorized(card)
      return client.capturePayment({ paymentId }, asSystem())
    },
    refund: (paymentId: Id<'payment'>, amount: number, key: string = crypto.randomUUID()) =>
      client.refundPayment(
        { paymentId, amount: { ...TOTAL, amount }, reason: 'came back' },
        asSystem({ idempotencyKey: key }),
      ),
    events: async (paymentId: string) =>
      (
        await database.query<{ type: string }>(
          `select type from outbox where aggregate_id = $1 and aggregate_type = 'payment' order by aggregate_seq`,
          [paymentId],
        )
      ).map(({ type }) => type),
    /** I2: what the ledger says that the provider holds for us, and what the provider says. */
    async books(paymentId: Id<'payment'>) {
      const { ledger } = await client.getPayment({ paymentId }, asSystem())
      const inLedger = ledger
        .filter(({ account }) => account === 'provider')
        .reduce((total, { amount }) => total + amount.amount, 0)
      const { checkoutId } = await client.getPayment({ paymentId }, asSystem())
      const answer = await fetch(`${sandbox.url}/_sandbox/books`)
      const { intents } = (await answer.json()) as { intents: Book[] }
      const book = intents.find(({ metadata }) => metadata.checkoutId === checkoutId)
      if (!book) throw new Error(`the sandbox knows no payment for ${checkoutId}`)
      return { ledger: inLedger, provider: book.captured - book.refunded - book.disputed }
    },
    async stop() {
      await under.stop()
      await sandbox.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

interface Book {
  readonly metadata: { readonly checkoutId?: string }
  readonly captured: number
  readonly refunded: number
  readonly disputed: number
}

/** Polls until `condition` answers something; nothing here takes longer than seconds. */
export async function until<Result>(
  condition: () => Promise<Result | undefined | false>,
  what: string,
): Promise<Result> {
  const deadline = Date.now() + 15_000
  for (;;) {
    const result = await condition()
    if (result) return result
    if (Date.now() > deadline) throw new Error(`${what}: not within 15 s`)
    await sleep(50)
  }
}
