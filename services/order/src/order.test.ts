import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Id } from '@storewright/kernel/ids'
import { newId } from '@storewright/kernel/ids'
import { asSystem, refusalOf, type TestService } from '@storewright/rpc/testing'
import fc from 'fast-check'
import type { orderContract } from './contract.ts'
import { mayBecomePaymentStatus, type PaymentStatus, paymentStatusesBefore } from './domain.ts'
import { eur, newOrder, startTestOrder } from './test-order.ts'

let under: TestService<typeof orderContract>

before(async () => {
  under = await startTestOrder()
})
after(() => under.stop())

async function place(input = newOrder()) {
  const { orders } = await under.client.placeOrder(input, asSystem())
  const [order] = orders
  assert.ok(order)
  return order
}

const payment = (
  paymentId: Id<'payment'>,
  aggregateSeq: number,
  state: 'authorized' | 'captured' | 'voided',
  refunded?: number,
) => ({
  id: newId('event'),
  aggregateType: 'payment',
  aggregateId: paymentId,
  aggregateSeq,
  type: refunded === undefined ? `payment.${state}` : 'payment.refunded',
  payload: {
    paymentId,
    checkoutId: newId('checkout'),
    provider: 'manual',
    method: 'invoice',
    state,
    onTerms: true,
    amount: eur(2490),
    capturedAmount: eur(state === 'captured' ? 2490 : 0),
    refundedAmount: eur(refunded ?? 0),
    disputedAmount: eur(0),
    card: null,
    captureBefore: null,
    failure: null,
    createdAt: new Date().toISOString(),
  },
  occurredAt: new Date().toISOString(),
  trace: null,
})

test('a checkout becomes one order however often and at once it is placed', async () => {
  const input = newOrder()
  const placed = await Promise.all(Array.from({ length: 20 }, () => place(input)))
  assert.equal(new Set(placed.map(order => order.orderId)).size, 1)
  const events = await under.database.query('select 1 from outbox where aggregate_id = $1', [
    placed[0]?.orderId,
  ])
  assert.equal(events.length, 1)
})

test('keeps what was agreed and opens by its signed link only', async () => {
  const input = newOrder()
  const { orderId, trackingToken } = await place(input)
  const stranger = asSystem({ actor: { kind: 'guest', guestId: newId('guest') }, caller: 'gateway' })
  const order = await under.client.getOrder({ orderId, token: trackingToken }, stranger)
  assert.deepEqual(order.totals, input.totals)
  assert.deepEqual(order.shippingAddress, input.shippingAddress)
  assert.equal(order.lines[0]?.title, 'Vase')
  assert.equal(order.paymentStatus, 'due')
  const other = await place()
  for (const token of [undefined, 'nonsense', other.trackingToken, `${trackingToken}x`])
    assert.equal(
      await refusalOf(under.client.getOrder({ orderId, ...(token ? { token } : {}) }, stranger)),
      'not-found',
    )
})

test('an order whose total is not the sum of its parts is refused by the database and harms no neighbor', async () => {
  const wrong = newOrder()
  wrong.totals = { ...wrong.totals, total: eur(1) }
  const neighbors = [newOrder(), newOrder(), newOrder()]
  const [refused, ...placed] = await Promise.allSettled([wrong, ...neighbors].map(input => place(input)))
  assert.equal(refused?.status, 'rejected')
  assert.ok(placed.every(result => result.status === 'fulfilled'))
})

test('an order that costs nothing is paid', async () => {
  const free = newOrder()
  const line = {
    ...free.lines[0],
    unitPrice: eur(0),
    total: eur(0),
    tax: eur(0),
  } as (typeof free.lines)[number]
  free.lines = [line]
  free.totals = { subtotal: eur(0), shipping: eur(0), tax: eur(0), total: eur(0), taxIncluded: true }
  const { orderId } = await place(free)
  assert.equal((await under.client.getOrder({ orderId }, asSystem())).paymentStatus, 'paid')
})

test('a captured payment marks its order paid once, whatever is delivered again', async () => {
  const input = newOrder()
  const { orderId } = await place(input)
  const { paymentId } = input.payment
  const events = [payment(paymentId, 1, 'authorized'), payment(paymentId, 2, 'captured')]
  await under.client.receiveEvents({ events }, asSystem())
  await under.client.receiveEvents({ events }, asSystem())
  const order = await under.client.getOrder({ orderId }, asSystem())
  assert.equal(order.paymentStatus, 'paid')
  assert.deepEqual(
    order.timeline.map(entry => entry.type),
    ['placed', 'paid'],
  )
  const published = await under.database.query<{ type: string; aggregate_seq: number }>(
    'select type, aggregate_seq from outbox where aggregate_id = $1 order by aggregate_seq',
    [orderId],
  )
  assert.deepEqual(
    published.map(event => [event.type, event.aggregate_seq]),
    [
      ['order.placed', 1],
      ['order.payment-changed', 2],
    ],
  )
})

test('refunds show as partly refunded, refunded, and as paid again when one fails', async () => {
  const input = newOrder()
  const { orderId } = await place(input)
  const { paymentId } = input.payment
  const statuses: string[] = []
  for (const [seq, refunded] of [undefined, 500, 2490, 500, 0].entries()) {
    const events = [payment(paymentId, seq + 1, 'captured', refunded)]
    await under.client.receiveEvents({ events }, asSystem())
    statuses.push((await under.client.getOrder({ orderId }, asSystem())).paymentStatus)
  }
  assert.deepEqual(statuses, ['paid', 'partly-refunded', 'refunded', 'partly-refunded', 'paid'])
})

test('lists newest first and walks the whole list by cursor', async () => {
  const placed = await Promise.all(Array.from({ length: 7 }, () => place()))
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await under.client.listOrders({ limit: 3, ...(cursor ? { cursor } : {}) }, asSystem())
    seen.push(...page.items.map(order => order.orderId))
    cursor = page.nextCursor ?? undefined
  } while (cursor)
  assert.deepEqual(seen, [...seen].sort().reverse())
  assert.ok(placed.every(order => seen.includes(order.orderId)))
  assert.equal(await refusalOf(under.client.listOrders({ cursor: 'x' }, asSystem())), 'invalid-input')
})

test('a status says the same of what may follow as of what may come before', () => {
  const statuses: PaymentStatus[] = [
    'due',
    'authorized',
    'paid',
    'capture-failed',
    'partly-refunded',
    'refunded',
    'voided',
  ]
  fc.assert(
    fc.property(
      fc.constantFrom(...statuses),
      fc.constantFrom(...statuses),
      (from, to) => mayBecomePaymentStatus(from, to) === paymentStatusesBefore(to).includes(from),
    ),
  )
})

test('an event that was set aside is seen and tried again by staff', async () => {
  const order = newOrder()
  const placed = await place(order)
  const [first, second] = [
    payment(order.payment.paymentId, 1, 'authorized'),
    payment(order.payment.paymentId, 2, 'captured'),
  ]
  await under.client.receiveEvents({ events: [first] }, asSystem())
  await under.database.query(
    `insert into inbox (aggregate_type, aggregate_id, aggregate_seq, event_id, type, state, payload, occurred_at, attempts, error)
     values ('payment', $1, 2, $2, $3, 'dead', $4, now(), 8, 'Error: no')`,
    [second.aggregateId, second.id, second.type, JSON.stringify(second.payload)],
  )
  const { items } = await under.client.listDeadLetters({}, asSystem())
  assert.deepEqual(
    items.map(item => [item.eventId, item.attempts, item.error, item.waiting]),
    [[second.id, 8, 'Error: no', 0]],
  )
  const retry = () => under.client.retryDeadLetter({ eventId: second.id }, asSystem())
  assert.deepEqual(await retry(), { processed: 1, error: null })
  const { paymentStatus } = await under.client.getOrder({ orderId: placed.orderId }, asSystem())
  assert.equal(paymentStatus, 'paid')
  assert.equal(await refusalOf(retry()), 'not-found')
})
