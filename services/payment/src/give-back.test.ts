import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Id, newId } from '@storewright/kernel/ids'
import { asSystem, refusalOf } from '@storewright/rpc/testing'
import { CARDS, SECRET_KEY, startWithStripe, until } from './test-stripe.ts'

let shop: Awaited<ReturnType<typeof startWithStripe>>

before(async () => {
  shop = await startWithStripe()
})
after(() => shop.stop())

const giveBack = (paymentId: Id<'payment'>) => shop.client.giveBackPayment({ paymentId }, asSystem())
const refundsOf = async (paymentId: Id<'payment'>) =>
  (await shop.client.getPayment({ paymentId }, asSystem())).refunds.map(({ amount, reason, state }) => [
    amount.amount,
    reason,
    state,
  ])
const voidsAndRefunds = async (paymentId: Id<'payment'>) =>
  (await shop.client.getPayment({ paymentId }, asSystem())).calls
    .map(({ kind }) => kind)
    .filter(kind => kind === 'void' || kind === 'refund')

test('gives an authorization up, once', async () => {
  const { paymentId } = await shop.authorized()
  assert.equal((await giveBack(paymentId)).state, 'voided')
  assert.equal((await giveBack(paymentId)).state, 'voided')
  assert.deepEqual(await voidsAndRefunds(paymentId), ['void'])
  assert.deepEqual(await shop.events(paymentId), ['payment.authorized', 'payment.voided'])
  assert.equal(await refusalOf(shop.client.capturePayment({ paymentId }, asSystem())), 'payment-state')
  assert.deepEqual(await shop.books(paymentId), { ledger: 0, provider: 0 })
})

test('ends a payment page that is still open', async () => {
  const { payment, page } = await shop.open()
  assert.equal((await giveBack(payment.paymentId)).state, 'voided')
  assert.notEqual(await shop.payOn(page.url), 303)
})

test('refunds what was captured and not yet refunded, in one refund however often and at once it is asked', async () => {
  const { paymentId } = await shop.captured()
  await shop.refund(paymentId, 700)
  await Promise.allSettled(Array.from({ length: 5 }, () => giveBack(paymentId)))
  const { state, refundedAmount } = await giveBack(paymentId)
  assert.deepEqual([state, refundedAmount.amount], ['captured', 4200])
  assert.deepEqual((await refundsOf(paymentId)).sort(), [
    [3500, 'order canceled', 'succeeded'],
    [700, 'came back', 'succeeded'],
  ])
  assert.deepEqual(await shop.books(paymentId), { ledger: 0, provider: 0 })
})

test('a refund made at the provider by hand is not made again', async () => {
  const { paymentId } = await shop.captured()
  const { providerReference } = await shop.client.getPayment({ paymentId }, asSystem())
  const byHand = await fetch(`${shop.sandbox.url}/v1/refunds`, {
    method: 'POST',
    headers: { authorization: `Bearer ${SECRET_KEY}` },
    body: new URLSearchParams({ payment_intent: providerReference ?? '', amount: '4000' }),
  })
  assert.equal(byHand.status, 200)
  await giveBack(paymentId)
  assert.deepEqual((await refundsOf(paymentId)).sort(), [
    [200, 'order canceled', 'succeeded'],
    [4000, 'made at the payment provider', 'succeeded'],
  ])
  assert.deepEqual(await shop.books(paymentId), { ledger: 0, provider: 0 })
})

test('a capture that is under way in that moment is refunded, or finds nothing to take', async () => {
  for (let round = 0; round < 4; round += 1) {
    const { paymentId } = await shop.authorized()
    await Promise.allSettled([
      shop.client.capturePayment({ paymentId }, asSystem()),
      giveBack(paymentId),
      giveBack(paymentId),
    ])
    const { state, capturedAmount, refundedAmount } = await giveBack(paymentId)
    assert.ok(state === 'voided' || capturedAmount.amount === refundedAmount.amount, state)
    assert.deepEqual(await shop.books(paymentId), { ledger: 0, provider: 0 })
  }
})

for (const effect of ['before', 'after'] as const)
  test(`a fault ${effect} the refund was made leads to one refund`, async () => {
    const { paymentId } = await shop.captured()
    await shop.fault({ match: 'POST /v1/refunds', effect, answer: 500, times: 1 })
    await giveBack(paymentId).catch(() => giveBack(paymentId))
    assert.deepEqual(await refundsOf(paymentId), [[4200, 'order canceled', 'succeeded']])
    assert.deepEqual(await shop.books(paymentId), { ledger: 0, provider: 0 })
  })

test('a refund that the provider refuses is left to staff, and not asked for again and again', async () => {
  const { paymentId } = await shop.captured()
  await shop.fault({ match: 'POST /v1/refunds', effect: 'before', answer: 400, times: 1 })
  assert.equal((await giveBack(paymentId)).refundedAmount.amount, 0)
  assert.equal((await giveBack(paymentId)).refundedAmount.amount, 0)
  assert.deepEqual(await voidsAndRefunds(paymentId), ['refund'])
  assert.equal((await shop.refund(paymentId, 4200)).state, 'succeeded')
})

test('an authorization whose capture was refused is given up', async () => {
  const { paymentId } = await shop.authorized()
  await shop.fault({ match: 'POST /v1/payment_intents/*/capture', effect: 'before', answer: 402, times: 1 })
  assert.equal((await shop.client.capturePayment({ paymentId }, asSystem())).state, 'capture-failed')
  assert.equal((await giveBack(paymentId)).state, 'voided')
})

test('what a bank disputes is not refunded', async () => {
  const { paymentId, checkoutId } = await shop.captured(CARDS.disputed)
  await until(async () => (await shop.sync(checkoutId)).disputedAmount.amount === 4200, 'the dispute')
  assert.equal((await giveBack(paymentId)).refundedAmount.amount, 0)
  assert.deepEqual(await refundsOf(paymentId), [])
})

test('an invoice is voided before it is paid; once recorded, the merchant gives the money back', async () => {
  const amount = { amount: 4200, currency: 'EUR' as const }
  const authorize = () =>
    shop.client.authorizePayment(
      { checkoutId: newId('checkout'), attempt: 1, method: 'invoice', amount, country: 'DE' },
      asSystem(),
    )
  const open = await authorize()
  assert.equal((await giveBack(open.paymentId)).state, 'voided')
  assert.equal((await giveBack(open.paymentId)).state, 'voided')
  assert.deepEqual(await shop.events(open.paymentId), ['payment.authorized', 'payment.voided'])
  const record = ({ paymentId }: typeof open) =>
    shop.client.recordPayment({ paymentId, amount }, asSystem({ idempotencyKey: paymentId }))
  assert.equal(await refusalOf(record(open)), 'payment-state')

  const paid = await authorize()
  await record(paid)
  const { state, refundedAmount } = await giveBack(paid.paymentId)
  assert.deepEqual([state, refundedAmount.amount], ['captured', 0])
  assert.equal(await refusalOf(giveBack(newId('payment'))), 'not-found')
})
