import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { adminUrlOf, openAudit } from '../harness/audit.ts'
import { longer } from '../harness/full-run.ts'
import { stockLimitedProduct } from '../harness/limited-product.ts'
import { brokenBooks, CARDS, controlStripe, payWithoutBrowser } from '../harness/payment-page.ts'
import { startPlatformProcess } from '../harness/platform-process.ts'
import {
  type CheckoutBody,
  fillCart,
  newShopper,
  newStaff,
  pay,
  payBody,
  type Shopper,
} from '../harness/shopper.ts'

const ROUNDS = longer(3, 8)
const SHOPPERS = 8

interface Attempt {
  readonly shopper: Shopper
  readonly body: ReturnType<typeof payBody>
  readonly key: string
  /** The order that was acknowledged, if any. */
  orderId: string | undefined
}

/** Buys by card until the platform is gone. */
async function buyUntilDown(url: string, attempts: Attempt[]): Promise<void> {
  for (;;) {
    try {
      const shopper = await newShopper(url)
      const quote = await fillCart(shopper, 'PAID-FOR')
      if (quote.status !== 200) throw new Error(`no quote: ${JSON.stringify(quote.body)}`)
      const byPage = payBody(quote.cartId, quote.body, `${randomUUID()}@example.com`, 'card')
      // Every second card comes with its order.
      const body = attempts.length % 2 === 0 ? byPage : { ...byPage, paymentToken: 'pm_card_visa' }
      const attempt: Attempt = { shopper, body, key: randomUUID(), orderId: undefined }
      attempts.push(attempt)
      const { body: checkout } = await pay(shopper, body, attempt.key)
      attempt.orderId = checkout.orders?.[0]?.orderId
      if (!checkout.paymentPage) continue
      await payWithoutBrowser(checkout.paymentPage.url, CARDS.visa)
      const back = await resume(shopper, checkout.checkoutId)
      attempt.orderId = back.orders[0]?.orderId
    } catch (error) {
      // fetch rejects with TypeError when the connection is refused or cut: the platform is down.
      if (error instanceof TypeError || error instanceof SyntaxError) return
      throw error
    }
  }
}

async function resume(shopper: Shopper, checkoutId: string): Promise<CheckoutBody> {
  return (await shopper.send<CheckoutBody>('POST', `/checkouts/${checkoutId}/resume`, {})).body
}

test(`kill -9 while people pay by card, and a provider that loses answers: nothing charged twice or for nothing`, {
  timeout: 480_000,
}, async t => {
  let platform = await startPlatformProcess()
  const staff = await newStaff(platform.url, platform.adminLink)
  await stockLimitedProduct(staff, 'PAID-FOR', 100_000)
  const attempts: Attempt[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [effect, answer] of [
      ['after', 'reset'],
      ['after', 500],
      ['before', 500],
    ])
      await controlStripe(platform.stripeUrl, 'faults', { match: 'POST /v1/**', effect, answer, times: 2 })
    const buying = Promise.all(Array.from({ length: SHOPPERS }, () => buyUntilDown(platform.url, attempts)))
    await sleep(2500 + Math.random() * 1000)
    await platform.kill()
    await buying
    platform = await platform.restart()
  }
  const adminUrl = adminUrlOf(platform.dataDir)
  const audit = openAudit(adminUrl)
  try {
    const cutOff = attempts.filter(attempt => !attempt.orderId)
    for (const attempt of cutOff) attempt.orderId = await settle(attempt)
    assert.deepEqual(await brokenBooks(adminUrl, platform.stripeUrl), [])
    const orders = await audit.query<{ order_id: string; payment_status: string }>(
      'select order_id, payment_status from "order".orders',
      [],
    )
    assert.deepEqual(
      orders.map(({ order_id }) => order_id).sort(),
      attempts.map(({ orderId }) => orderId).sort(),
    )
    assert.deepEqual(new Set(orders.map(({ payment_status }) => payment_status)), new Set(['paid']))
    assert.ok(cutOff.length > 0, 'no kill came while somebody paid: the test proved nothing')
    t.diagnostic(
      `${attempts.length} card checkouts, ${cutOff.length} cut off, ${orders.length} orders, all paid once`,
    )
  } finally {
    await audit.close()
    await platform.stop()
  }
})

/** A shopper who got no answer pays again with the same key, on the same page, until the order is there. */
async function settle({ shopper, body, key }: Attempt): Promise<string> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const { body: checkout, status } = await pay(shopper, body, key)
    if (checkout.paymentPage) {
      await payWithoutBrowser(checkout.paymentPage.url, CARDS.visa)
      await resume(shopper, checkout.checkoutId)
    }
    const orderId = checkout.orders?.[0]?.orderId
    if (orderId) return orderId
    if (Date.now() > deadline) throw new Error(`not settled: ${status} ${JSON.stringify(checkout)}`)
    await sleep(250)
  }
}
