import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '@storewright/postgres/sql'
import { adminUrlOf, brokenInvariants, openAudit, untilAtRest } from '../harness/audit.ts'
import { stockLimitedProduct } from '../harness/limited-product.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import {
  fillCart,
  newShopper,
  newStaff,
  pay,
  payBody,
  type Shopper,
  shopperWith,
} from '../harness/shopper.ts'
import { type SplitPlatform, startSplitPlatform } from '../harness/split.ts'

interface OrderBody {
  orderId: string
  paymentStatus: string
  payment: { paymentId: string }
  totals: { total: { amount: number; currency: string } }
  timeline: { type: string }[]
}

for (const mode of ['embedded', 'split'] as const)
  suite(`an order by the API, services ${mode}`, () => {
    let split: SplitPlatform | undefined
    let platform: PlatformProcess
    let staff: Shopper
    let audit: Database

    before(async () => {
      if (mode === 'split') split = await startSplitPlatform(['inventory', 'order', 'payment'])
      platform = split ? split.platform : await startPlatformProcess()
      staff = await newStaff(platform.url, platform.adminLink)
      audit = openAudit(split ? split.adminUrl : adminUrlOf(platform.dataDir))
    })
    after(async () => {
      await audit.close()
      await (split ?? platform).stop()
    })

    test('browse, cart, quote, pay, confirmation by mail, payment recorded', async () => {
      await stockLimitedProduct(staff, 'JOURNEY', 3)
      const shopper = await newShopper(platform.url)
      const list = await shopper.get<{ items: unknown[]; total: number }>('/products?limit=24')
      assert.equal(list.status, 200)
      assert.equal(list.body.items.length, 24)
      assert.ok(list.body.total >= 48)

      const quote = await fillCart(shopper, 'JOURNEY', 3)
      assert.equal(quote.status, 200, JSON.stringify(quote.body))
      const email = `journey-${mode}@example.com`
      const paid = await pay(shopper, payBody(quote.cartId, quote.body, email))
      assert.equal(paid.status, 200, JSON.stringify(paid.body))
      assert.equal(paid.body.state, 'completed')
      const [placed] = paid.body.orders
      assert.ok(placed)

      const mail = await firstMail(platform.inboxUrl, email)
      assert.match(mail.subject, new RegExp(placed.number))

      const stranger = shopperWith(platform.url, {})
      const hidden = await stranger.get(`/orders/${placed.orderId}`)
      assert.equal(hidden.status, 404)
      const order = await stranger.get<OrderBody>(`/orders/${placed.orderId}?token=${placed.trackingToken}`)
      assert.equal(order.status, 200)
      assert.equal(order.body.paymentStatus, 'due')
      assert.deepEqual(order.body.totals.total, quote.body.totals.total)

      const record = await staff.send('POST', `/admin/payments/${order.body.payment.paymentId}/record`, {
        amount: order.body.totals.total,
      })
      assert.equal(record.status, 200, JSON.stringify(record.body))
      const now = await until(
        () => stranger.get<OrderBody>(`/orders/${placed.orderId}?token=${placed.trackingToken}`),
        answer => answer.body.paymentStatus === 'paid',
      )
      assert.deepEqual(
        now.body.timeline.map(entry => entry.type),
        ['placed', 'paid'],
      )

      // The last unit is gone: the list learns it by event, the detail reads it live.
      const detail = await shopper.get<{ variants: { availability: string }[] }>('/products/journey')
      assert.equal(detail.body.variants[0]?.availability, 'sold-out')
      await until(
        () => shopper.get<{ items: { availability: string }[] }>('/products?category=limited'),
        answer => answer.body.items[0]?.availability === 'sold-out',
      )
      await untilAtRest(audit)
      assert.deepEqual(await brokenInvariants(audit), [])
    })

    test('a changed price is told with the new quote and can be agreed to', async () => {
      await stockLimitedProduct(staff, 'REPRICED', 5)
      const shopper = await newShopper(platform.url)
      const quote = await fillCart(shopper, 'REPRICED')
      const changed = await staff.send('PUT', '/admin/variants/REPRICED/price', {
        price: { amount: 2600, currency: 'EUR' },
      })
      assert.equal(changed.status, 200, JSON.stringify(changed.body))
      const body = payBody(quote.cartId, quote.body, 'price@example.com')
      const refused = await pay(shopper, body)
      assert.equal(refused.status, 409)
      assert.equal(refused.body.code, 'total-changed')
      const { quote: next } = refused.body.data as { quote: typeof quote.body }
      assert.equal(next.totals.total.amount, quote.body.totals.total.amount + 100)
      const agreed = await pay(shopper, { ...body, quoteHash: next.hash })
      assert.equal(agreed.status, 200, JSON.stringify(agreed.body))
    })

    if (mode === 'split')
      test('a service that is killed while it is needed: the order is finished when it is back', async () => {
        assert.ok(split)
        await stockLimitedProduct(staff, 'OUTAGE', 5)
        const shopper = await newShopper(platform.url)
        const quote = await fillCart(shopper, 'OUTAGE')
        const body = payBody(quote.cartId, quote.body, 'outage@example.com')
        await split.killService('order')
        const first = await pay(shopper, body, 'outage-1')
        assert.equal(first.status, 200, JSON.stringify(first.body))
        assert.equal(first.body.state, 'placing')
        await split.startService('order')
        const done = await until(
          () => pay(shopper, body, 'outage-1'),
          answer => answer.body.state === 'completed',
        )
        assert.equal(done.body.orders.length, 1)
        await untilAtRest(audit)
        assert.deepEqual(await brokenInvariants(audit), [])
      })
  })

async function firstMail(inboxUrl: string, to: string): Promise<{ subject: string }> {
  const found = await until(
    async () => {
      const response = await fetch(`${inboxUrl}/api/messages?to=${encodeURIComponent(to)}`)
      return (await response.json()) as { messages: { subject: string }[] }
    },
    answer => answer.messages.length > 0,
  )
  const [mail] = found.messages
  assert.ok(mail)
  return mail
}

async function until<Answer>(ask: () => Promise<Answer>, done: (answer: Answer) => boolean): Promise<Answer> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const answer = await ask()
    if (done(answer)) return answer
    if (Date.now() > deadline)
      throw new Error(`still not so after 20 s: ${JSON.stringify(answer).slice(0, 500)}`)
    await sleep(100)
  }
}
