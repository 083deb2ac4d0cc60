import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { adminUrlOf, openAudit } from '../harness/audit.ts'
import { stockLimitedProduct } from '../harness/limited-product.ts'
import { bookOf, brokenBooks, CARDS, payWithoutBrowser } from '../harness/payment-page.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import {
  type Answer,
  type CheckoutBody,
  fillCart,
  newShopper,
  newStaff,
  pay,
  payBody,
  type Shopper,
} from '../harness/shopper.ts'
import { type SplitPlatform, startSplitPlatform } from '../harness/split.ts'

interface OrderBody {
  orderId: string
  checkoutId: string
  status: string
  paymentStatus: string
  payment: { paymentId: string }
  totals: { total: { amount: number; currency: string } }
  timeline: { type: string }[]
}

interface PaymentBody {
  state: string
  refunds: { amount: { amount: number }; reason: string; state: string }[]
}

for (const mode of ['embedded', 'split'] as const)
  suite(`an order is canceled, services ${mode}`, () => {
    let split: SplitPlatform | undefined
    let platform: PlatformProcess
    let staff: Shopper
    let stripeUrl: string
    let adminUrl: string

    before(async () => {
      if (mode === 'split') split = await startSplitPlatform(['inventory', 'order', 'payment'])
      platform = split ? split.platform : await startPlatformProcess()
      stripeUrl = split ? split.stripeUrl : platform.stripeUrl
      adminUrl = split ? split.adminUrl : adminUrlOf(platform.dataDir)
      staff = await newStaff(platform.url, platform.adminLink)
    })
    after(() => (split ?? platform)?.stop())

    const cancel = (orderId: string, reason = 'the customer called') =>
      staff.send<OrderBody>('POST', `/admin/orders/${orderId}/cancel`, { reason })
    const orderAsStaff = (orderId: string) => staff.get<OrderBody>(`/orders/${orderId}`)
    const stockOf = async (sku: string) => {
      const { body } = await staff.get<{
        items: { reserved: number; allocated: number; available: number }[]
      }>(`/admin/stock?sku=${sku}`)
      return body.items.map(({ reserved, allocated, available }) => [reserved, allocated, available])
    }

    /** Buys all there is of a product; the order as staff see it, and the page that the customer has of it. */
    async function buyAll(sku: string, method: 'invoice' | 'card') {
      await stockLimitedProduct(staff, sku, 2)
      const shopper = await newShopper(platform.url)
      const quote = await fillCart(shopper, sku, 2)
      const body = payBody(quote.cartId, quote.body, `${sku.toLowerCase()}@example.com`, method)
      const asked = await pay(shopper, body, sku)
      assert.equal(asked.status, 200, JSON.stringify(asked.body))
      const page = asked.body.paymentPage
      if (page) assert.ok(await payWithoutBrowser(page.url, CARDS.visa))
      const { body: checkout } = page
        ? await until(
            () => shopper.send<CheckoutBody>('POST', `/checkouts/${asked.body.checkoutId}/resume`, {}),
            answer => answer.body.state === 'completed',
          )
        : asked
      const [placed] = checkout.orders
      assert.ok(placed)
      const customerPage = `${platform.url}/orders/${placed.orderId}?token=${placed.trackingToken}`
      const { body: order } = await until(
        () => orderAsStaff(placed.orderId),
        answer => answer.body.paymentStatus === (method === 'card' ? 'paid' : 'due'),
      )
      return { order, customerPage, shopper }
    }

    test('paid by card: the money is refunded once, the goods can be bought again', async () => {
      const { order, customerPage } = await buyAll('CANCEL-CARD', 'card')
      assert.deepEqual(await stockOf('CANCEL-CARD'), [[0, 2, 0]])
      const answers = await Promise.all([cancel(order.orderId), cancel(order.orderId)])
      for (const answer of [...answers, await cancel(order.orderId)]) {
        assert.equal(answer.status, 200, JSON.stringify(answer.body))
        assert.equal(answer.body.status, 'canceled')
      }
      const { body: canceled } = await until(
        () => orderAsStaff(order.orderId),
        answer => answer.body.paymentStatus === 'refunded',
      )
      assert.deepEqual(
        canceled.timeline.map(({ type }) => type),
        ['placed', 'paid', 'canceled', 'refunded'],
      )
      await until(
        () => stockOf('CANCEL-CARD'),
        stock => JSON.stringify(stock) === '[[0,0,2]]',
      )
      const total = order.totals.total.amount
      await until(
        () => staff.get<PaymentBody>(`/admin/payments/${order.payment.paymentId}`),
        answer => answer.body.refunds[0]?.state === 'succeeded',
      )
      const { body: payment } = await staff.get<PaymentBody>(`/admin/payments/${order.payment.paymentId}`)
      assert.deepEqual(
        payment.refunds.map(({ amount, reason }) => [amount.amount, reason]),
        [[total, 'order canceled']],
      )
      const { captured, refunded } = await bookOf(stripeUrl, order.checkoutId)
      assert.deepEqual([captured, refunded], [total, total])
      const page = await (await fetch(customerPage)).text()
      assert.match(page, /Status: canceled/)
      assert.match(page, /Refunded/)
      assert.ok(!page.includes('being prepared'))

      // Somebody else buys them.
      const next = await newShopper(platform.url)
      const quote = await fillCart(next, 'CANCEL-CARD', 2)
      const bought = await pay(next, payBody(quote.cartId, quote.body, 'next@example.com'))
      assert.equal(bought.body.state, 'completed', JSON.stringify(bought.body))
    })

    test('on invoice: nothing is owed any more, and nothing can be recorded as paid', async () => {
      const { order, customerPage } = await buyAll('CANCEL-INVOICE', 'invoice')
      assert.match(await (await fetch(customerPage)).text(), /name the order number/)
      assert.equal((await cancel(order.orderId)).body.status, 'canceled')
      const page = await (await fetch(customerPage)).text()
      assert.match(page, /Nothing to pay/)
      assert.ok(!page.includes('name the order number'))
      await until(
        () => orderAsStaff(order.orderId),
        answer => answer.body.paymentStatus === 'voided',
      )
      await until(
        () => stockOf('CANCEL-INVOICE'),
        stock => JSON.stringify(stock) === '[[0,0,2]]',
      )
      const recorded = await staff.send('POST', `/admin/payments/${order.payment.paymentId}/record`, {
        amount: order.totals.total,
      })
      assert.equal(recorded.body.code, 'payment-state')
    })

    test('an invoice that was paid: the goods are back, the merchant gives the money back by hand', async () => {
      const { order } = await buyAll('CANCEL-PAID', 'invoice')
      const { paymentId } = order.payment
      const amount = order.totals.total
      assert.equal((await staff.send('POST', `/admin/payments/${paymentId}/record`, { amount })).status, 200)
      assert.equal((await cancel(order.orderId)).body.status, 'canceled')
      await until(
        () => stockOf('CANCEL-PAID'),
        stock => JSON.stringify(stock) === '[[0,0,2]]',
      )
      const { body } = await staff.get<PaymentBody>(`/admin/payments/${paymentId}`)
      assert.deepEqual([body.state, body.refunds], ['captured', []])
      const refund = { amount, reason: 'order canceled' }
      const refunded = await staff.send('POST', `/admin/payments/${paymentId}/refunds`, refund, 'by-hand')
      assert.equal(refunded.status, 200, JSON.stringify(refunded.body))
      await until(
        () => orderAsStaff(order.orderId),
        answer => answer.body.paymentStatus === 'refunded',
      )
    })

    test('is refused to customers, without a reason, and for what is shipped or not there', async () => {
      const { order, shopper } = await buyAll('CANCEL-NOT', 'invoice')
      const path = `/admin/orders/${order.orderId}/cancel`
      assert.equal((await shopper.send('POST', path, { reason: 'mine' })).status, 403)
      const without: Answer<unknown> = await staff.send('POST', path, { reason: ' ' })
      assert.deepEqual([without.status, without.body.errors?.[0]?.field], [400, 'reason'])
      assert.equal((await cancel('ord_01m85thdv8eq39gw82e6v42jaq')).status, 404)
      // Nothing ships yet: the state is put there by hand.
      const audit = openAudit(adminUrl)
      const ship = (status: string) =>
        audit.query('update "order".orders set fulfillment_status = $2 where order_id = $1', [
          order.orderId,
          status,
        ])
      try {
        await ship('partly-fulfilled')
        const refused = await cancel(order.orderId)
        assert.deepEqual(
          [refused.status, refused.body.code, refused.body.data],
          [409, 'order-state', { status: 'open', fulfillmentStatus: 'partly-fulfilled' }],
        )
        await ship('unfulfilled')
      } finally {
        await audit.close()
      }
    })

    test('at rest nothing is held for canceled orders, and the books agree', async () => {
      assert.deepEqual(await brokenBooks(adminUrl, stripeUrl), [])
    })
  })

async function until<Result>(ask: () => Promise<Result>, done: (result: Result) => boolean): Promise<Result> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const result = await ask()
    if (done(result)) return result
    if (Date.now() > deadline)
      throw new Error(`still not so after 20 s: ${JSON.stringify(result).slice(0, 500)}`)
    await sleep(100)
  }
}
