import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { adminUrlOf, brokenInvariants, openAudit, untilAtRest } from '../harness/audit.ts'
import { longer } from '../harness/full-run.ts'
import { stockLimitedProduct } from '../harness/limited-product.ts'
import { startPlatformProcess } from '../harness/platform-process.ts'
import { fillCart, newShopper, newStaff, pay, payBody, type Shopper } from '../harness/shopper.ts'

const ROUNDS = longer(3, 8)
const SHOPPERS = 24

interface Attempt {
  readonly shopper: Shopper
  readonly body: ReturnType<typeof payBody>
  readonly key: string
  /** The order that was acknowledged with a 200, if any. */
  orderId: string | undefined
}

/** Buys until the platform is gone; what was sent without an answer stays without an order id. */
async function buyUntilDown(url: string, attempts: Attempt[]): Promise<void> {
  for (;;) {
    try {
      const shopper = await newShopper(url)
      const quote = await fillCart(shopper, 'KILLED')
      if (quote.status !== 200) throw new Error(`no quote: ${JSON.stringify(quote.body)}`)
      const attempt: Attempt = {
        shopper,
        body: payBody(quote.cartId, quote.body, `${randomUUID()}@example.com`),
        key: randomUUID(),
        orderId: undefined,
      }
      attempts.push(attempt)
      const answer = await pay(shopper, attempt.body, attempt.key)
      if (answer.status === 200) attempt.orderId = answer.body.orders[0]?.orderId
    } catch (error) {
      // fetch rejects with TypeError when the connection is refused or cut: the platform is down.
      if (error instanceof TypeError || error instanceof SyntaxError) return
      throw error
    }
  }
}

test(`kill -9 in the middle of checkouts, ${ROUNDS} times: nothing lost, nothing doubled`, async t => {
  let platform = await startPlatformProcess()
  const staff = await newStaff(platform.url, platform.adminLink)
  await stockLimitedProduct(staff, 'KILLED', 100_000)
  const attempts: Attempt[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const buying = Promise.all(Array.from({ length: SHOPPERS }, () => buyUntilDown(platform.url, attempts)))
    await sleep(1200 + Math.random() * 800)
    await platform.kill()
    await buying
    platform = await platform.restart()
  }
  const audit = openAudit(adminUrlOf(platform.dataDir))
  try {
    const unknown = attempts.filter(attempt => !attempt.orderId)
    // A client that got no answer asks again with the same key until the checkout is finished.
    for (const attempt of unknown) attempt.orderId = await settle(attempt)
    await untilAtRest(audit)
    assert.deepEqual(await brokenInvariants(audit), [])
    const orders = await audit.query<{ order_id: string }>('select order_id from "order".orders', [])
    const placed = new Set(orders.map(order => order.order_id))
    const acknowledged = attempts.flatMap(attempt => attempt.orderId ?? [])
    assert.deepEqual(
      acknowledged.filter(orderId => !placed.has(orderId)),
      [],
      'an acknowledged order is lost',
    )
    assert.equal(new Set(acknowledged).size, acknowledged.length, 'two payments were answered with one order')
    assert.equal(placed.size, acknowledged.length, 'an order exists that nobody asked for')
    assert.ok(unknown.length > 0, 'no kill came in the middle of a checkout: the test proved nothing')
    t.diagnostic(`${attempts.length} checkouts, ${unknown.length} cut off by a kill, ${placed.size} orders`)
  } finally {
    await audit.close()
    await platform.stop()
  }
})

async function settle(attempt: Attempt): Promise<string> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const answer = await pay(attempt.shopper, attempt.body, attempt.key)
    const orderId = answer.body.orders?.[0]?.orderId
    if (answer.status === 200 && orderId) return orderId
    if (answer.status !== 200 || Date.now() > deadline)
      throw new Error(`not settled: ${answer.status} ${JSON.stringify(answer.body)}`)
    await sleep(250)
  }
}
