import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newId } from '@storewright/kernel/ids'
import fc from 'fast-check'
import { type Market, type Now, type StoredCart, viewCart } from './domain.ts'

const MARKET: Market = { marketId: 'eu', currency: 'EUR' }

function cartOf(lines: readonly { sku: string; quantity: number; before: number }[]): StoredCart {
  return {
    cartId: newId('cart'),
    version: 1,
    expiresAt: new Date(0),
    lines: lines.map(({ sku, quantity, before }) => ({
      sku,
      quantity,
      priceWhenAddedAmount: before,
      slug: sku,
      title: sku,
      variantTitle: '',
    })),
  }
}

function nowOf(facts: Record<string, { price?: number; available: number }>): Now {
  const variants: Now['variants'] = new Map(
    Object.entries(facts).flatMap(([sku, { price }]) =>
      price === undefined
        ? []
        : [
            [
              sku,
              {
                sku,
                slug: sku,
                title: sku,
                variantTitle: '',
                price: { amount: price, currency: 'EUR' },
                image: null,
              },
            ] as const,
          ],
    ),
  )
  const stock = new Map(
    Object.entries(facts).map(([sku, { available }]) => [
      sku,
      { available, availability: available > 0 ? ('in-stock' as const) : ('sold-out' as const) },
    ]),
  )
  return { variants, stock }
}

test('each change since a line was added has its notice', () => {
  const view = viewCart(
    MARKET,
    cartOf([
      { sku: 'same', quantity: 2, before: 500 },
      { sku: 'dearer', quantity: 1, before: 500 },
      { sku: 'cheaper', quantity: 1, before: 500 },
      { sku: 'scarce', quantity: 3, before: 500 },
      { sku: 'out', quantity: 1, before: 400 },
      { sku: 'gone', quantity: 4, before: 900 },
    ]),
    nowOf({
      same: { price: 500, available: 2 },
      dearer: { price: 600, available: 9 },
      cheaper: { price: 400, available: 9 },
      scarce: { price: 500, available: 2 },
      out: { price: 500, available: 0 },
      gone: { available: 9 },
    }),
  )
  assert.deepEqual(
    view.lines.map(line => line.notices),
    [
      [],
      ['price-rose'],
      ['price-fell'],
      ['not-enough-stock'],
      ['price-rose', 'sold-out'],
      ['no-longer-sold'],
    ],
  )
  assert.equal(view.isPayable, false)
  assert.equal(view.itemCount, 12)
  assert.equal(view.subtotal.amount, 1000 + 600 + 400 + 1500 + 500)
})

test('a changed price alone keeps a cart payable; an empty one is not', () => {
  const cart = cartOf([{ sku: 'a', quantity: 1, before: 1 }])
  assert.equal(viewCart(MARKET, cart, nowOf({ a: { price: 2, available: 1 } })).isPayable, true)
  assert.equal(viewCart(MARKET, cartOf([]), nowOf({})).isPayable, false)
})

test('without a judgement of stock nothing is promised and nothing is alarmed about', () => {
  const cart = cartOf([{ sku: 'a', quantity: 1, before: 2 }])
  const view = viewCart(MARKET, cart, { ...nowOf({ a: { price: 2, available: 5 } }), stock: undefined })
  assert.deepEqual(view.lines[0]?.notices, [])
  assert.deepEqual([view.lines[0]?.availability, view.lines[0]?.availableQuantity], ['low-stock', 0])
  assert.equal(view.isPayable, false)
})

test('the subtotal is the sum of the line totals, and payable means that every line fits its stock', () => {
  const fact = fc.record({
    quantity: fc.integer({ min: 1, max: 99 }),
    before: fc.integer({ min: 0, max: 100_000 }),
    price: fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined }),
    available: fc.integer({ min: 0, max: 120 }),
  })
  fc.assert(
    fc.property(fc.array(fact, { minLength: 1, maxLength: 8 }), facts => {
      const named = facts.map((one, index) => ({ ...one, sku: `s${index}` }))
      const now = Object.fromEntries(
        named.map(({ sku, price, available }) => [
          sku,
          price === undefined ? { available } : { price, available },
        ]),
      )
      const view = viewCart(MARKET, cartOf(named), nowOf(now))
      const expected = facts.reduce((total, one) => total + (one.price ?? 0) * one.quantity, 0)
      assert.equal(view.subtotal.amount, expected)
      assert.equal(
        view.isPayable,
        facts.every(one => one.price !== undefined && one.available >= one.quantity),
      )
    }),
  )
})
