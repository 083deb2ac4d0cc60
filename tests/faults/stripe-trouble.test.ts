import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '@storewright/postgres/sql'
import { adminUrlOf, openAudit } from '../harness/audit.ts'
import { type CardBuyer, newCardBuyer, openPageOf } from '../harness/card-buyer.ts'
import { stockLimitedProduct } from '../harness/limited-product.ts'
import { brokenBooks, CARDS, controlStripe, payWithoutBrowser } from '../harness/payment-page.ts'
import { freePort, type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import { newStaff } from '../harness/shopper.ts'
import { type StripeBeside, startStripeBeside } from '../harness/stripe-beside.ts'

const SKU = 'IN-TROUBLE'
const WEBHOOK_ORDERS = 20
/** In each situation, when the outage begins. */
const CAUGHT = 3
const OUTAGE_MS = 5_000

let platform: PlatformProcess
let stripe: StripeBeside
let audit: Database

before(async () => {
  const port = await freePort()
  stripe = await startStripeBeside(port)
  platform = await startPlatformProcess({ port, env: stripe.env })
  await stockLimitedProduct(await newStaff(platform.url, platform.adminLink), SKU, 1000)
  audit = openAudit(adminUrlOf(platform.dataDir))
})
after(async () => {
  await audit.close()
  await platform.stop()
  await stripe.close()
})

test('webhooks that come late, twice and newest first finish every order once, also for those who never come back', {
  timeout: 120_000,
}, async () => {
  await controlStripe(stripe.url, 'webhooks', { duplicate: true, reorder: true, delayMs: 200 })
  await Promise.all(
    Array.from({ length: WEBHOOK_ORDERS }, async (_, index) => {
      const buyer = await newCardBuyer(platform.url, SKU)
      const { pageUrl } = await openPageOf(buyer)
      assert.ok(await payWithoutBrowser(pageUrl, CARDS.visa))
      if (index % 2 === 0) await buyer.untilOrdered()
    }),
  )
  await untilCount(
    `select count(*) as found from "order".orders where payment_status = 'paid'`,
    WEBHOOK_ORDERS,
  )
  // The last of an order is of its capture: from then on every one has come, and been worked off.
  await untilCount(
    `select count(*) as found from payment.webhook_event
     where type = 'payment_intent.succeeded' and processed_at is not null`,
    WEBHOOK_ORDERS,
  )
  await untilCount('select count(*) as found from payment.webhook_event where processed_at is null', 0)
  await controlStripe(stripe.url, 'webhooks', {})
  assert.deepEqual(await brokenBooks(adminUrlOf(platform.dataDir), stripe.url), [])
})

test(`${OUTAGE_MS / 1000} seconds without Stripe lose nobody, on the page or before it, and invoices go on`, {
  timeout: 120_000,
}, async () => {
  const some = <Result>(make: () => Promise<Result>) => Promise.all(Array.from({ length: CAUGHT }, make))
  const sentToPage = async () => {
    const buyer = await newCardBuyer(platform.url, SKU)
    return { buyer, ...(await openPageOf(buyer)) }
  }
  const [onPage, leaving, paid, starting, invoiced] = await Promise.all([
    some(sentToPage),
    some(sentToPage),
    some(sentToPage),
    some(() => newCardBuyer(platform.url, SKU)),
    some(() => newCardBuyer(platform.url, SKU, 'invoice')),
  ])
  // Who has paid comes back to a shop that cannot ask, and whose webhooks are late.
  await controlStripe(stripe.url, 'webhooks', { delayMs: OUTAGE_MS })
  for (const { pageUrl } of paid) assert.ok(await payWithoutBrowser(pageUrl, CARDS.visa))
  await stripe.stop()

  const answers = await Promise.all([
    ...paid.map(({ buyer }) => buyer.resume()),
    ...leaving.map(({ buyer }) => buyer.leave()),
    ...starting.map(buyer => buyer.pay()),
  ])
  for (const { status, body } of answers) {
    assert.equal(status, 200)
    assert.deepEqual(body.orders, [])
  }
  for (const buyer of invoiced) assert.equal((await buyer.pay()).body.state, 'completed')
  await sleep(OUTAGE_MS)
  await stripe.start()

  const buyers: CardBuyer[] = [...onPage, ...paid].map(({ buyer }) => buyer)
  const orders = await Promise.all([...buyers, ...starting].map(buyer => buyer.untilOrdered()))
  assert.equal(new Set(orders).size, 3 * CAUGHT)
  await Promise.all(leaving.map(({ buyer }) => buyer.untilFailed()))
  assert.deepEqual(await brokenBooks(adminUrlOf(platform.dataDir), stripe.url), [])
})

async function untilCount(sql: string, wanted: number): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const [row] = await audit.query<{ found: number }>(sql, [])
    if (row?.found === wanted) return
    assert.ok(Date.now() < deadline, `${row?.found} instead of ${wanted}: ${sql}`)
    await sleep(100)
  }
}
