import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PRICE_MAX } from '@storewright/kernel/money'
import type { ImportedProduct } from './contract.ts'
import { call, createProductTest, type ProductTest, productOf, refusalOf, variantOf } from './testing.ts'

let shop: ProductTest
before(async () => {
  shop = await createProductTest()
})
after(() => shop.drop())

const put = (...products: ImportedProduct[]) => shop.product.importProducts({ products }, call())
const fieldsOf = async (...products: ImportedProduct[]) => (await refusalOf(put(...products))).fields
const get = (slug: string) => shop.product.getProduct({ slug }, call())
const list = (input: object = {}) => shop.product.listProducts({ limit: 100, ...input }, call())

test('an import creates, a second one updates: same id, same vendor id, same place, next version', async () => {
  assert.deepEqual(await put(productOf('a'), productOf('b')), { created: 2, updated: 0 })
  const first = await get('a')
  const [sellable] = (await shop.product.getVariants({ skus: ['a-1'], currency: 'EUR' }, call())).items
  assert.deepEqual(await put(productOf('c'), productOf('a', { title: 'Renamed' })), {
    created: 1,
    updated: 1,
  })
  const second = await get('a')
  assert.deepEqual([second.productId, second.title], [first.productId, 'Renamed'])
  const [again] = (await shop.product.getVariants({ skus: ['a-1'], currency: 'EUR' }, call())).items
  assert.equal(again?.vendorId, sellable?.vendorId)
  assert.deepEqual(
    (await list()).items.map(card => card.slug),
    ['a', 'b', 'c'],
  )
  const [row] = await shop.database.query<{ version: number }>(
    `select version from product where slug = 'a'`,
    [],
  )
  assert.equal(row?.version, 2)
})

test('what an import no longer names is gone: variants, prices, shelves, totals', async () => {
  const both = [variantOf('w-1', 100), { ...variantOf('w-2', 50), prices: { EUR: 50, USD: 60 } }]
  await put(productOf('w', { variants: both, collections: ['old', 'kept'] }))
  await put(productOf('w', { variants: both.slice(0, 1), collections: ['kept'] }))
  assert.deepEqual(
    (await get('w')).variants.map(variant => variant.sku),
    ['w-1'],
  )
  assert.equal((await list({ collection: 'old' })).total, 0)
  assert.equal((await list({ collection: 'kept' })).total, 1)
  assert.equal((await list({ currency: 'USD' })).total, 0)
  assert.equal((await list({ collection: 'kept' })).items[0]?.price.amount, 100)
})

test('a renamed category shows its name on every card', async () => {
  const inCategory = (slug: string, name: string) =>
    productOf(slug, { category: { slug: 'renamed', name, description: 'D' } })
  await put(inCategory('r1', 'Before'), inCategory('r2', 'Before'))
  await put(inCategory('r1', 'After'))
  assert.deepEqual(
    (await list({ category: 'renamed' })).items.map(card => card.category.name),
    ['After', 'After'],
  )
})

test('a SKU may move between products of one import, and is refused when another product has it', async () => {
  await put(productOf('from', { variants: [variantOf('M', 1), variantOf('F', 1)] }))
  assert.deepEqual(
    await fieldsOf(productOf('ok'), productOf('to', { variants: [variantOf('T', 1), variantOf('M', 1)] })),
    ['products.1.variants.1.sku'],
  )
  assert.equal((await refusalOf(get('ok'))).code, 'not-found', 'nothing of a refused import stays')
  await put(
    productOf('to', { variants: [variantOf('M', 1)] }),
    productOf('from', { variants: [variantOf('F', 1)] }),
  )
  assert.deepEqual(
    (await get('to')).variants.map(variant => variant.sku),
    ['M'],
  )
})

test('what is wrong with an import is named by field, all of it', async () => {
  const options = [{ name: 'Color', values: ['Red', 'Blue'] }]
  const bad = productOf('bad', {
    title: 'half a pair \ud800',
    options: [...options, ...options],
    attributes: { material: ['oak\u0000'] },
    variants: [
      { ...variantOf('B1', 1), options: { Color: 'Green', Size: 'L' }, imageIndex: 3 },
      { ...variantOf('B1', 1), options: {} },
    ],
  })
  const sameSlug = productOf('bad', {
    category: { slug: 'things', name: 'Other', description: '' },
    variants: [variantOf('B3', 1)],
  })
  assert.deepEqual(
    new Set(await fieldsOf(bad, sameSlug)),
    new Set([
      'products.0.title',
      'products.0.attributes.material.0',
      'products.0.options.1.name',
      'products.0.variants.0.options.Color',
      'products.0.variants.0.options.Size',
      'products.0.variants.0.imageIndex',
      'products.0.variants.1.sku',
      'products.0.variants.1.options.Color',
      'products.1.slug',
      'products.1.category',
    ]),
  )
})

test('a number too large for what it measures is refused by name, not by the database', async () => {
  const large = Number.MAX_SAFE_INTEGER
  const huge = productOf('huge', {
    images: [{ avif: 'a', jpg: 'j', width: large, height: large, alt: '' }],
    variants: [
      {
        ...variantOf('H1', PRICE_MAX + 1),
        weightGrams: large,
        dimensionsMm: { width: large, depth: large, height: large },
        imageIndex: large,
      },
    ],
  })
  assert.deepEqual(await fieldsOf(huge), [
    'products.0.images.0.width',
    'products.0.images.0.height',
    'products.0.variants.0.prices.EUR',
    'products.0.variants.0.weightGrams',
    'products.0.variants.0.dimensionsMm.width',
    'products.0.variants.0.dimensionsMm.depth',
    'products.0.variants.0.dimensionsMm.height',
    'products.0.variants.0.imageIndex',
  ])
  assert.deepEqual(await put(productOf('dear', { variants: [variantOf('D1', PRICE_MAX)] })), {
    created: 1,
    updated: 0,
  })
})

test('imports at the same time leave every product whole and the totals right', async () => {
  const batch = (price: number) =>
    Array.from({ length: 20 }, (_, index) =>
      productOf(`con-${index}`, { collections: ['con'], variants: [variantOf(`con-${index}`, price)] }),
    )
  await Promise.all([1, 2, 3, 4].map(price => put(...batch(price))))
  const { items, total } = await list({ collection: 'con' })
  assert.equal(total, 20)
  assert.equal(new Set(items.map(card => card.price.amount)).size, 1)
  const wrong = await shop.database.query(
    `select shelf, currency, total, count(product_id) as counted
     from shelf_total left join listing using (shelf, currency)
     group by shelf, currency, total having total <> count(product_id)`,
    [],
  )
  assert.deepEqual(wrong, [])
})
