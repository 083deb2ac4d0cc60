import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import Stripe from 'stripe'
import { authorize, clientOf, openSession, openShop, pay, refusalOf, type TestShop } from './test-shop.ts'

let shop: TestShop
let stripe: Stripe
before(async () => {
  shop = await openShop()
  stripe = shop.stripe
})
after(() => shop[Symbol.asyncDispose]())

describe('paying through the API', () => {
  it('authorizes, then captures once', async () => {
    const intent = await authorize(stripe)
    assert.equal(intent.status, 'requires_capture')
    assert.equal(intent.amount_capturable, 5000)
    const captured = await stripe.paymentIntents.capture(intent.id, {
      expand: ['latest_charge.balance_transaction'],
    })
    assert.equal(captured.status, 'succeeded')
    assert.equal(captured.amount_received, 5000)
    const charge = captured.latest_charge as Stripe.Charge
    const transaction = charge.balance_transaction as Stripe.BalanceTransaction
    assert.equal(transaction.net, 5000 - 175)
    const again = await refusalOf(stripe.paymentIntents.capture(intent.id))
    assert.equal(again.code, 'payment_intent_unexpected_state')
    assert.equal(again.statusCode, 400)
    assert.match(again.message, /status of succeeded/)
    assert.equal(again.payment_intent?.id, intent.id)
  })

  it('tells until when an authorization can be captured', async () => {
    const intent = await authorize(stripe)
    const charge = await stripe.charges.retrieve(String(intent.latest_charge))
    const until = charge.payment_method_details?.card?.capture_before
    assert.equal(until, charge.created + 7 * 86_400)
    assert.equal(charge.captured, false)
    await stripe.paymentIntents.capture(intent.id)
    const captured = await stripe.charges.retrieve(charge.id)
    assert.equal(captured.payment_method_details?.card?.capture_before, undefined)
  })

  it('captures a part and releases the rest', async () => {
    const intent = await authorize(stripe)
    const more = await refusalOf(stripe.paymentIntents.capture(intent.id, { amount_to_capture: 5001 }))
    assert.equal(more.code, 'amount_too_large')
    const captured = await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 1200 })
    assert.equal(captured.amount_received, 1200)
    assert.equal(captured.amount_capturable, 0)
    const charge = await stripe.charges.retrieve(String(captured.latest_charge))
    assert.equal(charge.amount_captured, 1200)
    assert.equal(charge.amount_refunded, 3800)
  })

  it('captures at once unless told to wait, and settles a little later', async () => {
    const intent = await stripe.paymentIntents.create({
      amount: 2000,
      currency: 'usd',
      confirm: true,
      payment_method: 'pm_card_mastercard',
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    })
    assert.equal(intent.status, 'succeeded')
    const [event] = await shop.hooks.until('charge.updated')
    const charge = event?.data.object as Stripe.Charge
    assert.equal(charge.id, intent.latest_charge)
    assert.match(String(charge.balance_transaction), /^txn_/)
  })

  it('cancels an authorization, but not a payment', async () => {
    const intent = await authorize(stripe)
    const canceled = await stripe.paymentIntents.cancel(intent.id, { cancellation_reason: 'abandoned' })
    assert.equal(canceled.status, 'canceled')
    const charge = await stripe.charges.retrieve(String(intent.latest_charge))
    assert.equal(charge.refunded, true)
    assert.equal(
      (await refusalOf(stripe.paymentIntents.capture(intent.id))).code,
      'payment_intent_unexpected_state',
    )
    const paid = await pay(stripe)
    const refused = await refusalOf(stripe.paymentIntents.cancel(paid.id))
    assert.equal(refused.code, 'payment_intent_unexpected_state')
  })

  it('declines with the reason of the card, and takes another card', async () => {
    const error = await refusalOf(authorize(stripe, 5000, 'pm_card_visa_chargeDeclinedInsufficientFunds'))
    assert.ok(error instanceof Stripe.errors.StripeCardError)
    assert.equal(error.statusCode, 402)
    assert.equal(error.code, 'card_declined')
    assert.equal(error.decline_code, 'insufficient_funds')
    const intent = error.payment_intent as Stripe.PaymentIntent
    assert.equal(intent.status, 'requires_payment_method')
    const stored = await stripe.paymentIntents.retrieve(intent.id, { expand: ['latest_charge'] })
    assert.equal((stored.latest_charge as Stripe.Charge).status, 'failed')
    assert.equal(stored.last_payment_error?.decline_code, 'insufficient_funds')
    const paid = await stripe.paymentIntents.confirm(intent.id, {
      payment_method: 'pm_card_visa',
      return_url: 'http://shop.example/return',
    })
    assert.equal(paid.status, 'requires_capture')
  })

  it('waits for 3-D Secure, whichever way it ends', async () => {
    const asking = () =>
      stripe.paymentIntents.create({
        amount: 3000,
        currency: 'usd',
        confirm: true,
        payment_method: 'pm_card_threeDSecure2Required',
        automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
        return_url: 'http://shop.example/return',
      })
    for (const [decision, status] of [
      ['complete', 'succeeded'],
      ['fail', 'requires_payment_method'],
    ] as const) {
      const intent = await asking()
      assert.equal(intent.status, 'requires_action')
      const url = String(intent.next_action?.redirect_to_url?.url)
      assert.equal((await fetch(url)).status, 200)
      const answer = await fetch(url, {
        method: 'POST',
        body: new URLSearchParams({ decision }),
        redirect: 'manual',
      })
      assert.equal(answer.status, 303)
      const address = new URL(String(answer.headers.get('location')))
      assert.equal(address.searchParams.get('payment_intent'), intent.id)
      assert.equal(
        address.searchParams.get('redirect_status'),
        decision === 'complete' ? 'succeeded' : 'failed',
      )
      const after = await stripe.paymentIntents.retrieve(intent.id)
      assert.equal(after.status, status)
      if (decision === 'fail')
        assert.equal(after.last_payment_error?.code, 'payment_intent_authentication_failure')
      assert.equal((await fetch(url, { method: 'POST' })).status, 410)
    }
  })

  it('declines a card that must authenticate when nobody is there', async () => {
    const error = await refusalOf(
      stripe.paymentIntents.create({
        amount: 3000,
        currency: 'usd',
        confirm: true,
        off_session: true,
        payment_method: 'pm_card_authenticationRequired',
        automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      }),
    )
    assert.equal(error.code, 'authentication_required')
  })
})

describe('API versions', () => {
  it('know the parameters and fields of their release', async () => {
    const intent = await stripe.paymentIntents.create({
      amount: 5000,
      currency: 'usd',
      payment_method_types: ['card'],
    })
    assert.equal(intent.automatic_payment_methods, null)
    const session = await openSession(stripe, { payment_method_types: ['card'] })
    assert.equal('allowed_payment_method_types' in session, false)
    const endive = clientOf(shop.sandbox.port, { apiVersion: '2026-10-28.endive' as never })
    const before = { amount: 5000, currency: 'usd', payment_method_types: ['card'] }
    assert.equal((await refusalOf(endive.paymentIntents.create(before))).code, 'parameter_unknown')
    const allowed = { allowed_payment_method_types: ['card'] } as object
    assert.ok('allowed_payment_method_types' in (await openSession(endive, allowed)))
  })
})

describe('refusing what Stripe refuses', () => {
  const base = { amount: 5000, currency: 'usd' } as const
  const attempts: [string, () => Promise<unknown>, Partial<{ code: string; param: string; statusCode: number }>][] = [
    ['an unknown parameter', () => stripe.paymentIntents.create({ ...base, nonsense: 1 } as never), { code: 'parameter_unknown', param: 'nonsense' }],
    ['a missing parameter', () => stripe.paymentIntents.create({ amount: 5000 } as never), { code: 'parameter_missing', param: 'currency' }],
    ['an amount that is no number', () => stripe.paymentIntents.create({ ...base, amount: 12.5 }), { code: 'parameter_invalid_integer', param: 'amount' }],
    ['less than the minimum', () => stripe.paymentIntents.create({ ...base, amount: 49 }), { code: 'amount_too_small', param: 'amount' }],
    ['more than the maximum', () => stripe.paymentIntents.create({ ...base, amount: 100_000_000 }), { code: 'amount_too_large' }],
    ['an unknown currency', () => stripe.paymentIntents.create({ ...base, currency: 'xqq' }), { param: 'currency' }],
    ['a third decimal that is not 0', () => stripe.paymentIntents.create({ amount: 5005, currency: 'kwd' }), { param: 'amount' }],
    ['a payment method that is not there', () => stripe.paymentIntents.create({ ...base, payment_method: 'pm_nope' }), { code: 'resource_missing', statusCode: 404 }],
    ['a payment intent that is not there', () => stripe.paymentIntents.retrieve('pi_nope'), { code: 'resource_missing', param: 'intent', statusCode: 404 }],
    ['a method other than cards', () => stripe.paymentIntents.create({ ...base, allowed_payment_method_types: ['sepa_debit'] }), { code: 'sandbox_unsupported' }],
    ['confirming without a method', () => stripe.paymentIntents.create({ ...base, confirm: true }), { code: 'payment_intent_unexpected_state' }],
    ['a card number in the API', () => stripe.paymentMethods.create({ type: 'card', card: { number: '4242424242424242', exp_month: 12, exp_year: 2034 } }), { statusCode: 402 }],
    ['expanding what is no object', () => stripe.paymentIntents.create({ ...base, expand: ['amount'] }), { param: 'expand' }],
    ['51 metadata keys', () => stripe.paymentIntents.create({ ...base, metadata: Object.fromEntries(Array.from({ length: 51 }, (_, key) => [`k${key}`, 'x'])) }), { param: 'metadata' }],
  ] // biome-ignore format: a table
  for (const [what, attempt, expected] of attempts)
    it(what, async () => {
      const error = await refusalOf(attempt())
      const { code, param, statusCode } = { statusCode: 400, ...expected }
      assert.equal(error.statusCode, statusCode, error.message)
      if (code !== undefined) assert.equal(error.code, code, error.message)
      if (param !== undefined) assert.equal(error.param, param, error.message)
    })

  it('a return address that redirects would need', async () => {
    const error = await refusalOf(
      stripe.paymentIntents.create({ ...base, confirm: true, payment_method: 'pm_card_visa' }),
    )
    assert.match(error.message, /return_url/)
  })

  it('other keys, no keys, and unknown addresses', async () => {
    const stranger = new Stripe('sk_test_other', {
      host: '127.0.0.1',
      port: shop.sandbox.port,
      protocol: 'http',
    })
    assert.ok(
      (await refusalOf(stranger.account.retrieveCurrent())) instanceof
        Stripe.errors.StripeAuthenticationError,
    )
    assert.equal((await fetch(`${shop.sandbox.url}/v1/account`)).status, 401)
    const basic = `Basic ${Buffer.from('sk_test_sandbox:').toString('base64')}`
    const answer = await fetch(`${shop.sandbox.url}/v1/account`, { headers: { authorization: basic } })
    assert.equal(answer.status, 200)
    assert.match(String(answer.headers.get('request-id')), /^req_/)
    assert.equal((await refusalOf(stripe.customers.create({}))).statusCode, 404)
    const old = clientOf(shop.sandbox.port, { apiVersion: '2020-08-27' as never })
    assert.equal((await refusalOf(old.account.retrieveCurrent())).statusCode, 400)
  })
})
