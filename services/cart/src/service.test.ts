import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ANONYMOUS } from '@storewright/kernel/actor'
import { newId } from '@storewright/kernel/ids'
import { systemContext } from '@storewright/rpc/context'
import { refusalCode } from '@storewright/rpc/refusal'
import { CART_LINES_MAX } from './contract.ts'
import { deleteExpiredCarts } from './store.ts'
import { asGuest, createTestCart, type TestCart } from './test-cart.ts'

let cart: TestCart

before(async () => {
  cart = await createTestCart()
  cart.offer('MUG', 1200, 50)
  cart.offer('PEN', 300, 2)
  cart.offer('CUP', 800, 90)
})
after(async () => {
  await cart.drop()
})

const refusalOf = (promise: Promise<unknown>) =>
  promise.then(
    () => assert.fail('was not refused'),
    error => ({ code: refusalCode(error), field: error.data?.errors?.[0]?.field, data: error.data }),
  )
const add = (guest: ReturnType<typeof newGuest>, sku: string, quantity = 1, key?: string) =>
  cart.client.addCartLine({ sku, quantity }, asGuest(guest, key))
const newGuest = () => newId('guest')

test('the first item starts a cart; more of the same adds up and keeps the price it was added at', async () => {
  const guest = newGuest()
  assert.equal((await cart.client.getCart({}, asGuest(guest))).cartId, null)
  const first = await add(guest, 'MUG', 2)
  cart.offer('MUG', 1500, 50)
  const second = await add(guest, 'MUG')
  cart.offer('MUG', 1200, 50)
  assert.equal(second.cartId, first.cartId)
  assert.deepEqual([first.version, second.version], [1, 2])
  const [line] = second.lines
  assert.deepEqual([line?.quantity, line?.total.amount, line?.notices], [3, 4500, ['price-rose']])
  assert.equal(line?.priceWhenAdded.amount, 1200)
  assert.equal((await cart.client.getCart({}, asGuest(guest))).subtotal.amount, 3600)
})

test('each market has its own cart in its own currency', async () => {
  const guest = newGuest()
  await add(guest, 'MUG')
  const other = await cart.client.addCartLine({ marketId: 'us', sku: 'PEN' }, asGuest(guest))
  assert.deepEqual([other.currency, other.lines.length], ['USD', 1])
  assert.equal((await cart.client.getCart({}, asGuest(guest))).lines[0]?.sku, 'MUG')
})

test('an unknown SKU or market is named, an anonymous caller owns nothing', async () => {
  const guest = newGuest()
  assert.equal((await refusalOf(add(guest, 'NEVER'))).field, 'sku')
  const market = await refusalOf(cart.client.getCart({ marketId: 'moon' }, asGuest(guest)))
  assert.equal(market.field, 'marketId')
  const anonymous = { context: { ...systemContext('gateway'), actor: ANONYMOUS } }
  assert.equal((await cart.client.getCart({}, anonymous)).cartId, null)
  assert.equal((await refusalOf(cart.client.addCartLine({ sku: 'MUG' }, anonymous))).field, 'actor')
})

test('more than is available is refused with numbers and leaves the cart as it was', async () => {
  const guest = newGuest()
  assert.deepEqual((await refusalOf(add(guest, 'PEN', 3))).data, {
    missing: [{ sku: 'PEN', requested: 3, available: 2 }],
  })
  assert.equal((await cart.client.getCart({}, asGuest(guest))).cartId, null)
  await add(guest, 'PEN', 2)
  assert.deepEqual((await refusalOf(add(guest, 'PEN'))).data, {
    missing: [{ sku: 'PEN', requested: 3, available: 2 }],
  })
  assert.equal((await cart.client.getCart({}, asGuest(guest))).version, 1)
})

test('quantities beyond their bounds are refused by field', async () => {
  const guest = newGuest()
  for (const quantity of [0, -1, 1.5, 100])
    assert.equal((await refusalOf(add(guest, 'MUG', quantity))).code, 'invalid-input', `${quantity}`)
  cart.offer('MANY', 1, 500)
  await add(guest, 'MANY', 99)
  assert.equal((await refusalOf(add(guest, 'MANY'))).field, 'quantity')
  const set = cart.client.setCartLine({ sku: 'MANY', quantity: 100 }, asGuest(guest))
  assert.equal((await refusalOf(set)).code, 'invalid-input')
})

test('a line is set, removed with 0, removed again without harm, and not found when it never was', async () => {
  const guest = newGuest()
  await add(guest, 'MUG', 5)
  await add(guest, 'PEN')
  const set = (sku: string, quantity: number) => cart.client.setCartLine({ sku, quantity }, asGuest(guest))
  const two = await set('MUG', 2)
  assert.deepEqual([two.lines[0]?.quantity, two.itemCount, two.version], [2, 3, 3])
  const over = await set('PEN', 9)
  assert.deepEqual(over.lines[1]?.notices, ['not-enough-stock'])
  assert.equal(over.isPayable, false)
  assert.equal((await set('PEN', 0)).lines.length, 1)
  assert.deepEqual(
    (await set('PEN', 0)).lines.map(line => line.sku),
    ['MUG'],
  )
  assert.equal((await refusalOf(set('PEN', 1))).code, 'not-found')
})

test('50 adds of the same SKU at once all count', async () => {
  const guest = newGuest()
  await Promise.all(Array.from({ length: 50 }, () => add(guest, 'MUG')))
  const view = await cart.client.getCart({}, asGuest(guest))
  assert.deepEqual([view.lines.length, view.itemCount, view.version], [1, 50, 50])
})

test('50 adds of different SKUs at once all stay, and each reply shows at least its own', async () => {
  const guest = newGuest()
  const skus = Array.from({ length: 50 }, (_, index) => `DIFF-${index}`)
  for (const sku of skus) cart.offer(sku, 100, 5)
  const replies = await Promise.all(skus.map(sku => add(guest, sku)))
  replies.forEach((reply, index) => {
    assert.ok(reply.lines.some(line => line.sku === skus[index]))
    assert.ok(reply.lines.every(line => line.notices.length === 0))
  })
  const view = await cart.client.getCart({}, asGuest(guest))
  assert.deepEqual(new Set(view.lines.map(line => line.sku)), new Set(skus))
})

test('the limit of lines holds when many race for the last place', async () => {
  const guest = newGuest()
  const skus = Array.from({ length: CART_LINES_MAX + 19 }, (_, index) => `FULL-${index}`)
  for (const sku of skus) cart.offer(sku, 100, 5)
  for (const sku of skus.slice(0, CART_LINES_MAX - 1)) await add(guest, sku)
  const results = await Promise.allSettled(skus.slice(CART_LINES_MAX - 1).map(sku => add(guest, sku)))
  assert.equal(results.filter(result => result.status === 'fulfilled').length, 1)
  for (const result of results)
    if (result.status === 'rejected') assert.equal(refusalCode(result.reason), 'cart-full')
  assert.equal((await add(guest, 'FULL-0')).lines.length, CART_LINES_MAX)
})

test('the same idempotency key adds once, also at the same time, and refuses another body', async () => {
  const guest = newGuest()
  const replies = await Promise.all(Array.from({ length: 6 }, () => add(guest, 'MUG', 2, 'key-1')))
  for (const reply of replies) assert.deepEqual(reply, replies[0])
  cart.offer('MUG', 1200, 0)
  assert.deepEqual(await add(guest, 'MUG', 2, 'key-1'), replies[0])
  cart.offer('MUG', 1200, 50)
  assert.equal((await refusalOf(add(guest, 'MUG', 3, 'key-1'))).code, 'idempotency-key-reused')
  assert.equal((await cart.client.getCart({}, asGuest(guest))).itemCount, 2)
  // Somebody else's key of the same name is another key.
  assert.equal((await add(newGuest(), 'MUG', 3, 'key-1')).itemCount, 3)
  // A refused command leaves the key free.
  assert.equal((await refusalOf(add(guest, 'PEN', 3, 'key-2'))).code, 'insufficient-stock')
  assert.equal((await add(guest, 'PEN', 1, 'key-2')).itemCount, 3)
})

test('what is put in while the order is placed moves into a new cart, once', async () => {
  const guest = newGuest()
  const { cartId } = await add(guest, 'MUG', 2)
  assert.ok(cartId)
  // Frozen for the order: two mugs. Meanwhile:
  await add(guest, 'MUG', 1)
  await add(guest, 'CUP', 3)
  const ordered = [{ sku: 'MUG', quantity: 2 }]
  const system = { context: systemContext('checkout') }
  await Promise.all([1, 2, 3].map(() => cart.client.completeCart({ cartId, ordered }, system)))
  const next = await cart.client.getCart({}, asGuest(guest))
  assert.notEqual(next.cartId, cartId)
  assert.deepEqual(
    next.lines.map(line => [line.sku, line.quantity]),
    [
      ['MUG', 1],
      ['CUP', 3],
    ],
  )
})

test('adds that race with the completion of their cart are in one of the two carts, never lost', async () => {
  for (let round = 0; round < 10; round += 1) {
    const guest = newGuest()
    const { cartId } = await add(guest, 'MUG', 1)
    assert.ok(cartId)
    const system = { context: systemContext('checkout') }
    await Promise.all([
      ...Array.from({ length: 5 }, () => add(guest, 'CUP', 1)),
      cart.client.completeCart({ cartId, ordered: [{ sku: 'MUG', quantity: 1 }] }, system),
    ])
    const next = await cart.client.getCart({}, asGuest(guest))
    assert.deepEqual(
      next.lines.map(line => [line.sku, line.quantity]),
      [['CUP', 5]],
    )
  }
})

test('only the owner and the system read and complete a cart', async () => {
  const guest = newGuest()
  const { cartId } = await add(guest, 'MUG', 2)
  assert.ok(cartId)
  const within = (context: ReturnType<typeof asGuest>) => ({
    context: { ...context.context, caller: 'checkout' },
  })
  const foreign = within(asGuest(newGuest()))
  assert.equal((await refusalOf(cart.client.readCart({ cartId }, foreign))).code, 'not-found')
  assert.equal(
    (await refusalOf(cart.client.completeCart({ cartId, ordered: [{ sku: 'MUG', quantity: 2 }] }, foreign)))
      .code,
    'not-found',
  )
  const atTheGateway = cart.client.readCart({ cartId }, asGuest(guest))
  assert.equal((await refusalOf(atTheGateway)).code, 'forbidden')
  const own = within(asGuest(guest))
  const read = await cart.client.readCart({ cartId }, own)
  assert.deepEqual(read, {
    cartId,
    version: 1,
    state: 'active',
    marketId: 'eu',
    currency: 'EUR',
    lines: [{ sku: 'MUG', quantity: 2 }],
  })
  const system = { context: systemContext('checkout') }
  await cart.client.completeCart({ cartId, ordered: [{ sku: 'MUG', quantity: 2 }] }, system)
  await cart.client.completeCart({ cartId, ordered: [{ sku: 'MUG', quantity: 2 }] }, own)
  const done = await cart.client.readCart({ cartId }, system)
  assert.deepEqual([done.state, done.version], ['completed', 2])
  const next = await add(guest, 'PEN')
  assert.notEqual(next.cartId, cartId)
  assert.equal(next.lines.length, 1)
  const unknown = cart.client.readCart({ cartId: newId('cart') }, system)
  assert.equal((await refusalOf(unknown)).code, 'not-found')
})

test('an expired cart is absent for its owner, told to checkout, replaced by the next add', async () => {
  const guest = newGuest()
  const { cartId } = await add(guest, 'MUG')
  assert.ok(cartId)
  const age = (interval: string) =>
    cart.database.query(`update cart set expires_at = now() - $2::interval where id = $1`, [cartId, interval])
  await age('1 second')
  const system = { context: systemContext('checkout') }
  assert.equal((await cart.client.getCart({}, asGuest(guest))).cartId, null)
  assert.equal((await refusalOf(cart.client.readCart({ cartId }, system))).code, 'cart-expired')
  const set = cart.client.setCartLine({ sku: 'MUG', quantity: 2 }, asGuest(guest))
  assert.equal((await refusalOf(set)).code, 'not-found')
  await deleteExpiredCarts(cart.database, { days: 7, limit: 10 })
  assert.equal((await refusalOf(cart.client.readCart({ cartId }, system))).code, 'cart-expired')
  const renewed = await add(guest, 'PEN')
  assert.notEqual(renewed.cartId, cartId)
  assert.deepEqual(
    renewed.lines.map(line => line.sku),
    ['PEN'],
  )
  assert.ok(new Date(renewed.expiresAt ?? 0).getTime() > Date.now() + 29 * 86_400_000)
})

test("after a change of the market's currency a new cart starts", async () => {
  const guest = newGuest()
  const { cartId } = await add(guest, 'MUG')
  await cart.database.query(`update cart set currency = 'GBP' where id = $1`, [cartId])
  assert.equal((await cart.client.getCart({}, asGuest(guest))).cartId, null)
  const next = await add(guest, 'PEN')
  assert.notEqual(next.cartId, cartId)
  assert.deepEqual([next.currency, next.lines.length], ['EUR', 1])
})

test('carts are removed a week after they expired', async () => {
  const guest = newGuest()
  const { cartId } = await add(guest, 'MUG')
  await cart.database.query(`update cart set expires_at = now() - interval '8 days' where id = $1`, [cartId])
  assert.equal(await deleteExpiredCarts(cart.database, { days: 7, limit: 10 }), 1)
  const left = await cart.database.query('select 1 from cart_line where cart_id = $1', [cartId])
  assert.equal(left.length, 0)
})

test('the cart answers, takes items and is not payable while inventory is down', async () => {
  const guest = newGuest()
  await add(guest, 'PEN', 1)
  cart.neighbors.inventoryIsDown = true
  try {
    const view = await add(guest, 'PEN', 5)
    assert.deepEqual([view.itemCount, view.isPayable, view.lines[0]?.availableQuantity], [6, false, 0])
    assert.equal((await cart.client.getCart({}, asGuest(guest))).isPayable, false)
  } finally {
    cart.neighbors.inventoryIsDown = false
  }
  assert.deepEqual((await cart.client.getCart({}, asGuest(guest))).lines[0]?.notices, ['not-enough-stock'])
})

test('an add takes two statements here and one call each to product and inventory', async () => {
  const guest = newGuest()
  await add(guest, 'MUG')
  const before = { ...cart.neighbors.count }
  await add(guest, 'PEN')
  const { product, inventory, pricing, statements } = cart.neighbors.count
  assert.deepEqual(
    [product - before.product, inventory - before.inventory, statements - before.statements],
    [1, 1, 2],
  )
  assert.ok(pricing - before.pricing <= 1)
})
