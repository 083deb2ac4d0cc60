import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openAudit } from '../harness/audit.ts'
import { stockLimitedProduct } from '../harness/limited-product.ts'
import { bookOf, brokenBooks, CARDS, payWithoutBrowser } from '../harness/payment-page.ts'
import { fillCart, newShopper, newStaff, pay, payBody } from '../harness/shopper.ts'
import { startSplitPlatform } from '../harness/split.ts'

/**
 * The order stands, but its stock is not committed and its money not taken: inventory is down between the two. It is
 * canceled then; when inventory is back the checkout goes on, and nothing may be left over.
 */
test('an order canceled between placing and committing is neither charged nor keeps its stock', async () => {
  const split = await startSplitPlatform(['inventory', 'order', 'payment'])
  const audit = openAudit(split.adminUrl)
  try {
    const { platform } = split
    const staff = await newStaff(platform.url, platform.adminLink)
    await stockLimitedProduct(staff, 'BETWEEN', 2)
    const shopper = await newShopper(platform.url)
    const quote = await fillCart(shopper, 'BETWEEN', 2)
    const { body: asked } = await pay(shopper, payBody(quote.cartId, quote.body, 'b@example.com', 'card'))
    const { checkoutId, paymentPage } = asked
    assert.ok(paymentPage)
    await split.killService('inventory')
    assert.ok(await payWithoutBrowser(paymentPage.url, CARDS.visa))

    const row = async <Row extends object>(sql: string) => {
      const [found] = await audit.query<Row>(sql, [checkoutId])
      return found
    }
    const order = () =>
      row<{ order_id: string; canceling: boolean; cancel_attempt: number }>(
        'select order_id, canceling, cancel_attempt from "order".orders where checkout_id = $1',
      )
    const reservation = () => row<{ state: string }>('select state from inventory.reservation where id = $1')
    const checkout = () =>
      row<{ state: string }>('select state from checkout.checkout where checkout_id = $1')

    const placed = await until(order, found => found !== undefined)
    assert.ok(placed)
    await until(checkout, found => found?.state === 'committing')
    const canceled = await staff.send<{ status: string }>('POST', `/admin/orders/${placed.order_id}/cancel`, {
      reason: 'the customer called',
    })
    assert.deepEqual([canceled.status, canceled.body.status], [200, 'canceled'])
    assert.equal((await order())?.canceling, true)

    // The checkout waits a little longer, so that inventory is asked to cancel what is still held.
    await audit.query(
      `update checkout.checkout set lease_epoch = lease_epoch + 1, lease_until = now() + interval '1 hour'
       where checkout_id = $1`,
      [checkoutId],
    )
    await split.startService('inventory')
    const asking = (await order())?.cancel_attempt ?? 0
    await until(order, found => (found?.cancel_attempt ?? 0) > asking + 1)
    assert.equal((await reservation())?.state, 'held')
    assert.equal((await checkout())?.state, 'committing')

    await audit.query('update checkout.checkout set lease_until = now() where checkout_id = $1', [checkoutId])
    await until(checkout, found => found?.state === 'completed')
    await until(order, found => found?.canceling === false)
    assert.equal((await reservation())?.state, 'canceled')
    const stock = await staff.get<{ items: { available: number }[] }>('/admin/stock?sku=BETWEEN')
    assert.deepEqual(
      stock.body.items.map(({ available }) => available),
      [2],
    )
    const { captured, capturable } = await bookOf(split.stripeUrl, checkoutId)
    assert.deepEqual([captured, capturable], [0, 0])
    assert.deepEqual(await brokenBooks(split.adminUrl, split.stripeUrl), [])
  } finally {
    await audit.close()
    await split.stop()
  }
})

/** Longer than the longest wait between two tries, a minute. */
async function until<Result>(ask: () => Promise<Result>, done: (result: Result) => boolean): Promise<Result> {
  const deadline = Date.now() + 75_000
  for (;;) {
    const result = await ask()
    if (done(result)) return result
    if (Date.now() > deadline) throw new Error(`still not so after 75 s: ${JSON.stringify(result)}`)
    await sleep(100)
  }
}
