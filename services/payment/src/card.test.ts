import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { newId } from '@storewright/kernel/ids'
import { asSystem, refusalOf } from '@storewright/rpc/testing'
import { CARDS, SECRET_KEY, startWithStripe, until } from './test-stripe.ts'

let shop: Awaited<ReturnType<typeof startWithStripe>>

before(async () => {
  shop = await startWithStripe()
})
after(() => shop.stop())

const eur = (amount: number) => ({ amount, currency: 'EUR' as const })

suite('the payment page', () => {
  test('is one page per attempt, however often and at once it is opened', async () => {
    const checkoutId = newId('checkout')
    const first = await shop.open(checkoutId)
    assert.equal(first.payment.state, 'pending')
    const again = await Promise.all([shop.open(checkoutId), shop.open(checkoutId)])
    for (const { page, payment } of again) {
      assert.equal(page.url, first.page.url)
      assert.equal(payment.paymentId, first.payment.paymentId)
    }
  })

  test('paid there is authorized here, with the card and the day it must be captured by', async () => {
    const { page, payment } = await shop.open()
    assert.equal((await shop.sync(payment.checkoutId)).state, 'pending')
    assert.equal(await shop.payOn(page.url), 303)
    const paid = await shop.sync(payment.checkoutId)
    assert.equal(paid.state, 'authorized')
    assert.deepEqual(paid.card, { brand: 'visa', last4: '4242' })
    assert.ok(paid.captureBefore && Date.parse(paid.captureBefore) > Date.now() + 86_400_000)
    assert.deepEqual(await shop.events(payment.paymentId), ['payment.authorized'])
  })

  test('takes another card after a decline', async () => {
    const { page, payment } = await shop.open()
    assert.equal(await shop.payOn(page.url, CARDS.declined), 402)
    const declined = await shop.sync(payment.checkoutId)
    assert.equal(declined.state, 'pending')
    assert.match(declined.failure ?? '', /declined/)
    assert.equal(await shop.payOn(page.url), 303)
    assert.equal((await shop.sync(payment.checkoutId)).state, 'authorized')
  })

  test('once closed cannot be paid, and closing one that was paid says so', async () => {
    const left = await shop.open()
    const at = { checkoutId: left.payment.checkoutId, attempt: 1 }
    assert.equal((await shop.client.closePaymentPage(at, asSystem())).state, 'voided')
    assert.notEqual(await shop.payOn(left.page.url), 303)
    assert.equal((await shop.sync(at.checkoutId)).state, 'voided')
    assert.equal(await refusalOf(shop.open(at.checkoutId)), 'payment-state')

    const paid = await shop.open()
    await shop.payOn(paid.page.url)
    const { checkoutId } = paid.payment
    const closed = await shop.client.closePaymentPage({ checkoutId, attempt: 1 }, asSystem())
    assert.equal(closed.state, 'authorized')
  })

  test('voided gives the authorization back; a void before the page is final', async () => {
    const paid = await shop.authorized()
    const at = { checkoutId: paid.checkoutId, attempt: 1 }
    assert.deepEqual(await shop.client.voidPayment(at, asSystem()), { voided: true })
    assert.deepEqual(await shop.client.voidPayment(at, asSystem()), { voided: false })
    assert.equal((await shop.sync(paid.checkoutId)).state, 'voided')
    assert.equal(
      await refusalOf(shop.client.capturePayment({ paymentId: paid.paymentId }, asSystem())),
      'payment-state',
    )

    const early = { checkoutId: newId('checkout'), attempt: 1 }
    assert.deepEqual(await shop.client.voidPayment(early, asSystem()), { voided: false })
    assert.equal(await refusalOf(shop.open(early.checkoutId)), 'payment-state')
  })

  for (const lost of ['before', 'after'] as const)
    test(`a fault ${lost} the page was made leads to a page`, async () => {
      const checkoutId = newId('checkout')
      await shop.fault({ match: 'POST /v1/checkout/sessions', effect: lost, answer: 500, times: 1 })
      await assert.rejects(shop.open(checkoutId))
      const { page, payment } = await shop.open(checkoutId)
      await shop.payOn(page.url)
      assert.equal((await shop.sync(checkoutId)).state, 'authorized')
      const { calls } = await shop.client.getPayment({ paymentId: payment.paymentId }, asSystem())
      assert.deepEqual(
        calls.map(({ kind, state }) => [kind, state]),
        [
          ['open-page', 'faulted'],
          ['open-page', 'done'],
        ],
      )
    })

  test('refused by the provider is over at once: nothing is asked again, nothing waits for a page to end', async () => {
    const checkoutId = newId('checkout')
    // Below Stripe's minimum of half a euro.
    const refused = shop.open(checkoutId, 10)
    assert.equal(await refusalOf(refused), 'provider-refused')
    assert.deepEqual(await shop.client.voidPayment({ checkoutId, attempt: 1 }, asSystem()), { voided: false })
    assert.equal((await shop.sync(checkoutId)).state, 'voided')
    assert.equal(await refusalOf(shop.open(checkoutId, 10)), 'payment-state')
    assert.deepEqual(
      await shop.database.query(`select state from provider_call where command = $1`, [
        `${checkoutId}:page:1`,
      ]),
      [{ state: 'refused' }],
    )
  })

  test('asked for again after a long outage has its time from then on', async () => {
    const checkoutId = newId('checkout')
    // The library repeats a request once by itself when its connection was reset.
    await shop.fault({ match: 'POST /v1/checkout/sessions', effect: 'before', answer: 'reset', times: 2 })
    await assert.rejects(shop.open(checkoutId))
    await shop.database.query(
      `update payment set page_expires_at = page_expires_at - interval '20 minutes' where checkout_id = $1`,
      [checkoutId],
    )
    const { page } = await shop.open(checkoutId)
    assert.ok(Date.parse(page.expiresAt) > Date.now() + 30 * 60_000)
    assert.equal(await shop.payOn(page.url), 303)
    assert.equal((await shop.sync(checkoutId)).state, 'authorized')
  })

  test('a payment of another amount at the provider is not taken for ours', async () => {
    const { page, payment } = await shop.open()
    await shop.payOn(page.url)
    await shop.database.query('update payment set amount = 4201 where payment_id = $1', [payment.paymentId])
    await assert.rejects(shop.sync(payment.checkoutId), /amount is 4200, not 4201/)
    const { state } = await shop.client.getPayment({ paymentId: payment.paymentId }, asSystem())
    assert.equal(state, 'pending')
  })
})

test('what costs nothing is not asked of the provider', async () => {
  const free = {
    checkoutId: newId('checkout'),
    attempt: 1,
    method: 'card' as const,
    amount: eur(0),
    country: 'DE',
  }
  const payment = await shop.client.authorizePayment(free, asSystem())
  assert.deepEqual([payment.state, payment.provider], ['authorized', 'manual'])
  const dear = { ...free, checkoutId: newId('checkout'), amount: eur(1) }
  assert.equal(await refusalOf(shop.client.authorizePayment(dear, asSystem())), 'method-not-offered')
})

suite('capture', () => {
  test('takes the money once, however often it is asked', async () => {
    const { paymentId } = await shop.authorized()
    const results = await Promise.allSettled(
      Array.from({ length: 5 }, () => shop.client.capturePayment({ paymentId }, asSystem())),
    )
    assert.ok(results.some(({ status }) => status === 'fulfilled'))
    const captured = await shop.client.capturePayment({ paymentId }, asSystem())
    assert.equal(captured.state, 'captured')
    assert.deepEqual(captured.capturedAmount, eur(4200))
    assert.deepEqual(await shop.events(paymentId), ['payment.authorized', 'payment.captured'])
    assert.deepEqual(await shop.books(paymentId), { ledger: 4200, provider: 4200 })
  })

  test('of a part gives the rest up', async () => {
    const { paymentId } = await shop.authorized()
    const captured = await shop.client.capturePayment({ paymentId, amount: eur(1000) }, asSystem())
    assert.deepEqual(captured.capturedAmount, eur(1000))
    assert.deepEqual(captured.refundedAmount, eur(0))
    assert.deepEqual(await shop.books(paymentId), { ledger: 1000, provider: 1000 })
    assert.equal(await refusalOf(shop.refund(paymentId, 1001)), 'invalid-input')
  })

  test('refuses more than is authorized, another currency, and what is not authorized', async () => {
    const { paymentId } = await shop.authorized()
    const tooMuch = { paymentId, amount: eur(4201) }
    assert.equal(await refusalOf(shop.client.capturePayment(tooMuch, asSystem())), 'invalid-input')
    const dollars = { paymentId, amount: { amount: 100, currency: 'USD' as const } }
    assert.equal(await refusalOf(shop.client.capturePayment(dollars, asSystem())), 'invalid-input')
    const { payment } = await shop.open()
    const pending = { paymentId: payment.paymentId }
    assert.equal(await refusalOf(shop.client.capturePayment(pending, asSystem())), 'payment-state')
  })

  for (const effect of ['before', 'after'] as const)
    test(`answered with a fault ${effect} it was made is made once`, async () => {
      const { paymentId } = await shop.authorized()
      await shop.fault({ match: 'POST /v1/payment_intents/*/capture', effect, answer: 500, times: 1 })
      if (effect === 'before') await assert.rejects(shop.client.capturePayment({ paymentId }, asSystem()))
      assert.equal((await shop.client.capturePayment({ paymentId }, asSystem())).state, 'captured')
      assert.deepEqual(await shop.books(paymentId), { ledger: 4200, provider: 4200 })
    })

  test('that the provider refuses is said, and may be tried again', async () => {
    const { paymentId } = await shop.authorized()
    await shop.fault({ match: 'POST /v1/payment_intents/*/capture', effect: 'before', answer: 402, times: 1 })
    const refused = await shop.client.capturePayment({ paymentId }, asSystem())
    assert.equal(refused.state, 'capture-failed')
    assert.ok(refused.failure)
    assert.equal((await shop.client.capturePayment({ paymentId }, asSystem())).state, 'captured')
    assert.deepEqual(await shop.events(paymentId), [
      'payment.authorized',
      'payment.capture-failed',
      'payment.captured',
    ])
  })
})

suite('refunds', () => {
  test('never exceed what was captured, however many come at once', async () => {
    const { paymentId } = await shop.captured()
    const results = await Promise.all(
      Array.from({ length: 10 }, () => refusalOf(shop.refund(paymentId, 1000))),
    )
    assert.equal(results.filter(result => result === 'no refusal').length, 4)
    assert.equal(results.filter(result => result === 'invalid-input').length, 6)
    assert.deepEqual(await shop.books(paymentId), { ledger: 200, provider: 200 })
  })

  test('the same key is the same refund, another body under it is refused', async () => {
    const { paymentId } = await shop.captured()
    const key = crypto.randomUUID()
    const [first, second] = [await shop.refund(paymentId, 700, key), await shop.refund(paymentId, 700, key)]
    assert.equal(first.refundId, second.refundId)
    assert.equal(await refusalOf(shop.refund(paymentId, 800, key)), 'idempotency-key-reused')
    assert.deepEqual(await shop.books(paymentId), { ledger: 3500, provider: 3500 })
  })

  for (const lost of ['before', 'after'] as const)
    test(`a fault ${lost} it was made makes no second one`, async () => {
      const { paymentId } = await shop.captured()
      const key = crypto.randomUUID()
      await shop.fault({ match: 'POST /v1/refunds', effect: lost, answer: 500, times: 1 })
      if (lost === 'before') await assert.rejects(shop.refund(paymentId, 700, key))
      assert.equal((await shop.refund(paymentId, 700, key)).state, 'succeeded')
      assert.deepEqual(await shop.books(paymentId), { ledger: 3500, provider: 3500 })
    })

  test('one that the provider refuses frees its amount', async () => {
    const { paymentId } = await shop.captured()
    await shop.fault({ match: 'POST /v1/refunds', effect: 'before', answer: 400, times: 1 })
    assert.equal(await refusalOf(shop.refund(paymentId, 4200)), 'provider-refused')
    assert.equal((await shop.refund(paymentId, 4200)).state, 'succeeded')
    assert.deepEqual(await shop.books(paymentId), { ledger: 0, provider: 0 })
  })

  test('one that fails days later is booked back', async () => {
    const { paymentId, checkoutId } = await shop.captured(CARDS.refundFails)
    const refund = await shop.refund(paymentId, 4200)
    const failed = await until(async () => {
      await shop.sync(checkoutId)
      const { refunds } = await shop.client.getPayment({ paymentId }, asSystem())
      return refunds.find(({ refundId, state }) => refundId === refund.refundId && state === 'failed')
    }, 'the refund fails')
    assert.ok(failed.failure)
    assert.deepEqual((await shop.sync(checkoutId)).refundedAmount, eur(0))
    assert.deepEqual(await shop.books(paymentId), { ledger: 4200, provider: 4200 })
  })

  test('the database itself refuses one too many', async () => {
    const { paymentId } = await shop.captured()
    await assert.rejects(
      shop.database.query('update payment set refunded_amount = 4201 where payment_id = $1', [paymentId]),
      /payment_refunded_within_captured/,
    )
  })
})

for (const effect of ['before', 'after'] as const)
  test(`connections cut ${effect} each command leave one payment, one capture, one refund`, async () => {
    // The SDK repeats a cut request once by itself, with the same key.
    await shop.fault({ match: 'POST /v1/**', effect, answer: 'reset', times: 2 })
    const checkoutId = newId('checkout')
    const opened = await again(() => shop.open(checkoutId))
    await shop.payOn(opened.page.url)
    const { paymentId } = await shop.sync(checkoutId)
    await shop.fault({ match: 'POST /v1/**', effect, answer: 'reset', times: 2 })
    await again(() => shop.client.capturePayment({ paymentId }, asSystem()))
    await shop.fault({ match: 'POST /v1/**', effect, answer: 'reset', times: 2 })
    const key = crypto.randomUUID()
    await again(() => shop.refund(paymentId, 700, key))
    assert.deepEqual(await shop.books(paymentId), { ledger: 3500, provider: 3500 })
  })

async function again<Result>(work: () => Promise<Result>): Promise<Result> {
  return work().catch(work)
}

suite('disputes and the ledger', () => {
  test('a dispute takes the money out of the ledger and blocks refunds', async () => {
    const { paymentId, checkoutId } = await shop.captured(CARDS.disputed)
    await until(async () => (await shop.sync(checkoutId)).disputedAmount.amount === 4200, 'the dispute')
    assert.equal(await refusalOf(shop.refund(paymentId, 100)), 'payment-state')
    assert.deepEqual(await shop.books(paymentId), { ledger: 0, provider: 0 })
  })

  for (const [evidence, verdict, left] of [
    ['winning_evidence', 'won', 4200],
    ['losing_evidence', 'lost', 0],
  ] as const)
    test(`a dispute that is ${verdict} leaves ${left} with the merchant, each turn booked once`, async () => {
      const { paymentId, checkoutId } = await shop.captured(CARDS.disputed)
      await until(async () => (await shop.sync(checkoutId)).disputedAmount.amount === 4200, 'the dispute')
      const { disputes } = await shop.client.getPayment({ paymentId }, asSystem())
      const answer = await fetch(`${shop.sandbox.url}/v1/disputes/${disputes[0]?.providerReference}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${SECRET_KEY}` },
        body: new URLSearchParams({ 'evidence[uncategorized_text]': evidence, submit: 'true' }),
      })
      assert.equal(answer.status, 200)
      const stateNow = async () => {
        await shop.sync(checkoutId)
        return (await shop.client.getPayment({ paymentId }, asSystem())).disputes[0]?.state
      }
      await until(async () => (await stateNow()) === verdict, 'the verdict')
      await Promise.all([shop.sync(checkoutId), shop.sync(checkoutId)])
      const { disputedAmount, ledger } = await shop.client.getPayment({ paymentId }, asSystem())
      assert.deepEqual(disputedAmount, eur(4200 - left))
      assert.equal(ledger.filter(({ kind }) => kind === `dispute-${verdict}`).length, 2)
      assert.equal(
        ledger.reduce((sum, { account, amount }) => (account === 'disputed' ? sum + amount.amount : sum), 0),
        0,
      )
      assert.deepEqual(await shop.books(paymentId), { ledger: left, provider: left })
    })

  test('entries that do not sum to zero are refused, and none is ever changed', async () => {
    const { paymentId } = await shop.captured()
    await assert.rejects(
      shop.database.transaction(async sql => {
        await sql.query(
          `insert into transfer (transfer_id, payment_id, kind, cause) values ('trf_x', $1, 'refund', 'x')`,
          [paymentId],
        )
        await sql.query(`insert into ledger_entry values ('trf_x', 'customer', 5, 'EUR')`)
      }),
      /does not balance/,
    )
    await assert.rejects(shop.database.query('update ledger_entry set amount = 1'), /append-only/)
    await assert.rejects(shop.database.query('delete from transfer'), /append-only/)
  })
})
