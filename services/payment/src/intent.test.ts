import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { type Id, newId } from '@storewright/kernel/ids'
import { asSystem, refusalOf } from '@storewright/rpc/testing'
import { startWithStripe, until } from './test-stripe.ts'

const CONFIRM = 'POST /v1/payment_intents/*/confirm'
const SECURE = 'pm_card_threeDSecure2Required'

let shop: Awaited<ReturnType<typeof startWithStripe>>

before(async () => {
  shop = await startWithStripe()
})
after(() => shop.stop())

const at = (checkoutId: Id<'checkout'>) => ({ checkoutId, attempt: 1 })
const confirm = (checkoutId: Id<'checkout'>, paymentToken = 'pm_card_visa') =>
  shop.client.confirmPayment(
    {
      ...at(checkoutId),
      amount: { amount: 4200, currency: 'EUR' },
      paymentToken,
      returnUrl: 'http://shop.test/checkout/1',
    },
    asSystem(),
  )
const sync = (checkoutId: Id<'checkout'>) => shop.client.syncPayment(at(checkoutId), asSystem())
const close = (checkoutId: Id<'checkout'>) => shop.client.closePaymentPage(at(checkoutId), asSystem())
const voidIt = (checkoutId: Id<'checkout'>) => shop.client.voidPayment(at(checkoutId), asSystem())

/** As the holder decides on his bank's page. */
async function decide(url: string, decision: 'complete' | 'fail'): Promise<number> {
  const answer = await fetch(url, {
    method: 'POST',
    body: new URLSearchParams({ decision }),
    redirect: 'manual',
  })
  return answer.status
}

/** What the provider holds for a checkout: intents, and how many of them could be captured. */
async function atProvider(checkoutId: Id<'checkout'>): Promise<{ made: number; live: number }> {
  const answer = await fetch(`${shop.sandbox.url}/_sandbox/books?limit=10000`)
  const { intents } = (await answer.json()) as {
    intents: { metadata: { checkoutId?: string }; capturable: number }[]
  }
  const own = intents.filter(({ metadata }) => metadata.checkoutId === checkoutId)
  return { made: own.length, live: own.filter(({ capturable }) => capturable > 0).length }
}

async function callsOf(checkoutId: Id<'checkout'>): Promise<string[]> {
  const rows = await shop.database.query<{ text: string }>(
    `select kind || ' ' || provider_call.state as text from provider_call join payment using (payment_id)
     where checkout_id = $1 order by provider_call.created_at`,
    [checkoutId],
  )
  return rows.map(({ text }) => text)
}

/** Everything that our own tables hold about a checkout, as text. */
async function stored(checkoutId: Id<'checkout'>): Promise<string> {
  const rows = await shop.database.query<{ text: string }>(
    `select row_to_json(payment)::text || coalesce(string_agg(row_to_json(provider_call)::text, ''), '') as text
     from payment left join provider_call using (payment_id) where checkout_id = $1 group by payment.payment_id`,
    [checkoutId],
  )
  return rows.map(({ text }) => text).join()
}

async function declineOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'no refusal',
    (error: { code?: string; data?: unknown }) => ({ code: error.code, data: error.data }),
  )
}

suite('a card that comes with its order', () => {
  test('is authorized at once; asked again, it is the same authorization', async () => {
    const checkoutId = newId('checkout')
    const { payment, page } = await confirm(checkoutId)
    assert.equal(payment.state, 'authorized')
    assert.equal(page, null)
    assert.deepEqual(payment.card, { brand: 'visa', last4: '4242' })
    assert.ok(payment.captureBefore)
    assert.equal((await confirm(checkoutId)).payment.paymentId, payment.paymentId)
    assert.deepEqual(await atProvider(checkoutId), { made: 1, live: 1 })
    assert.deepEqual(await callsOf(checkoutId), ['create-intent done', 'confirm-intent done'])
    assert.deepEqual(await shop.events(payment.paymentId), ['payment.authorized'])
    const captured = await shop.client.capturePayment({ paymentId: payment.paymentId }, asSystem())
    assert.equal(captured.state, 'captured')
    assert.deepEqual(await shop.books(payment.paymentId), { ledger: 4200, provider: 4200 })
  })

  test('asked for by ten at once is authorized once', async () => {
    const checkoutId = newId('checkout')
    await Promise.allSettled(Array.from({ length: 10 }, () => confirm(checkoutId)))
    await until(async () => (await confirm(checkoutId)).payment.state === 'authorized', 'the authorization')
    assert.deepEqual(await atProvider(checkoutId), { made: 1, live: 1 })
  })

  test('declined is refused with the reason, the same each time, and nothing is left to pay', async () => {
    const checkoutId = newId('checkout')
    const first = await declineOf(confirm(checkoutId, 'pm_card_visa_chargeDeclinedInsufficientFunds'))
    assert.deepEqual(first, {
      code: 'payment-declined',
      data: { reason: 'Your card has insufficient funds.', declineCode: 'insufficient_funds' },
    })
    assert.deepEqual(await declineOf(confirm(checkoutId)), first)
    const { state, decline } = await sync(checkoutId)
    assert.deepEqual([state, decline?.declineCode], ['voided', 'insufficient_funds'])
    assert.deepEqual(await callsOf(checkoutId), ['create-intent done', 'confirm-intent refused', 'void done'])
    assert.deepEqual(await voidIt(checkoutId), { voided: false })
  })

  test('that the provider does not know is refused, without telling its token', async () => {
    const checkoutId = newId('checkout')
    const refusal = await declineOf(confirm(checkoutId, 'pm_card_unheardof'))
    assert.deepEqual(refusal, {
      code: 'payment-declined',
      data: { reason: `No such PaymentMethod: 'pm_…'`, declineCode: null },
    })
    assert.equal((await sync(checkoutId)).state, 'voided')
  })

  test('must be a token: a card number does not come in', async () => {
    for (const wrong of ['4242424242424242', 'tok_visa', 'pm_', 'pm_ü', `pm_${'x'.repeat(300)}`])
      assert.equal(await refusalOf(confirm(newId('checkout'), wrong)), 'invalid-input', wrong)
  })

  test('leaves no token behind once it is used', async () => {
    for (const token of ['pm_card_visa', 'pm_card_visa_chargeDeclined', 'pm_card_unheardof', SECURE]) {
      const checkoutId = newId('checkout')
      await confirm(checkoutId, token).catch(() => {})
      assert.doesNotMatch(await stored(checkoutId), /pm_card/, token)
    }
  })
})

suite('3-D Secure', () => {
  test('completed is authorized, whoever asks', async () => {
    const checkoutId = newId('checkout')
    const { payment, page } = await confirm(checkoutId, SECURE)
    assert.equal(payment.state, 'pending')
    assert.ok(page && Date.parse(page.expiresAt) > Date.now() + 30 * 60_000)
    assert.deepEqual((await confirm(checkoutId, SECURE)).page, page)
    assert.equal((await sync(checkoutId)).state, 'pending')
    assert.equal(await decide(page.url, 'complete'), 303)
    assert.equal((await sync(checkoutId)).state, 'authorized')
    assert.equal((await confirm(checkoutId, SECURE)).payment.state, 'authorized')
    assert.deepEqual(await atProvider(checkoutId), { made: 1, live: 1 })
  })

  test('completed is found by the sweep alone', async () => {
    const checkoutId = newId('checkout')
    const { page, payment } = await confirm(checkoutId, SECURE)
    assert.ok(page)
    await decide(page.url, 'complete')
    await shop.database.query('update payment set sweep_at = now() where checkout_id = $1', [checkoutId])
    await until(
      async () => (await shop.events(payment.paymentId)).includes('payment.authorized'),
      'the sweep',
    )
  })

  for (const [name, token, decision, code] of [
    ['failed', SECURE, 'fail', 'payment_intent_authentication_failure'],
    [
      'completed with a card that is then declined',
      'pm_card_threeDSecureRequiredChargeDeclined',
      'complete',
      'generic_decline',
    ],
  ] as const)
    test(`${name} is the end of the attempt`, async () => {
      const checkoutId = newId('checkout')
      const { page } = await confirm(checkoutId, token)
      assert.ok(page)
      await decide(page.url, decision)
      const { state, decline } = await sync(checkoutId)
      assert.deepEqual([state, decline?.declineCode], ['voided', code])
      assert.equal(await refusalOf(confirm(checkoutId, token)), 'payment-declined')
      assert.deepEqual(await atProvider(checkoutId), { made: 1, live: 0 })
    })

  test('abandoned is closed, and its page takes nothing any more', async () => {
    const checkoutId = newId('checkout')
    const { page, payment } = await confirm(checkoutId, SECURE)
    assert.ok(page)
    assert.equal((await close(checkoutId)).state, 'voided')
    assert.equal(await decide(page.url, 'complete'), 410)
    assert.equal((await sync(checkoutId)).state, 'voided')
    assert.deepEqual(await shop.events(payment.paymentId), ['payment.voided'])
    assert.equal(await refusalOf(confirm(checkoutId, SECURE)), 'payment-state')
  })

  test('completed in the moment of closing stays authorized', async () => {
    const checkoutId = newId('checkout')
    const { page } = await confirm(checkoutId, SECURE)
    assert.ok(page)
    await decide(page.url, 'complete')
    assert.equal((await close(checkoutId)).state, 'authorized')
    assert.deepEqual(await atProvider(checkoutId), { made: 1, live: 1 })
  })
})

suite('a void', () => {
  test('gives an authorization back, and ends a pending one', async () => {
    for (const token of ['pm_card_visa', SECURE]) {
      const checkoutId = newId('checkout')
      await confirm(checkoutId, token)
      assert.deepEqual(await voidIt(checkoutId), { voided: true })
      assert.deepEqual(await voidIt(checkoutId), { voided: false })
      assert.equal((await sync(checkoutId)).state, 'voided')
      assert.deepEqual(await atProvider(checkoutId), { made: 1, live: 0 })
    }
  })

  test('before the card is final', async () => {
    const checkoutId = newId('checkout')
    assert.deepEqual(await voidIt(checkoutId), { voided: false })
    assert.equal(await refusalOf(confirm(checkoutId)), 'payment-state')
    assert.deepEqual(await atProvider(checkoutId), { made: 0, live: 0 })
  })

  for (const [when, match] of [
    ['the intent is made', 'POST /v1/payment_intents'],
    ['it is confirmed', CONFIRM],
  ] as const)
    test(`while the answer is unknown whether ${when}: nothing comes alive later`, async () => {
      const checkoutId = newId('checkout')
      await shop.fault({ match, effect: 'after', answer: 'timeout', times: 1 })
      await assert.rejects(confirm(checkoutId))
      assert.deepEqual(await voidIt(checkoutId), { voided: true })
      assert.equal(await refusalOf(confirm(checkoutId)), 'payment-state')
      assert.equal((await atProvider(checkoutId)).live, 0)
    })

  test('that comes while it is being confirmed wins or loses as a whole', async () => {
    for (let round = 0; round < 6; round += 1) {
      const checkoutId = newId('checkout')
      await Promise.allSettled([confirm(checkoutId), voidIt(checkoutId), voidIt(checkoutId)])
      await voidIt(checkoutId)
      assert.equal((await atProvider(checkoutId)).live, 0)
      assert.notEqual(await refusalOf(confirm(checkoutId)), 'no refusal')
    }
  })
})

suite('an answer that is lost', () => {
  for (const match of ['POST /v1/payment_intents', CONFIRM])
    for (const effect of ['before', 'after'] as const)
      for (const answer of [500, 'reset'] as const)
        test(`${answer} ${effect} ${match}: asked again, one authorization`, async () => {
          const checkoutId = newId('checkout')
          // The SDK repeats a cut request once by itself, with the same key.
          await shop.fault({
            match,
            effect,
            answer,
            times: answer === 'reset' && effect === 'before' ? 2 : 1,
          })
          const first = await confirm(checkoutId).catch(() => undefined)
          const { payment } = first ?? (await confirm(checkoutId))
          assert.equal(payment.state, 'authorized')
          assert.equal((await atProvider(checkoutId)).live, 1)
          const { calls } = await shop.client.getPayment({ paymentId: payment.paymentId }, asSystem())
          const { length } = calls.filter(({ kind }) => kind === 'confirm-intent')
          // Without an answer the call is the same one; after a fault the provider's books are read first.
          const isRepeated = answer === 500 && effect === 'before' && match === CONFIRM
          assert.equal(length, isRepeated ? 2 : 1)
        })

  for (const effect of ['before', 'after'] as const)
    test(`a fault ${effect} a decline: the card is declined once, and nothing is left to pay`, async () => {
      const checkoutId = newId('checkout')
      await shop.fault({ match: CONFIRM, effect, answer: 500, times: 1 })
      const ask = () => declineOf(confirm(checkoutId, 'pm_card_visa_chargeDeclined'))
      const answers = [await ask(), await ask()] as { code?: string }[]
      assert.equal(answers.at(-1)?.code, 'payment-declined')
      assert.equal((await sync(checkoutId)).state, 'voided')
    })

  test('a decline whose intent could not be canceled is told when it is', async () => {
    const checkoutId = newId('checkout')
    await shop.fault({ match: 'POST /v1/payment_intents/*/cancel', effect: 'before', answer: 500, times: 1 })
    await assert.rejects(confirm(checkoutId, 'pm_card_visa_chargeDeclined'), /error/i)
    assert.equal(await refusalOf(confirm(checkoutId, 'pm_card_visa_chargeDeclined')), 'payment-declined')
    assert.deepEqual(await callsOf(checkoutId), [
      'create-intent done',
      'confirm-intent refused',
      'void faulted',
      'void done',
    ])
  })

  test('asking how it stands confirms nothing; past its time it is over', async () => {
    const checkoutId = newId('checkout')
    await shop.fault({ match: 'POST /v1/payment_intents', effect: 'before', answer: 500, times: 1 })
    await assert.rejects(confirm(checkoutId))
    assert.equal((await sync(checkoutId)).state, 'pending')
    assert.deepEqual(await atProvider(checkoutId), { made: 0, live: 0 })
    await shop.database.query('update payment set page_expires_at = now() where checkout_id = $1', [
      checkoutId,
    ])
    await until(async () => (await sync(checkoutId)).state === 'voided', 'its end')
  })
})
