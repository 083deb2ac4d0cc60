import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { adminUrlOf, openAudit } from '../harness/audit.ts'
import { stockLimitedProduct } from '../harness/limited-product.ts'
import { brokenBooks, controlStripe } from '../harness/payment-page.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import {
  type Answer,
  type CheckoutBody,
  fillCart,
  newShopper,
  newStaff,
  payBody,
  type Shopper,
} from '../harness/shopper.ts'
import { type SplitPlatform, startSplitPlatform } from '../harness/split.ts'

const CARDS = {
  visa: 'pm_card_visa',
  declined: 'pm_card_visa_chargeDeclinedInsufficientFunds',
  secure: 'pm_card_threeDSecure2Required',
}

for (const mode of ['embedded', 'split'] as const)
  suite(`a card by the API, services ${mode}`, () => {
    let split: SplitPlatform | undefined
    let platform: PlatformProcess
    let staff: Shopper
    let stripeUrl: string
    let adminUrl: string

    before(async () => {
      if (mode === 'split') split = await startSplitPlatform(['inventory', 'order', 'payment', 'checkout'])
      platform = split ? split.platform : await startPlatformProcess()
      stripeUrl = split ? split.stripeUrl : platform.stripeUrl
      adminUrl = split ? split.adminUrl : adminUrlOf(platform.dataDir)
      staff = await newStaff(platform.url, platform.adminLink)
    })
    after(() => (split ?? platform)?.stop())

    /** A shopper with one of `sku` in his cart, and his payment: each call is the same request. */
    async function shopperWith(sku: string, paymentToken: string) {
      const shopper = await newShopper(platform.url)
      const quote = await fillCart(shopper, sku)
      assert.equal(quote.status, 200, JSON.stringify(quote.body))
      const email = `${sku.toLowerCase()}-${mode}@example.com`
      const body = { ...payBody(quote.cartId, quote.body, email, 'card'), paymentToken }
      const key = randomUUID()
      const pay = (change: object = {}) =>
        shopper.send<CheckoutBody>('POST', '/checkout/pay', { ...body, ...change }, key)
      return { shopper, pay }
    }

    test('pays in one request; the same request again is the same order', async () => {
      await stockLimitedProduct(staff, 'CARD-AT-ONCE', 1)
      const { pay, shopper } = await shopperWith('CARD-AT-ONCE', CARDS.visa)
      const wrong = await pay({ paymentMethod: 'invoice' })
      assert.equal(wrong.status, 400)
      assert.deepEqual(
        wrong.body.errors?.map(({ field }) => field),
        ['paymentToken'],
      )
      const paid = await pay()
      assert.equal(paid.status, 200, JSON.stringify(paid.body))
      assert.equal(paid.body.state, 'completed')
      assert.equal(paid.body.paymentPage, null)
      assert.ok(!JSON.stringify(paid.body).includes(CARDS.visa))
      assert.equal(await paymentStatusOf(shopper, paid), 'paid')
      assert.deepEqual((await pay()).body.orders, paid.body.orders)
    })

    test('declined, is told why; the stock is free, and another card buys it', async () => {
      await stockLimitedProduct(staff, 'CARD-DECLINED', 1)
      const { pay } = await shopperWith('CARD-DECLINED', CARDS.declined)
      for (const _ of ['first', 'again']) {
        const declined = await pay()
        assert.equal(declined.status, 409)
        assert.equal(declined.body.code, 'payment-declined')
        assert.deepEqual(declined.body.data, {
          reason: 'Your card has insufficient funds.',
          declineCode: 'insufficient_funds',
        })
      }
      const other = await shopperWith('CARD-DECLINED', CARDS.visa)
      assert.equal((await other.pay()).body.state, 'completed')
    })

    test('3-D Secure: its page, back, and the order', async () => {
      await stockLimitedProduct(staff, 'CARD-SECURE', 1)
      const { pay, shopper } = await shopperWith('CARD-SECURE', CARDS.secure)
      const asked = await pay()
      assert.equal(asked.status, 200, JSON.stringify(asked.body))
      assert.equal(asked.body.state, 'awaiting-payment')
      const resume = () =>
        shopper.send<CheckoutBody>('POST', `/checkouts/${asked.body.checkoutId}/resume`, {})
      assert.equal((await resume()).body.state, 'awaiting-payment')
      const back = await decide(asked.body.paymentPage?.url, 'complete')
      assert.ok(back.startsWith(`${platform.url}/checkout/${asked.body.checkoutId}`), back)
      const done = await untilDone(resume)
      assert.equal(done.body.state, 'completed')
      assert.equal(await paymentStatusOf(shopper, done), 'paid')
    })

    if (mode === 'embedded') {
      test('3-D Secure failed is a declined card, and the stock is free', async () => {
        await stockLimitedProduct(staff, 'CARD-FAILED', 1)
        const { pay, shopper } = await shopperWith('CARD-FAILED', CARDS.secure)
        const asked = await pay()
        await decide(asked.body.paymentPage?.url, 'fail')
        const failed = await untilDone(() =>
          shopper.send<CheckoutBody>('POST', `/checkouts/${asked.body.checkoutId}/resume`, {}),
        )
        assert.equal(failed.body.state, 'failed')
        assert.equal((await pay()).body.code, 'payment-declined')
        const other = await shopperWith('CARD-FAILED', CARDS.visa)
        assert.equal((await other.pay()).body.state, 'completed')
      })

      test('3-D Secure completed by who never comes back: a webhook finishes it, or the sweep', async () => {
        await stockLimitedProduct(staff, 'CARD-VANISHED', 2)
        for (const drop of [false, true]) {
          await controlStripe(stripeUrl, 'webhooks', { drop })
          const { pay, shopper } = await shopperWith('CARD-VANISHED', CARDS.secure)
          const asked = await pay()
          await decide(asked.body.paymentPage?.url, 'complete')
          if (drop) await sweepNow(asked.body.checkoutId)
          const look = () => shopper.get<CheckoutBody>(`/checkouts/${asked.body.checkoutId}`)
          assert.equal((await untilDone(look)).body.state, 'completed')
        }
        await controlStripe(stripeUrl, 'webhooks', {})
      })

      test('3-D Secure left: the page takes nothing any more', async () => {
        await stockLimitedProduct(staff, 'CARD-LEFT', 1)
        const { pay, shopper } = await shopperWith('CARD-LEFT', CARDS.secure)
        const asked = await pay()
        const leave = `/checkouts/${asked.body.checkoutId}/leave`
        assert.equal((await shopper.send<CheckoutBody>('POST', leave, {})).body.state, 'failed')
        const late = await fetch(asked.body.paymentPage?.url ?? '', {
          method: 'POST',
          body: new URLSearchParams({ decision: 'complete' }),
        })
        assert.equal(late.status, 410)
      })

      test('without any answer of the provider, the order is finished when it is back', async () => {
        await stockLimitedProduct(staff, 'CARD-OUTAGE', 1)
        const { pay } = await shopperWith('CARD-OUTAGE', CARDS.visa)
        await controlStripe(stripeUrl, 'faults', {
          match: 'POST /v1/payment_intents/*/confirm',
          effect: 'before',
          answer: 500,
          times: 2,
        })
        const first = await pay()
        assert.equal(first.status, 200, JSON.stringify(first.body))
        assert.equal(first.body.state, 'authorizing')
        assert.equal((await untilDone(pay)).body.state, 'completed')
      })
    }

    async function sweepNow(checkoutId: string): Promise<void> {
      const audit = openAudit(adminUrl)
      await audit
        .query('update payment.payment set sweep_at = now() where checkout_id = $1', [checkoutId])
        .finally(() => audit.close())
    }

    test('at rest the books agree, and no log names a card', async () => {
      assert.deepEqual(await brokenBooks(adminUrl, stripeUrl), [])
      if (mode === 'split') return
      const log = readFileSync(join(platform.dataDir, 'storewright.log'), 'utf8')
      assert.match(log, /checkout stopped while authorizing/)
      assert.doesNotMatch(log, /pm_card/)
    })
  })

/** As the holder decides on his bank's page; answers where that leads to. */
async function decide(url: string | undefined, decision: 'complete' | 'fail'): Promise<string> {
  const body = new URLSearchParams({ decision })
  const answer = await fetch(url ?? '', { method: 'POST', body, redirect: 'manual' })
  assert.equal(answer.status, 303)
  return answer.headers.get('location') ?? ''
}

async function paymentStatusOf(shopper: Shopper, { body }: Answer<CheckoutBody>): Promise<unknown> {
  const [order] = body.orders
  assert.ok(order)
  const ask = () =>
    shopper.get<{ paymentStatus: string }>(`/orders/${order.orderId}?token=${order.trackingToken}`)
  const answer = await until(ask, ({ body: { paymentStatus } }) => paymentStatus === 'paid')
  return answer.body.paymentStatus
}

function untilDone(ask: () => Promise<Answer<CheckoutBody>>): Promise<Answer<CheckoutBody>> {
  return until(ask, ({ body }) => body.state === 'completed' || body.state === 'failed')
}

/** The last answer, once it fits or 20 s have passed. */
async function until<Result>(ask: () => Promise<Result>, fits: (answer: Result) => boolean): Promise<Result> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const answer = await ask()
    if (fits(answer) || Date.now() > deadline) return answer
    await sleep(100)
  }
}
