import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ORPCError } from '@orpc/server'
import { newId } from '@storewright/kernel/ids'
import { refusalOf } from '@storewright/rpc/testing'
import { EUR, startCheckout, stateOf } from './test-checkout.ts'

const TOKEN = 'pm_card_visa'
const DECLINE = { reason: 'Your card has insufficient funds.', declineCode: 'insufficient_funds' }
const AUTHORIZED = {
  payment: { paymentId: newId('payment'), onTerms: false },
  page: null,
  captureOn: 'placement',
}
const ASKS = {
  ...AUTHORIZED,
  page: { url: 'https://bank.test/1', expiresAt: new Date(Date.now() + 31 * 60_000).toISOString() },
}

/** A shop whose payment service answers a card with `answers`, one after the other, then always with the last. */
async function shopThat(t: TestContext, ...answers: readonly (() => unknown)[]) {
  const provider: { sync: object; tokens: unknown[] } = { sync: { state: 'pending' }, tokens: [] }
  const shop = await startCheckout(t, {
    payment: {
      confirmPayment: async ({ paymentToken }) => {
        const answer = answers[Math.min(provider.tokens.length, answers.length - 1)]
        provider.tokens.push(paymentToken)
        return answer?.()
      },
      syncPayment: async () => provider.sync,
      closePaymentPage: async () => ({ state: 'voided', decline: null }),
    },
  })
  const cartId = newId('cart')
  return {
    ...shop,
    provider,
    pay: (key: string = randomUUID()) => shop.payFor(cartId, key, 'card', TOKEN),
    stateNow: async () => (await stateOf(shop.under.database, cartId)).at(-1),
    stored: async () => {
      const rows = await shop.under.database.query('select request::text from checkout where cart_id = $1', [
        cartId,
      ])
      return JSON.stringify(rows)
    },
  }
}

const declined = () => {
  throw new ORPCError('payment-declined', { status: 409, message: 'declined', defined: true, data: DECLINE })
}
const unreachable = () => {
  throw new TypeError('fetch failed')
}

test('authorized at once, the order is placed and captured in the same request', async t => {
  const { pay, calls, stored } = await shopThat(t, () => AUTHORIZED)
  const done = await pay()
  assert.equal(done.state, 'completed')
  assert.equal(done.orders.length, 1)
  assert.equal(done.paymentPage, null)
  const path = calls.filter(call => /reserveStock|confirmPayment|placeOrder|capturePayment/.test(call))
  assert.deepEqual(path, ['reserveStock', 'confirmPayment', 'placeOrder', 'capturePayment'])
  assert.ok(!JSON.stringify(done).includes(TOKEN))
  assert.ok(!(await stored()).includes(TOKEN))
})

test('declined, it is refused with the reason and undone; the same key hears the same', async t => {
  const { pay, calls, stateNow, stored } = await shopThat(t, declined)
  const key = randomUUID()
  for (const _ of ['first', 'again']) {
    const error = await pay(key).then(
      () => undefined,
      (cause: { code: string; data: unknown }) => cause,
    )
    assert.equal(error?.code, 'payment-declined')
    assert.deepEqual(error?.data, DECLINE)
  }
  assert.equal(await stateNow(), 'failed')
  assert.equal(calls.filter(call => call === 'confirmPayment').length, 1)
  assert.deepEqual(
    calls.slice(calls.indexOf('confirmPayment') + 1, calls.indexOf('releaseReservation') + 1),
    ['voidPayment', 'releaseReservation'],
  )
  assert.ok(!(await stored()).includes(TOKEN))
})

test('whose holder must say yes first, it waits, and is placed when he has', async t => {
  const { pay, provider, under, asGuest, calls } = await shopThat(t, () => ASKS)
  const { checkoutId, state, paymentPage } = await pay()
  assert.equal(state, 'awaiting-payment')
  assert.equal(paymentPage?.url, 'https://bank.test/1')
  const resume = () => under.client.resumeCheckout({ checkoutId }, asGuest())
  assert.equal((await resume()).state, 'awaiting-payment')
  provider.sync = { state: 'authorized', decline: null }
  assert.equal((await resume()).state, 'completed')
  assert.ok(calls.includes('capturePayment'))
})

test('whose holder failed to, it is told as declined, and the stock is free', async t => {
  const { pay, provider, under, asGuest, calls } = await shopThat(t, () => ASKS)
  const key = randomUUID()
  const { checkoutId } = await pay(key)
  provider.sync = { state: 'voided', decline: DECLINE }
  const failed = await under.client.resumeCheckout({ checkoutId }, asGuest())
  assert.equal(failed.state, 'failed')
  assert.equal(failed.failure?.code, 'payment-declined')
  assert.ok(calls.includes('releaseReservation'))
  assert.equal(await refusalOf(pay(key)), 'payment-declined')
})

test('whose holder leaves, its authorization is closed before the stock goes back', async t => {
  const { pay, under, asGuest, calls } = await shopThat(t, () => ASKS)
  const { checkoutId } = await pay()
  const left = await under.client.leaveCheckout({ checkoutId }, asGuest())
  assert.equal(left.failure?.code, 'payment-not-completed')
  const path = calls.filter(call => /closePaymentPage|releaseReservation/.test(call))
  assert.deepEqual(path, ['closePaymentPage', 'releaseReservation'])
})

test('of which no answer came, it is asked about again with the same card, and nothing is undone', async t => {
  const { pay, provider, calls, stateNow } = await shopThat(t, unreachable, () => AUTHORIZED)
  assert.equal((await pay()).state, 'authorizing')
  const deadline = Date.now() + 10_000
  while ((await stateNow()) !== 'completed' && Date.now() < deadline) await sleep(50)
  assert.equal(await stateNow(), 'completed')
  assert.deepEqual(provider.tokens, [TOKEN, TOKEN])
  for (const undone of ['voidPayment', 'releaseReservation']) assert.ok(!calls.includes(undone))
})

test('a token that is none, or comes with another way to pay, is refused', async t => {
  const { payFor } = await startCheckout(t, {})
  for (const [method, token] of [
    ['invoice', TOKEN],
    ['card', '4242424242424242'],
    ['card', `pm_${'x'.repeat(300)}`],
  ] as const) {
    const answer = await refusalOf(payFor(newId('cart'), randomUUID(), method, token))
    assert.equal(answer, 'invalid-input', token)
  }
})

test('an order that is free asks no card, whether one came or not', async t => {
  const free = { subtotal: EUR(0), shipping: EUR(0), tax: EUR(0), total: EUR(0), taxIncluded: true }
  const line = { sku: 'A', quantity: 1, unitPrice: EUR(0), total: EUR(0), tax: EUR(0) }
  const rate = {
    shippingRateId: 'standard',
    title: '',
    description: '',
    price: EUR(0),
    minDays: 1,
    maxDays: 2,
  }
  const { calls, payFor } = await startCheckout(t, {
    pricing: {
      calculateQuote: async () => ({
        lines: [{ ...line, taxRateBasisPoints: 0 }],
        shippingOptions: [rate],
        shippingRateId: 'standard',
        shippingTax: EUR(0),
        taxLines: [],
        totals: free,
      }),
    },
  })
  for (const token of [TOKEN, undefined])
    assert.equal((await payFor(newId('cart'), randomUUID(), 'card', token)).state, 'completed')
  assert.equal(calls.filter(call => call === 'authorizePayment').length, 2)
  for (const asked of ['confirmPayment', 'openPaymentPage']) assert.ok(!calls.includes(asked), asked)
})
