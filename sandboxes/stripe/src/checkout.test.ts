import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type Stripe from 'stripe'
import { openSession, openShop, refusalOf, submit, type TestShop, VISA } from './test-shop.ts'

let shop: TestShop
let stripe: Stripe
before(async () => {
  shop = await openShop()
  stripe = shop.stripe
})
after(() => shop[Symbol.asyncDispose]())

describe('a checkout session', () => {
  it('is paid on its page, which makes the payment intent then', async () => {
    const session = await openSession(stripe, {
      customer_email: 'ada@example.com',
      client_reference_id: 'chk_1',
    })
    assert.equal(session.status, 'open')
    assert.equal(session.payment_intent, null)
    assert.equal(session.amount_total, 2500)
    const page = await fetch(String(session.url))
    const text = await page.text()
    assert.match(text, /Walnut bowl/)
    assert.match(text, /€25\.00/)
    assert.match(text, /ada@example\.com/)
    assert.doesNotMatch(text, /<script/)
    const answer = await submit(String(session.url), VISA)
    assert.equal(answer.status, 303)
    assert.equal(answer.headers.get('location'), `http://shop.example/return?session=${session.id}`)
    const done = await stripe.checkout.sessions.retrieve(session.id, {
      expand: ['payment_intent.latest_charge'],
    })
    assert.equal(done.status, 'complete')
    assert.equal(done.payment_status, 'paid')
    assert.equal(done.url, null)
    const intent = done.payment_intent as Stripe.PaymentIntent
    assert.equal(intent.status, 'requires_capture')
    assert.deepEqual(intent.metadata, { checkoutId: 'chk_1' })
    assert.equal((intent.latest_charge as Stripe.Charge).billing_details.name, 'Ada Lovelace')
    const listed = await stripe.checkout.sessions.list({ payment_intent: intent.id })
    assert.deepEqual(
      listed.data.map(({ id }) => id),
      [session.id],
    )
    assert.equal((await stripe.checkout.sessions.listLineItems(session.id)).data[0]?.quantity, 2)
    const [event] = await shop.hooks.until('checkout.session.completed')
    assert.equal((event?.data.object as Stripe.Checkout.Session | undefined)?.id, session.id)
  })

  it('can be paid in one of two tabs only', async () => {
    const session = await openSession(stripe)
    const url = String(session.url)
    const answers = await Promise.all([submit(url, VISA), submit(url, VISA)])
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 303])
    const loser = answers.find(({ status }) => status === 200)
    assert.match(String(await loser?.text()), /Already paid/)
    const { data } = await stripe.charges.list({ payment_intent: await intentOf(session.id) })
    assert.equal(data.length, 1)
  })

  it('says what is wrong and lets the customer try again', async () => {
    const session = await openSession(stripe)
    const url = String(session.url)
    const wrong: [Partial<typeof VISA>, RegExp][] = [
      [{ card_number: '4000000000000002' }, /Your card was declined\./],
      [{ card_number: '4000000000009995' }, /insufficient funds/],
      [{ card_number: '4012888888881881' }, /non test card/],
      [{ card_number: '4242424242424241' }, /card number is invalid/],
      [{ expiry: '01/20' }, /in the past/],
      [{ cvc: '1' }, /security code is incomplete/],
      [{ email: 'nobody' }, /email address is incomplete/],
      [{ name: ' ' }, /name on the card/],
    ]
    for (const [change, message] of wrong) {
      const answer = await submit(url, { ...VISA, ...change })
      assert.equal(answer.status, 402)
      const text = await answer.text()
      assert.match(text, message)
      assert.doesNotMatch(text, /value="4/)
    }
    assert.equal((await stripe.checkout.sessions.retrieve(session.id)).status, 'open')
    assert.equal((await submit(url, VISA)).status, 303)
    const { data } = await stripe.charges.list({ payment_intent: await intentOf(session.id) })
    assert.deepEqual(
      data.map(({ status }) => status),
      ['succeeded', 'failed', 'failed', 'failed'],
    )
  })

  it('leads through 3-D Secure', async () => {
    const session = await openSession(stripe)
    const card = { ...VISA, card_number: '4000000000003220' }
    const first = await submit(String(session.url), card)
    const firstPage = String(first.headers.get('location'))
    const failed = await submit(firstPage, { decision: 'fail' })
    assert.equal(failed.headers.get('location'), session.url)
    assert.match(await (await fetch(String(session.url))).text(), /unable to authenticate/)
    const second = await submit(String(session.url), card)
    assert.equal((await submit(firstPage, { decision: 'complete' })).status, 410)
    const passed = await submit(String(second.headers.get('location')), { decision: 'complete' })
    assert.match(String(passed.headers.get('location')), /^http:\/\/shop\.example\/return/)
    assert.equal((await stripe.checkout.sessions.retrieve(session.id)).payment_status, 'paid')
  })

  it('expires when told to, once, and takes its payment intent along', async () => {
    const session = await openSession(stripe)
    const url = String(session.url)
    await submit(url, { ...VISA, card_number: '4000000000003220' })
    const intent = await intentOf(session.id)
    for (const attempt of [
      stripe.paymentIntents.cancel(intent),
      stripe.paymentIntents.confirm(intent, { payment_method: 'pm_card_visa' }),
    ])
      assert.equal((await refusalOf(attempt)).code, 'payment_intent_unexpected_state')
    const expired = await stripe.checkout.sessions.expire(session.id)
    assert.equal(expired.status, 'expired')
    assert.equal((await stripe.paymentIntents.retrieve(intent)).status, 'canceled')
    const again = await refusalOf(stripe.checkout.sessions.expire(session.id))
    assert.match(again.message, /Only Checkout Sessions with a status in \["open"\] can be expired/)
    const page = await fetch(url)
    assert.equal(page.status, 410)
    assert.match(await page.text(), /has expired/)
    assert.equal((await submit(url, VISA)).status, 410)
  })

  it('expires by the clock', async () => {
    const session = await openSession(stripe, { expires_at: Math.floor(Date.now() / 1000) + 1860 })
    await shop.control('clock', { advanceSeconds: 1800 })
    assert.equal((await stripe.checkout.sessions.retrieve(session.id)).status, 'open')
    await shop.control('clock', { advanceSeconds: 61 })
    assert.equal((await stripe.checkout.sessions.retrieve(session.id)).status, 'expired')
    const events = await shop.hooks.until('checkout.session.expired')
    assert.ok(events.some(event => (event.data.object as { id: string }).id === session.id))
  })

  it('charges the shipping that is chosen', async () => {
    const rate = (amount: number, name: string) => ({
      shipping_rate_data: {
        type: 'fixed_amount' as const,
        display_name: name,
        fixed_amount: { amount, currency: 'eur' },
      },
    })
    const session = await openSession(stripe, {
      shipping_options: [rate(490, 'Standard'), rate(1290, 'Express')],
    })
    assert.equal(session.amount_total, 2990)
    const url = String(session.url)
    const express = { ...VISA, shipping_rate: String(session.shipping_options[1]?.shipping_rate) }
    // Nobody pays a total that was not on the page.
    const changed = await submit(url, { ...express, shown_total: '2990' })
    assert.match(await changed.text(), /The total is now €37\.90/)
    const looked = await submit(url, { ...express, shown_total: '3790', update: '1' })
    assert.equal(looked.status, 402)
    assert.equal((await stripe.checkout.sessions.retrieve(session.id)).payment_intent, null)
    assert.equal((await submit(url, { ...express, shown_total: '3790' })).status, 303)
    const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['payment_intent'] })
    assert.equal(done.amount_total, 3790)
    assert.equal((done.payment_intent as Stripe.PaymentIntent).amount, 3790)
  })

  it('of nothing needs no card', async () => {
    const price_data = { currency: 'eur', unit_amount: 0, product_data: { name: 'Sample' } }
    const session = await openSession(stripe, { line_items: [{ price_data, quantity: 1 }] })
    assert.equal((await submit(String(session.url), { email: 'ada@example.com' })).status, 303)
    const done = await stripe.checkout.sessions.retrieve(session.id)
    assert.equal(done.payment_status, 'no_payment_required')
    assert.equal(done.payment_intent, null)
  })
})

describe('a checkout session is refused', () => {
  const now = () => Math.floor(Date.now() / 1000)
  const item = (unit_amount: number, currency = 'eur') => ({
    quantity: 1,
    price_data: { currency, unit_amount, product_data: { name: 'Thing' } },
  })
  const attempts: [string, Partial<Stripe.Checkout.SessionCreateParams>, { code?: string; param?: string }][] = [
    ['without line items', { line_items: [] }, { code: 'parameter_missing', param: 'line_items' }],
    ['without a place to return to', { success_url: undefined as never }, { code: 'parameter_missing', param: 'success_url' }],
    ['with an address that is none', { success_url: 'shop' }, { code: 'url_invalid' }],
    ['with an email that is none', { customer_email: 'ada' }, { code: 'email_invalid' }],
    ['that lasts less than 30 minutes', { expires_at: now() + 1000 }, { param: 'expires_at' }],
    ['that lasts more than a day', { expires_at: now() + 4 * 86_400 }, { param: 'expires_at' }],
    ['under the minimum', { line_items: [item(49)] }, { code: 'amount_too_small' }],
    ['in two currencies', { line_items: [item(900), item(900, 'usd')] }, { param: 'line_items' }],
    ['in thousandths of a dinar', { line_items: [item(9005, 'kwd')] }, { code: 'parameter_invalid_integer' }],
    ['for a price that is not there', { line_items: [{ price: 'price_1', quantity: 1 }] }, { code: 'resource_missing' }],
    ['for a customer that is not there', { customer: 'cus_1' }, { code: 'resource_missing', param: 'customer' }],
    ['for a subscription', { mode: 'subscription' }, { code: 'sandbox_unsupported' }],
    ['with automatic tax', { automatic_tax: { enabled: true } }, { code: 'sandbox_unsupported' }],
    ['with an unknown part', { payment_intent_data: { nonsense: '1' } as never }, { code: 'parameter_unknown', param: 'payment_intent_data[nonsense]' }],
  ] // biome-ignore format: a table
  for (const [what, change, expected] of attempts)
    it(what, async () => {
      const error = await refusalOf(openSession(stripe, change))
      assert.ok(error.statusCode === 400 || error.statusCode === 404)
      if (expected.code !== undefined) assert.equal(error.code, expected.code, error.message)
      if (expected.param !== undefined) assert.equal(error.param, expected.param, error.message)
    })
})

async function intentOf(sessionId: string): Promise<string> {
  const { payment_intent: intent } = await stripe.checkout.sessions.retrieve(sessionId)
  assert.ok(typeof intent === 'string')
  return intent
}
