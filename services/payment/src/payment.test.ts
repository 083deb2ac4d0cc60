import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '@storewright/kernel/clock'
import { newId } from '@storewright/kernel/ids'
import { createSigner } from '@storewright/kernel/signed'
import { createTestDatabase, type TestDatabase } from '@storewright/postgres/testing'
import { createClients } from '@storewright/rpc/client'
import { systemContext } from '@storewright/rpc/context'
import { createLogger } from '@storewright/rpc/log'
import { refusalCode } from '@storewright/rpc/refusal'
import type { RunningService, ServiceClient } from '@storewright/rpc/service'
import { tokenKeys } from '@storewright/rpc/token'
import fc from 'fast-check'
import { paymentContract } from './contract.ts'
import { mayBecome, type PaymentState } from './domain.ts'
import { paymentService } from './service.ts'

let fixture: TestDatabase
let service: RunningService
let payment: ServiceClient<typeof paymentContract>

before(async () => {
  fixture = await createTestDatabase({
    service: 'payment',
    folders: [
      { name: 'postgres', url: new URL('../../../packages/postgres/migrations/', import.meta.url) },
      { name: 'events', url: new URL('../../../packages/events/migrations/', import.meta.url) },
      { name: 'payment', url: paymentService.migrations },
    ],
  })
  service = await paymentService.start({
    database: fixture.database,
    needs: {},
    config: {},
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
    publicUrl: 'http://shop.test',
    signer: purpose => createSigner('secret', purpose),
    eventsAppended: () => {},
  })
  payment = createClients(
    { payment: paymentContract },
    { config: {}, keys: tokenKeys(['k']), find: () => service },
  ).payment
})

after(async () => {
  await service.stop()
  await fixture.drop()
})

const call = () => ({ context: systemContext('test') })
const staff = (key?: string) => ({ context: { ...systemContext('test'), idempotencyKey: key } })
const request = () => ({
  checkoutId: newId('checkout'),
  attempt: 1,
  method: 'invoice' as const,
  amount: { amount: 4200, currency: 'EUR' as const },
  country: 'DE',
})
const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no refusal',
    error => refusalCode(error) ?? String(error),
  )

test('answers the same payment for the same attempt, also when both arrive at once', async () => {
  const input = request()
  const [a, b] = await Promise.all([
    payment.authorizePayment(input, call()),
    payment.authorizePayment(input, call()),
  ])
  assert.equal(a.paymentId, b.paymentId)
  assert.equal((await payment.authorizePayment(input, call())).paymentId, a.paymentId)
  const other = { ...input, amount: { amount: 4201, currency: 'EUR' as const } }
  assert.equal(await refusal(payment.authorizePayment(other, call())), 'idempotency-key-reused')
})

test('refuses a second live authorization of a checkout and does not harm its neighbors in the batch', async () => {
  const input = request()
  await payment.authorizePayment(input, call())
  const neighbors = Array.from({ length: 7 }, request)
  const [second, ...rest] = await Promise.all([
    refusal(payment.authorizePayment({ ...input, attempt: 2 }, call())),
    ...neighbors.map(neighbor => payment.authorizePayment(neighbor, call())),
  ])
  assert.equal(second, 'payment-state')
  assert.ok(rest.every(result => typeof result === 'object' && result.state === 'authorized'))
})

test('an authorization that arrives after its void does not come to life', async () => {
  const input = request()
  const undo = { checkoutId: input.checkoutId, attempt: 1 }
  assert.deepEqual(await payment.voidPayment(undo, call()), { voided: false })
  assert.equal(await refusal(payment.authorizePayment(input, call())), 'payment-state')
  const voided = request()
  await payment.authorizePayment(voided, call())
  const again = { checkoutId: voided.checkoutId, attempt: 1 }
  assert.deepEqual(await payment.voidPayment(again, call()), { voided: true })
  assert.deepEqual(await payment.voidPayment(again, call()), { voided: false })
})

test('records a payment once, for the amount due only, and refuses to void it afterwards', async () => {
  const input = request()
  const { paymentId } = await payment.authorizePayment(input, call())
  const wrong = { paymentId, amount: { amount: 4199, currency: 'EUR' as const } }
  assert.equal(await refusal(payment.recordPayment(wrong, staff())), 'invalid-input')
  const right = { paymentId, amount: input.amount }
  const replies = await Promise.all([1, 2, 3].map(() => payment.recordPayment(right, staff('paid-1'))))
  assert.ok(replies.every(reply => reply.state === 'captured'))
  assert.equal(await refusal(payment.recordPayment(right, staff('paid-2'))), 'payment-state')
  assert.equal(
    await refusal(payment.voidPayment({ checkoutId: input.checkoutId, attempt: 1 }, call())),
    'payment-state',
  )
  const events = await fixture.database.query<{ type: string; aggregate_seq: number }>(
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
  assert.equal(await refusal(payment.authorizePayment(input, call())), 'method-not-offered')
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
