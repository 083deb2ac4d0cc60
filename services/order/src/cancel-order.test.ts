import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Id, newId } from '@storewright/kernel/ids'
import { asSystem, refusalOf, type TestService } from '@storewright/rpc/testing'
import fc from 'fast-check'
import { claimCancellations, finishCancellation, postponeCancellation } from './cancellation-store.ts'
import type { Order, orderContract } from './contract.ts'
import { cancelableWhen } from './domain.ts'
import { type Neighbors, newOrder, startTestOrder } from './test-order.ts'

const neighbors: Neighbors = { inventory: 'gives-back', payment: 'gives-back', calls: [] }
let under: TestService<typeof orderContract>

before(async () => {
  under = await startTestOrder(neighbors)
})
after(() => under.stop())
beforeEach(() => {
  Object.assign(neighbors, { inventory: 'gives-back', payment: 'gives-back' })
  neighbors.calls.length = 0
})

async function place() {
  const input = newOrder()
  const { orders } = await under.client.placeOrder(input, asSystem())
  const [order] = orders
  assert.ok(order)
  return { orderId: order.orderId, checkoutId: input.checkoutId, paymentId: input.payment.paymentId }
}

const cancel = (orderId: Id<'order'>, reason = 'the customer called') =>
  under.client.cancelOrder({ orderId, reason }, asSystem())

const isMarked = async (orderId: string) => {
  const [row] = await under.database.query<{ canceling: boolean }>(
    'select canceling from orders where order_id = $1',
    [orderId],
  )
  return row?.canceling
}

async function untilUnmarked(orderId: string): Promise<void> {
  const deadline = Date.now() + 10_000
  while (await isMarked(orderId)) {
    assert.ok(Date.now() < deadline, 'still marked after 10 s')
    await sleep(50)
  }
}

test('an open order is canceled once, says so, and gives its goods and its payment back', async () => {
  const { orderId, checkoutId, paymentId } = await place()
  const answers = await Promise.all([cancel(orderId), cancel(orderId), cancel(orderId, 'again')])
  for (const order of [...answers, await cancel(orderId)]) {
    assert.equal(order.status, 'canceled')
    assert.deepEqual(
      order.timeline.map(({ type, title }) => [type, title]),
      [
        ['placed', 'Order placed'],
        ['canceled', 'Order canceled'],
      ],
    )
  }
  await untilUnmarked(orderId)
  assert.deepEqual(neighbors.calls.sort(), [
    `cancelReservation ${checkoutId}`,
    `giveBackPayment ${paymentId}`,
  ])
  const events = await under.database.query<{ type: string; payload: { orderId: string; reason: string } }>(
    'select type, payload from outbox where aggregate_id = $1 order by aggregate_seq',
    [orderId],
  )
  assert.deepEqual(
    events.map(({ type }) => type),
    ['order.placed', 'order.canceled'],
  )
  const reasons = ['the customer called', 'again']
  assert.equal(events[1]?.payload.orderId, orderId)
  assert.ok(reasons.includes(events[1]?.payload.reason ?? ''))
})

test('an order that is not open and unfulfilled is refused, or answered as it is when it is canceled', async () => {
  const { orderId } = await place()
  const statuses: Order['status'][] = ['open', 'completed', 'canceled']
  const fulfillments: Order['fulfillmentStatus'][] = [
    'partly-fulfilled',
    'fulfilled',
    'delivered',
    'unfulfilled',
  ]
  for (const status of statuses)
    for (const fulfillmentStatus of fulfillments) {
      if (status === 'open' && fulfillmentStatus === 'unfulfilled') continue
      await under.database.query(
        'update orders set status = $2, fulfillment_status = $3 where order_id = $1',
        [orderId, status, fulfillmentStatus],
      )
      const answer = await cancel(orderId).then(
        order => order.status,
        error => [error.code, error.status, error.data],
      )
      const refusal = ['order-state', 409, { status, fulfillmentStatus }]
      assert.deepEqual(answer, status === 'canceled' ? 'canceled' : refusal)
    }
  assert.deepEqual(neighbors.calls, [])
  assert.equal(await refusalOf(cancel(newId('order'))), 'not-found')
})

test('needs a reason of 1 to 200 characters, and staff', async () => {
  const { orderId } = await place()
  for (const reason of ['', '   ', 'x'.repeat(201)])
    assert.equal(await refusalOf(cancel(orderId, reason)), 'invalid-input')
  const guest = asSystem({ actor: { kind: 'guest', guestId: newId('guest') }, caller: 'gateway' })
  assert.equal(await refusalOf(under.client.cancelOrder({ orderId, reason: 'x' }, guest)), 'forbidden')
  assert.equal((await under.client.getOrder({ orderId }, asSystem())).status, 'open')
})

for (const trouble of [{ inventory: 'held' }, { inventory: 'down' }, { payment: 'down' }] as const)
  test(`with ${JSON.stringify(trouble)} the order is canceled, and the rest follows`, async () => {
    const { orderId } = await place()
    Object.assign(neighbors, trouble)
    assert.equal((await cancel(orderId)).status, 'canceled')
    assert.equal(await isMarked(orderId), true)
    Object.assign(neighbors, { inventory: 'gives-back', payment: 'gives-back' })
    await untilUnmarked(orderId)
  })

test('a process that died after the decision leaves the rest to others', async () => {
  const { orderId, checkoutId } = await place()
  await under.database.query(
    `update orders set status = 'canceled', canceling = true, cancel_lease_until = now() where order_id = $1`,
    [orderId],
  )
  await untilUnmarked(orderId)
  assert.ok(neighbors.calls.includes(`cancelReservation ${checkoutId}`))
})

test('no two sweepers take the same cancellation, and a late one does not mark it again', async () => {
  const { database } = under
  const ids = await Promise.all(Array.from({ length: 24 }, async () => (await place()).orderId))
  await database.query(
    `update orders set status = 'canceled', canceling = true, cancel_lease_until = now() - interval '1 s'
     where order_id = any ($1)`,
    [ids],
  )
  // Beside the service's own.
  const claims = await Promise.all(Array.from({ length: 4 }, () => claimCancellations(database, 5)))
  const claimed = claims.flat().map(({ checkoutId }) => `cancelReservation ${checkoutId}`)
  assert.equal(new Set(claimed).size, claimed.length)
  assert.ok(claimed.length > 0)
  for (const { orderId } of claims.flat()) {
    await finishCancellation(database, orderId)
    await postponeCancellation(database, orderId, -1000)
  }
  for (const orderId of ids) await untilUnmarked(orderId)
  assert.deepEqual(
    claimed.filter(call => neighbors.calls.includes(call)),
    [],
  )
})

test('the database refuses the mark on an order that is not canceled', async () => {
  const { orderId } = await place()
  await assert.rejects(
    under.database.query(
      'update orders set canceling = true, cancel_lease_until = now() where order_id = $1',
      [orderId],
    ),
    /orders_canceling_is_canceled/,
  )
})

test('nothing that has left the house, and nothing that has ended, may be canceled', () => {
  const { statuses, fulfillmentStatuses } = cancelableWhen()
  const ended: Order['status'][] = ['canceled', 'completed']
  const gone: Order['fulfillmentStatus'][] = ['partly-fulfilled', 'fulfilled', 'delivered']
  fc.assert(
    fc.property(
      fc.constantFrom(...ended),
      fc.constantFrom(...gone),
      (status, fulfillment) => !statuses.includes(status) && !fulfillmentStatuses.includes(fulfillment),
    ),
  )
})
