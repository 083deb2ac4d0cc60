import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { newId } from '@storewright/kernel/ids'
import { asSystem, refusalOf, startTestService, type TestService } from '@storewright/rpc/testing'
import fc from 'fast-check'
import type { paymentContract } from './contract.ts'
import { mayBecome, type PaymentState } from './domain.ts'
import { paymentService } from './service.ts'

let under: TestService<typeof paymentContract>

before(async () => {
  under = await startTestService(paymentService, { needs: {} })
})
after(() => under.stop())

const request = () => ({
  checkoutId: newId('checkout'),
  attempt: 1,
  method: 'invoice' as const,
  amount: { amount: 4200, currency: 'EUR' as const },
  country: 'DE',
})
test('answers the same payment for the same attempt, also when both arrive at once', async () => {
  const input = request()
  const [a, b] = await Promise.all([
    under.client.authorizePayment(input, asSystem()),
    under.client.authorizePayment(input, asSystem()),
  ])
  assert.equal(a.paymentId, b.paymentId)
  assert.equal((await under.client.authorizePayment(input, asSystem())).paymentId, a.paymentId)
  const other = { ...input, amount: { amount: 4201, currency: 'EUR' as const } }
  assert.equal(await refusalOf(under.client.authorizePayment(other, asSystem())), 'idempotency-key-reused')
})

test('refuses a second live authorization of a checkout and does not harm its neighbors in the batch', async () => {
  const input = request()
  await under.client.authorizePayment(input, asSystem())
  const neighbors = Array.from({ length: 7 }, request)
  const [second, ...rest] = await Promise.all([
    refusalOf(under.client.authorizePayment({ ...input, attempt: 2 }, asSystem())),
    ...neighbors.map(neighbor => under.client.authorizePayment(neighbor, asSystem())),
  ])
  assert.equal(second, 'payment-state')
  assert.ok(rest.every(result => typeof result === 'object' && result.state === 'authorized'))
})

test('an authorization that arrives after its void does not come to life', async () => {
  const input = request()
  const undo = { checkoutId: input.checkoutId, attempt: 1 }
  assert.deepEqual(await under.client.voidPayment(undo, asSystem()), { voided: false })
  assert.equal(await refusalOf(under.client.authorizePayment(input, asSystem())), 'payment-state')
  const voided = request()
  await under.client.authorizePayment(voided, asSystem())
  const again = { checkoutId: voided.checkoutId, attempt: 1 }
  assert.deepEqual(await under.client.voidPayment(again, asSystem()), { voided: true })
  assert.deepEqual(await under.client.voidPayment(again, asSystem()), { voided: false })
})

test('records a payment once, for the amount due only, and refuses to void it afterwards', async () => {
  const input = request()
  const { paymentId } = await under.client.authorizePayment(input, asSystem())
  const wrong = { paymentId, amount: { amount: 4199, currency: 'EUR' as const } }
  assert.equal(await refusalOf(under.client.recordPayment(wrong, asSystem())), 'invalid-input')
  const right = { paymentId, amount: input.amount }
  const replies = await Promise.all(
    [1, 2, 3].map(() => under.client.recordPayment(right, asSystem({ idempotencyKey: 'paid-1' }))),
  )
  assert.ok(replies.every(reply => reply.state === 'captured'))
  assert.equal(
    await refusalOf(under.client.recordPayment(right, asSystem({ idempotencyKey: 'paid-2' }))),
    'payment-state',
  )
  assert.equal(
    await refusalOf(under.client.voidPayment({ checkoutId: input.checkoutId, attempt: 1 }, asSystem())),
    'payment-state',
  )
  const events = await under.database.query<{ type: string; aggregate_seq: number }>(
    'select type, aggregate_seq from outbox where aggregate_id = $1 order by aggregate_seq',
    [paymentId],
  )
  assert.deepEqual(
    events.map(event => [event.type, event.aggregate_seq]),
    [
      ['payment.authorized', 1],
      ['payment.captured', 2],
    ],
  )
})

test('cash on delivery is not offered in the US', async () => {
  const input = { ...request(), method: 'cash-on-delivery' as const, country: 'US' }
  assert.equal(await refusalOf(under.client.authorizePayment(input, asSystem())), 'method-not-offered')
})

test('no sequence of transitions leaves an ended state', () => {
  const states: PaymentState[] = ['authorized', 'captured', 'voided']
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...states), { maxLength: 8 }), path => {
      let state: PaymentState = 'authorized'
      let changes = 0
      for (const next of path)
        if (mayBecome(state, next)) {
          state = next
          changes += 1
        }
      return changes <= 1
    }),
  )
})

test('a payment configuration that is not whole is refused with the missing name', async () => {
  for (const [config, name] of [
    [{ STRIPE_SECRET_KEY: 'sk_test_1' }, /STRIPE_WEBHOOK_SECRET is needed/],
    [{ STRIPE_WEBHOOK_SECRET: 'whsec_1' }, /STRIPE_SECRET_KEY is needed/],
    [{ STRIPE_SECRET_KEY: 'pk_live_1', STRIPE_WEBHOOK_SECRET: 'whsec_1' }, /STRIPE_SECRET_KEY must begin/],
    [{ STRIPE_SECRET_KEY: 'sk_test_1', STRIPE_WEBHOOK_SECRET: 'whsec_1,nonsense' }, /must begin with whsec_/],
    [{ PAYMENT_CAPTURE: 'later' }, /PAYMENT_CAPTURE must be/],
  ] as const)
    await assert.rejects(startTestService(paymentService, { needs: {}, config }), name)
})

test('without a provider cards are neither offered nor taken', async () => {
  const { items } = await under.client.listPaymentMethods({ currency: 'EUR', country: 'DE' }, asSystem())
  assert.deepEqual(
    items.map(({ method }) => method),
    ['invoice', 'cash-on-delivery'],
  )
  assert.equal(
    await refusalOf(under.client.authorizePayment({ ...request(), method: 'card' }, asSystem())),
    'method-not-offered',
  )
})
