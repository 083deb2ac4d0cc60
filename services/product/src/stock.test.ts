import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import type { Availability } from './domain.ts'
import {
  call,
  createProductTest,
  type ProductTest,
  plenty,
  productOf,
  stockEvent,
  variantOf,
} from './testing.ts'

let shop: ProductTest
before(async () => {
  shop = await createProductTest()
  const vase = productOf('vase', { variants: ['V1', 'V2', 'V3'].map(sku => variantOf(sku, 1000)) })
  await shop.product.importProducts({ products: [vase] }, call())
})
after(() => shop.drop())
beforeEach(() => {
  shop.inventory.getAvailability = plenty
})

const cardClass = async (slug: string) =>
  (await shop.product.listProducts({ limit: 100 }, call())).items.find(card => card.slug === slug)
    ?.availability
const hear = (...events: [sku: string, seq: number, availability: Availability][]) =>
  shop.product.receiveEvents(
    { events: events.map(([sku, seq, availability]) => stockEvent(sku, seq, availability)) },
    call(),
  )

test('a card shows the best class among the variants, as events say; without any it is sold out', async () => {
  assert.equal(await cardClass('vase'), 'sold-out')
  await hear(['V1', 1, 'low-stock'], ['V2', 1, 'sold-out'])
  assert.equal(await cardClass('vase'), 'low-stock')
  await hear(['V3', 1, 'in-stock'])
  assert.equal(await cardClass('vase'), 'in-stock')
  await hear(['V3', 2, 'low-stock'], ['V3', 3, 'sold-out'], ['V1', 2, 'sold-out'])
  assert.equal(await cardClass('vase'), 'sold-out')
})

test('a class heard before the SKU is known is remembered', async () => {
  await hear(['EARLY', 1, 'in-stock'])
  await shop.product.importProducts(
    { products: [productOf('early', { variants: [variantOf('EARLY', 1)] })] },
    call(),
  )
  assert.equal(await cardClass('early'), 'in-stock')
})

test('concurrent events of several variants leave the best of the last classes', async () => {
  const skus = Array.from({ length: 12 }, (_, index) => `C-${index}`)
  const products = [
    productOf('pair-a', { variants: skus.slice(0, 6).map(sku => variantOf(sku, 1)) }),
    productOf('pair-b', { variants: skus.slice(6).map(sku => variantOf(sku, 1)) }),
  ]
  await shop.product.importProducts({ products }, call())
  const classes: Availability[] = ['in-stock', 'low-stock', 'sold-out']
  for (let round = 1; round <= 6; round++) {
    const availability = classes[round % 3] ?? 'sold-out'
    await Promise.all([
      ...skus.map(sku => hear([sku, round, availability])),
      shop.product.importProducts({ products }, call()),
    ])
    assert.equal(await cardClass('pair-a'), availability)
    assert.equal(await cardClass('pair-b'), availability)
  }
})

test('a product shows live stock, capped at 20', async () => {
  shop.inventory.getAvailability = async () => ({
    items: [
      { sku: 'V1', available: 100, availability: 'in-stock' },
      { sku: 'V2', available: 3, availability: 'low-stock' },
    ],
  })
  const product = await shop.product.getProduct({ slug: 'vase' }, call())
  assert.equal(product.stockIsLive, true)
  assert.deepEqual(
    product.variants.map(variant => [variant.sku, variant.availability, variant.availableQuantity]),
    [
      ['V1', 'in-stock', 20],
      ['V2', 'low-stock', 3],
      ['V3', 'sold-out', 0],
    ],
  )
})

for (const [how, answer] of [
  ['fails', () => Promise.reject(new Error('down'))],
  ['never answers', () => new Promise<never>(() => {})],
] as const)
  test(`a product shows the last known classes when inventory ${how}`, async () => {
    const item = productOf(`known-${how.split(' ')[0]}`, {
      variants: [variantOf(`${how[0]}-IN`, 1), variantOf(`${how[0]}-LOW`, 1), variantOf(`${how[0]}-NEW`, 1)],
    })
    await shop.product.importProducts({ products: [item] }, call())
    await hear([`${how[0]}-IN`, 1, 'in-stock'], [`${how[0]}-LOW`, 1, 'low-stock'])
    shop.inventory.getAvailability = answer as typeof plenty
    const started = Date.now()
    const product = await shop.product.getProduct({ slug: item.slug }, call())
    assert.ok(Date.now() - started < 3000)
    assert.equal(product.stockIsLive, false)
    assert.deepEqual(
      product.variants.map(variant => [variant.availability, variant.availableQuantity]),
      [
        ['in-stock', 20],
        ['low-stock', 1],
        ['sold-out', 0],
      ],
    )
  })
