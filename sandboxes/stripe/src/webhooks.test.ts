import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type Stripe from 'stripe'
import { authorize, openShop, pay, refusalOf } from './test-shop.ts'

describe('webhooks', () => {
  it('are signed, tell the request, and say what was', async () => {
    await using shop = await openShop()
    const intent = await shop.stripe.paymentIntents.create(
      { amount: 1000, currency: 'usd', metadata: { checkoutId: 'chk_7' } },
      { idempotencyKey: 'chk_7:pay:1' },
    )
    const [event] = await shop.hooks.until('payment_intent.created')
    assert.equal(event?.request?.idempotency_key, 'chk_7:pay:1')
    assert.equal((event?.data.object as Stripe.PaymentIntent | undefined)?.id, intent.id)
    const stored = await shop.stripe.events.retrieve(String(event?.id))
    assert.equal(stored.type, 'payment_intent.created')
    await sleep(30)
    assert.equal((await shop.stripe.events.retrieve(stored.id)).pending_webhooks, 0)
  })

  it('tell of every step of a payment', async () => {
    await using shop = await openShop()
    const { id } = await pay(shop.stripe)
    await shop.stripe.refunds.create({ payment_intent: id })
    await shop.hooks.until('charge.refunded')
    await shop.hooks.until('refund.created')
    const types = (await shop.stripe.events.list({ limit: 100 })).data.map(({ type }) => type).reverse()
    assert.deepEqual(types, [
      'payment_intent.created',
      'charge.succeeded',
      'payment_intent.amount_capturable_updated',
      'charge.captured',
      'payment_intent.succeeded',
      'refund.created',
      'charge.refunded',
    ])
    const { data } = await shop.stripe.events.list({ type: 'charge.*' })
    assert.deepEqual(
      data.map(({ type }) => type),
      ['charge.refunded', 'charge.captured', 'charge.succeeded'],
    )
  })

  it('are repeated until they are answered well', async () => {
    await using shop = await openShop()
    shop.hooks.answers.push(500, 302, 404)
    await shop.stripe.paymentIntents.create({ amount: 1000, currency: 'usd' })
    await shop.hooks.until('payment_intent.created')
    assert.equal(shop.hooks.signatures.length, 4)
  })

  it('are counted while they have not arrived', async () => {
    await using shop = await openShop()
    await shop.control('webhooks', { delayMs: 60_000 })
    await pay(shop.stripe)
    const answer = await fetch(`${shop.sandbox.url}/_sandbox/webhooks`)
    assert.equal(((await answer.json()) as { pending: number }).pending, 5)
  })

  const HAPPENED = [
    'payment_intent.created',
    'charge.succeeded',
    'payment_intent.amount_capturable_updated',
    'charge.captured',
    'payment_intent.succeeded',
  ]

  it('come twice, late, turned around or not at all when told to', async () => {
    await using shop = await openShop()
    await shop.control('webhooks', { duplicate: true })
    await shop.stripe.paymentIntents.create({ amount: 1000, currency: 'usd' })
    const twice = await shop.hooks.until('payment_intent.created', 2)
    assert.equal(new Set(twice.map(({ id }) => id)).size, 1)

    await shop.control('webhooks', { reorder: true })
    const before = shop.hooks.events.length
    await pay(shop.stripe)
    for (const type of HAPPENED.slice(1)) await shop.hooks.until(type)
    await shop.hooks.until('payment_intent.created', 3)
    const types = shop.hooks.events.slice(before).map(({ type }) => type)
    assert.deepEqual(types.toSorted(), HAPPENED.toSorted())
    assert.notDeepEqual(types, HAPPENED)

    await shop.control('webhooks', { drop: ['payment_intent.created'] })
    await shop.stripe.paymentIntents.create({ amount: 1000, currency: 'usd' })
    await shop.control('webhooks', { delayMs: 300 })
    const from = Date.now()
    const { id } = await authorize(shop.stripe)
    await shop.hooks.until('payment_intent.created', 4)
    assert.ok(Date.now() - from >= 300)
    assert.ok(shop.hooks.events.some(({ data }) => (data.object as { id: string }).id === id))
  })

  it('come again when asked for', async () => {
    await using shop = await openShop()
    await shop.stripe.paymentIntents.create({ amount: 1000, currency: 'usd' })
    const [event] = await shop.hooks.until('payment_intent.created')
    await shop.control(`events/${event?.id}/resend`, {})
    const [, again] = await shop.hooks.until('payment_intent.created', 2)
    assert.equal(again?.id, event?.id)
  })

  it('are signed by both secrets while one replaces the other', async () => {
    await using shop = await openShop()
    await shop.control('webhooks/rotate', { secret: 'whsec_next', expiresInSeconds: 60 })
    await shop.stripe.paymentIntents.create({ amount: 1000, currency: 'usd' })
    await shop.hooks.until('payment_intent.created')
    assert.equal(shop.hooks.signatures[0]?.match(/v1=/g)?.length, 2)
    shop.hooks.secret = 'whsec_next'
    await shop.stripe.paymentIntents.create({ amount: 1000, currency: 'usd' })
    await shop.hooks.until('payment_intent.created', 2)
    await shop.control('webhooks/rotate', { secret: 'whsec_last', expiresInSeconds: 0 })
    shop.hooks.secret = 'whsec_last'
    await shop.stripe.paymentIntents.create({ amount: 1000, currency: 'usd' })
    await shop.hooks.until('payment_intent.created', 3)
    assert.equal(shop.hooks.signatures.at(-1)?.match(/v1=/g)?.length, 1)
  })

  it('go to endpoints made through the API, for the types they ask for', async () => {
    await using shop = await openShop({ webhookUrl: undefined, webhookSecret: undefined })
    const { stripe, hooks } = shop
    const endpoint = await stripe.webhookEndpoints.create({
      url: hooks.url,
      enabled_events: ['charge.succeeded'],
    })
    hooks.secret = String(endpoint.secret)
    assert.equal((await stripe.webhookEndpoints.retrieve(endpoint.id)).secret, undefined)
    await authorize(stripe)
    await hooks.until('charge.succeeded')
    assert.equal(hooks.events.length, 1)
    assert.equal((await stripe.webhookEndpoints.del(endpoint.id)).deleted, true)
    assert.equal((await stripe.webhookEndpoints.list()).data.length, 0)
    assert.equal((await refusalOf(stripe.webhookEndpoints.del(endpoint.id))).code, 'resource_missing')
  })
})
