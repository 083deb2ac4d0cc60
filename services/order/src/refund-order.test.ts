import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, beforeEach, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Id, newId } from '@storewright/kernel/ids'
import type { Currency } from '@storewright/kernel/money'
import { asSystem, refusalOf, type TestService } from '@storewright/rpc/testing'
import fc from 'fast-check'
import type { orderContract } from './contract.ts'
import { worthOfPieces } from './domain.ts'
import { eur, type Neighbors, newOrder, startTestOrder } from './test-order.ts'

const neighbors: Neighbors = { inventory: 'gives-back', payment: 'gives-back', calls: [] }
let under: TestService<typeof orderContract>

before(async () => {
  under = await startTestOrder(neighbors)
})
beforeEach(() => {
  neighbors.payment = 'gives-back'
  neighbors.calls.length = 0
})
after(() => under.stop())

/** An order that was paid for, with the pieces of its one line. */
async function paidOrder() {
  const { orders } = await under.client.placeOrder(newOrder(), asSystem())
  const orderId = orders[0]?.orderId as Id<'order'>
  await under.database.query(`update orders set payment_status = 'paid' where order_id = $1`, [orderId])
  const order = await under.client.getOrder({ orderId }, asSystem())
  const line = order.lines[0]
  assert.ok(line)
  return { orderId, order, line }
}

type Wanted = Omit<Parameters<typeof under.client.refundOrder>[0], 'reason'>
const refund = (wanted: Wanted, key: string = randomUUID()) =>
  under.client.refundOrder({ ...wanted, reason: 'came back' }, asSystem({ idempotencyKey: key }))

suite('a refund', () => {
  test('of a line and the shipping is what was paid for them', async () => {
    const { orderId, order, line } = await paidOrder()
    const lines = [{ orderLineId: line.orderLineId, quantity: line.quantity }]
    const made = await refund({ orderId, lines, shipping: true })
    assert.equal(made.state, 'done')
    assert.deepEqual(made.amount, order.totals.total)
    assert.deepEqual(neighbors.calls, [`refundPayment ${order.totals.total.amount} ${made.orderRefundId}`])
  })

  test('takes no piece and no shipping twice, also of many at once', async () => {
    const { orderId, line } = await paidOrder()
    const one = { orderId, lines: [{ orderLineId: line.orderLineId, quantity: 1 }] }
    const results = await Promise.all(Array.from({ length: line.quantity + 5 }, () => refusalOf(refund(one))))
    assert.equal(results.filter(result => result === 'no refusal').length, line.quantity)
    assert.equal(results.filter(result => result === 'invalid-input').length, 5)
    const shipping = await Promise.all([1, 2, 3].map(() => refusalOf(refund({ orderId, shipping: true }))))
    assert.deepEqual(shipping.sort(), ['invalid-input', 'invalid-input', 'no refusal'])
  })

  test('is the same for the same key, and refused for another body under it', async () => {
    const { orderId } = await paidOrder()
    const key = randomUUID()
    const [first, second] = [
      await refund({ orderId, amount: eur(100) }, key),
      await refund({ orderId, amount: eur(100) }, key),
    ]
    assert.equal(first.orderRefundId, second.orderRefundId)
    assert.equal(neighbors.calls.length, 1)
    assert.equal(await refusalOf(refund({ orderId, amount: eur(200) }, key)), 'idempotency-key-reused')
  })

  test('that payment refuses frees its pieces', async () => {
    const { orderId, line } = await paidOrder()
    const all = {
      orderId,
      lines: [{ orderLineId: line.orderLineId, quantity: line.quantity }],
      shipping: true,
    }
    neighbors.payment = 'refuses'
    assert.equal(await refusalOf(refund(all)), 'provider-refused')
    neighbors.payment = 'gives-back'
    assert.equal((await refund(all)).state, 'done')
  })

  test('that could not be asked for stays pending and is asked for again under its own key', async () => {
    const { orderId } = await paidOrder()
    neighbors.payment = 'down'
    const pending = await refund({ orderId, amount: eur(100) })
    assert.equal(pending.state, 'pending')
    neighbors.payment = 'gives-back'
    const asked = `refundPayment 100 ${pending.orderRefundId}`
    const deadline = Date.now() + 10_000
    while (neighbors.calls.length < 2 && Date.now() < deadline) await sleep(50)
    assert.deepEqual(neighbors.calls, [asked, asked])
  })

  test('is refused of what is not paid, not this order’s, free, or nothing at all', async () => {
    const { orderId } = await paidOrder()
    const unpaid = await under.client.placeOrder(newOrder(), asSystem())
    const unpaidId = unpaid.orders[0]?.orderId as Id<'order'>
    assert.equal(await refusalOf(refund({ orderId: unpaidId, amount: eur(1) })), 'payment-state')
    assert.equal(await refusalOf(refund({ orderId: newId('order'), amount: eur(1) })), 'not-found')
    const strange = [{ orderLineId: newId('orderLine'), quantity: 1 }]
    assert.equal(await refusalOf(refund({ orderId, lines: strange })), 'invalid-input')
    assert.equal(await refusalOf(refund({ orderId })), 'invalid-input')
    assert.equal(await refusalOf(refund({ orderId, shipping: true, amount: eur(1) })), 'invalid-input')
    const dollars = { amount: 100, currency: 'USD' as Currency }
    assert.equal(await refusalOf(refund({ orderId, amount: dollars })), 'invalid-input')
    assert.deepEqual(neighbors.calls, [])
  })
})

test('pieces refunded one by one, in any portions, are worth exactly what was paid for the line', () => {
  fc.assert(
    fc.property(
      fc.record({
        total: fc.nat(10_000_000),
        tax: fc.nat(3_000_000),
        portions: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 20 }),
        taxIncluded: fc.boolean(),
      }),
      ({ total, tax, portions, taxIncluded }) => {
        const quantity = portions.reduce((a, b) => a + b, 0)
        const line = { total: eur(total), tax: eur(tax), quantity }
        let before = 0
        let worth = 0
        for (const portion of portions) {
          const part = worthOfPieces(line, taxIncluded, { before, quantity: portion }).amount
          assert.ok(part >= 0)
          worth += part
          before += portion
        }
        assert.equal(worth, taxIncluded ? total : total + tax)
      },
    ),
  )
})
