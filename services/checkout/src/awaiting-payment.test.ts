import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { newId } from '@storewright/kernel/ids'
import { asSystem, refusalOf } from '@storewright/rpc/testing'
import { startCheckout, stateOf } from './test-checkout.ts'

/** A checkout that waits for its payment; `state` is what the provider says from then on. */
async function parked(t: TestContext) {
  const provider = { state: 'pending', closes: 'voided' }
  const shop = await startCheckout(t, {
    payment: {
      syncPayment: async () => answer(provider.state),
      closePaymentPage: async () => answer(provider.state === 'pending' ? provider.closes : provider.state),
    },
  })
  const cartId = newId('cart')
  const checkout = await shop.payFor(cartId, randomUUID(), 'card')
  const at = { checkoutId: checkout.checkoutId }
  return {
    ...shop,
    provider,
    cartId,
    checkout,
    resume: () => shop.under.client.resumeCheckout(at, shop.asGuest()),
    leave: () => shop.under.client.leaveCheckout(at, shop.asGuest()),
    /** As if the time for paying had passed. */
    timeIsOver: () =>
      shop.under.database.query(
        `update checkout set parked_until = now(), lease_until = now() where checkout_id = $1`,
        [checkout.checkoutId],
      ),
    stateNow: async () => (await stateOf(shop.under.database, cartId)).at(-1),
  }
}

async function answer(state: string) {
  if (state === 'unreachable') throw new TypeError('fetch failed')
  return { state }
}

test('answers the payment page and waits there, holding the stock', async t => {
  const { checkout, calls, resume } = await parked(t)
  assert.equal(checkout.state, 'awaiting-payment')
  assert.equal(checkout.paymentPage?.url, 'https://pay.test/1')
  assert.equal((await resume()).state, 'awaiting-payment')
  assert.equal((await resume()).state, 'awaiting-payment')
  for (const undone of ['releaseReservation', 'voidPayment', 'placeOrder']) assert.ok(!calls.includes(undone))
})

test('paid, it is placed, committed and captured, in this order', async t => {
  const { provider, calls, resume } = await parked(t)
  provider.state = 'authorized'
  const done = await resume()
  assert.equal(done.state, 'completed')
  assert.equal(done.orders.length, 1)
  assert.equal(done.paymentPage, null)
  const path = calls.filter(call => /placeOrder|commitReservation|capturePayment/.test(call))
  assert.deepEqual(path, ['placeOrder', 'commitReservation', 'capturePayment'])
})

test('looked at by ten at once, it is placed once', async t => {
  const { provider, calls, resume, stateNow } = await parked(t)
  provider.state = 'authorized'
  await Promise.all(Array.from({ length: 10 }, resume))
  assert.equal(await stateNow(), 'completed')
  assert.equal(calls.filter(call => call === 'placeOrder').length, 1)
})

test('left, its page is closed before the stock goes back; paid in the same moment, it is an order', async t => {
  const left = await parked(t)
  assert.equal((await left.leave()).state, 'failed')
  const path = left.calls.filter(call => /closePaymentPage|releaseReservation/.test(call))
  assert.deepEqual(path, ['closePaymentPage', 'releaseReservation'])

  const paid = await parked(t)
  paid.provider.state = 'authorized'
  assert.equal((await paid.leave()).state, 'completed')
})

test('its time being over is no proof: without an answer of the provider the stock stays held', async t => {
  const { provider, calls, timeIsOver, stateNow } = await parked(t)
  provider.state = 'unreachable'
  await timeIsOver()
  await sleep(2_500)
  assert.equal(await stateNow(), 'awaiting-payment')
  assert.ok(calls.includes('closePaymentPage'))
  assert.ok(!calls.includes('releaseReservation'))
})

test('its time being over, the page is closed and the stock goes back', async t => {
  const { timeIsOver, stateNow } = await parked(t)
  await timeIsOver()
  const deadline = Date.now() + 10_000
  while ((await stateNow()) !== 'failed' && Date.now() < deadline) await sleep(50)
  assert.equal(await stateNow(), 'failed')
})

test('paying anew gives the page up, and is refused when that one was paid', async t => {
  const shop = await parked(t)
  const second = await shop.payFor(shop.cartId, randomUUID(), 'invoice')
  assert.equal(second.state, 'completed')
  assert.deepEqual((await stateOf(shop.under.database, shop.cartId)).sort(), ['completed', 'failed'])

  const paid = await parked(t)
  paid.provider.state = 'authorized'
  assert.equal(await refusalOf(paid.payFor(paid.cartId, randomUUID(), 'card')), 'cart-completed')
})

test('it goes on at once when its attempt has ended', async t => {
  const { under, provider, checkout, stateNow } = await parked(t)
  provider.state = 'authorized'
  const event = {
    id: newId('event'),
    aggregateType: 'payment-attempt',
    aggregateId: newId('payment'),
    aggregateSeq: 1,
    type: 'attempt.ended',
    payload: { checkoutId: checkout.checkoutId },
    occurredAt: new Date().toISOString(),
    trace: null,
  }
  await under.client.receiveEvents({ events: [event] }, asSystem())
  const deadline = Date.now() + 5_000
  while ((await stateNow()) !== 'completed' && Date.now() < deadline) await sleep(20)
  assert.equal(await stateNow(), 'completed')
})

test('nobody else may look at it, go on with it or give it up', async t => {
  const { under, checkout } = await parked(t)
  const at = { checkoutId: checkout.checkoutId }
  const stranger = () =>
    asSystem({
      actor: { kind: 'guest', guestId: newId('guest') },
      caller: 'gateway',
      idempotencyKey: randomUUID(),
    })
  const { client } = under
  for (const call of [client.getCheckout, client.resumeCheckout, client.leaveCheckout])
    assert.equal(await refusalOf(call(at, stranger())), 'not-found')
})
