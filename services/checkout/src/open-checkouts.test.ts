import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { newId } from '@storewright/kernel/ids'
import { createTestDatabase, type TestDatabase } from '@storewright/postgres/testing'
import { insertCheckout, type NewCheckout } from './store.ts'

/** More at once than the pool has connections, far more than the cap. */
const AT_ONCE = 50
const OPEN_MAX = 5

let fixture: TestDatabase
before(async () => {
  const folders = [{ name: 'checkout', url: new URL('../migrations/', import.meta.url) }]
  fixture = await createTestDatabase({ service: 'checkout', folders })
})
after(() => fixture.drop())

function checkoutOf(owner: string, email: string): NewCheckout {
  return {
    checkoutId: newId('checkout'),
    owner,
    idempotencyKey: randomUUID(),
    bodyHash: 'hash',
    cartId: newId('cart'),
    trace: 'trace',
    request: { email } as NewCheckout['request'],
    quote: {} as NewCheckout['quote'],
    plan: [],
  }
}

async function begin(checkouts: readonly NewCheckout[]) {
  const outcomes = await Promise.all(checkouts.map(checkout => insertCheckout(fixture.database, checkout)))
  return {
    opened: outcomes.filter(outcome => typeof outcome === 'object').length,
    refused: outcomes.filter(outcome => outcome === 'too-many').length,
  }
}

const many = (make: (index: number) => NewCheckout) =>
  Array.from({ length: AT_ONCE }, (_, index) => make(index))

test('a shopper who pays for many carts at once gets no more open checkouts than one after the other', async () => {
  const opened = await begin(many(index => checkoutOf('guest:one', `shopper-${index}@example.com`)))
  assert.deepEqual(opened, { opened: OPEN_MAX, refused: AT_ONCE - OPEN_MAX })
})

test('many shoppers with one address share its cap, and its spelling does not matter', async () => {
  const opened = await begin(
    many(index => checkoutOf(`guest:${index}`, index % 2 ? 'Same@example.com' : 'same@example.com')),
  )
  assert.deepEqual(opened, { opened: OPEN_MAX, refused: AT_ONCE - OPEN_MAX })
})

test('names that cross do not deadlock: what one locks first, another locks first too', async () => {
  const { opened, refused } = await begin(
    many(index => checkoutOf(`name-${index % 3}`, `name-${(index * 7 + 1) % 3}`)),
  )
  assert.equal(opened + refused, AT_ONCE)
})

test('a finished checkout makes room for the next', async () => {
  await begin(
    Array.from({ length: OPEN_MAX }, () => checkoutOf('guest:finisher', `${randomUUID()}@example.com`)),
  )
  const next = () => begin([checkoutOf('guest:finisher', `${randomUUID()}@example.com`)])
  assert.deepEqual(await next(), { opened: 0, refused: 1 })
  await fixture.database.query(
    `update checkout set state = 'failed' where checkout_id =
       (select checkout_id from checkout where owner = 'guest:finisher' limit 1)`,
  )
  assert.deepEqual(await next(), { opened: 1, refused: 0 })
})
