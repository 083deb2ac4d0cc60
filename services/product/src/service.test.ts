import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type ImportedProduct, productChangedSchema } from './contract.ts'
import {
  call,
  createProductTest,
  demoProducts,
  type ProductTest,
  productOf,
  refusalOf,
  variantOf,
} from './testing.ts'

let shop: ProductTest
before(async () => {
  shop = await createProductTest()
  await shop.product.importProducts({ products: [...demoProducts] }, call())
})
after(() => shop.drop())

const list = (input: object = {}) => shop.product.listProducts({ limit: 100, ...input }, call())
const put = (...products: ImportedProduct[]) => shop.product.importProducts({ products }, call())
const eur = (amount: number) => ({ amount, currency: 'EUR' as const })

test('featured products stand in the order of their import', async () => {
  const { items, total, nextCursor } = await list()
  assert.deepEqual(
    items.map(card => card.slug),
    demoProducts.map(product => product.slug),
  )
  assert.equal(total, demoProducts.length)
  assert.equal(nextCursor, null)
  assert.deepEqual(
    (await list({ sort: 'newest' })).items.map(card => card.slug),
    items.map(card => card.slug).reverse(),
  )
})

test('a card says what the product is, what it costs at least, and whether it is new', async () => {
  const card = (await list({ currency: 'USD' })).items.find(({ slug }) => slug === 'tidal-vase')
  assert.ok(card)
  const { productId, images, ...rest } = card
  assert.match(productId, /^prd_/)
  assert.equal(images.length, 2)
  assert.deepEqual(rest, {
    slug: 'tidal-vase',
    title: 'Tidal Vase',
    summary: 'A full-bellied vase in a running sea-green glaze.',
    category: { slug: 'ceramics-glass', name: 'Ceramics & Glass' },
    vendor: 'Kiln & Tide',
    price: { amount: 7600, currency: 'USD' },
    priceVaries: true,
    colors: ['green', 'orange'],
    availability: 'sold-out',
    isNew: true,
  })
})

test('pages of every list and order join to the whole, and count it', async () => {
  for (const filter of [
    {},
    { category: 'lighting' },
    { collection: 'glow' },
    { category: 'lighting', collection: 'glow' },
  ])
    for (const sort of ['featured', 'newest', 'price-asc', 'price-desc'] as const) {
      const whole = await list({ ...filter, sort })
      assert.equal(whole.total, whole.items.length)
      assert.ok(whole.total > 0)
      const prices = whole.items.map(card => card.price.amount)
      if (sort === 'price-asc')
        assert.deepEqual(
          prices,
          [...prices].sort((a, b) => a - b),
        )
      if (sort === 'price-desc')
        assert.deepEqual(
          prices,
          [...prices].sort((a, b) => b - a),
        )
      const joined: string[] = []
      let cursor: string | undefined
      do {
        const page = await list({ ...filter, sort, limit: 5, ...(cursor ? { cursor } : {}) })
        assert.equal(page.total, whole.total)
        joined.push(...page.items.map(card => card.slug))
        cursor = page.nextCursor ?? undefined
      } while (cursor)
      assert.deepEqual(
        joined,
        whole.items.map(card => card.slug),
      )
    }
})

test('filters keep to the category, the collection and both', async () => {
  const bySlug = new Map(demoProducts.map(product => [product.slug, product]))
  const both = await list({ category: 'textiles', collection: 'new-season' })
  assert.deepEqual(
    both.items.map(card => card.slug),
    ['meadow-cushions', 'knot-pouf'],
  )
  for (const card of (await list({ collection: 'focus' })).items)
    assert.ok(bySlug.get(card.slug)?.collections.includes('focus'))
  assert.deepEqual(await list({ category: 'no-such' }), { items: [], nextCursor: null, total: 0 })
})

test('products without a price in the currency are not there', async () => {
  assert.equal((await list({ currency: 'JPY' })).total, 0)
  const asked = shop.product.getProduct({ slug: 'tidal-vase', currency: 'JPY' }, call())
  assert.equal((await refusalOf(asked)).code, 'not-found')
})

test('a cursor that is not of this list and order is refused', async () => {
  const { nextCursor } = await list({ limit: 2 })
  const foreign = ['', 'x', 'W10', Buffer.from('["featured",1e400,"prd_x"]').toString('base64url')]
  for (const cursor of foreign)
    assert.deepEqual(await refusalOf(list({ cursor })), { code: 'invalid-input', fields: ['cursor'] })
  assert.deepEqual((await refusalOf(list({ cursor: nextCursor, sort: 'price-asc' }))).fields, ['cursor'])
})

test('categories come in order with their number of products and a picture', async () => {
  const { items } = await shop.product.listCategories({}, call())
  assert.deepEqual(
    items.slice(0, 6).map(category => category.name),
    ['Ceramics & Glass', 'Lighting', 'Furniture', 'Textiles', 'Desk & Tech', 'Bath'],
  )
  assert.equal(items[0]?.productCount, 12)
  assert.equal(items[0]?.image?.jpg, '/media/tidal-vase-1.jpg')
})

test('a product is whole: variants with titles, options and related cards in order', async () => {
  const product = await shop.product.getProduct({ slug: 'tidal-vase' }, call())
  assert.deepEqual(
    product.variants.map(variant => variant.title),
    ['Sea / Medium', 'Sea / Large', 'Ember / Medium', 'Ember / Large'],
  )
  assert.deepEqual(
    product.options.map(option => option.name),
    ['Color', 'Size'],
  )
  assert.deepEqual(product.variants[1]?.price, eur(9900))
  assert.deepEqual(
    product.related.map(card => card.slug),
    demoProducts[0]?.related,
  )
  assert.equal((await refusalOf(shop.product.getProduct({ slug: 'nothing' }, call()))).code, 'not-found')
})

test('a new price shows at once in list, search, detail and cart, with one event of the next version', async () => {
  await put(
    productOf('priced', { title: 'Quizzical', variants: [variantOf('P1', 500), variantOf('P2', 900)] }),
  )
  const before = shop.appended.count
  await shop.product.setVariantPrice({ sku: 'P1', price: eur(1200) }, call())
  const card = (await list({ sort: 'newest', limit: 1 })).items[0]
  assert.deepEqual([card?.slug, card?.price.amount, card?.priceVaries], ['priced', 900, true])
  const found = await shop.product.searchProducts({ q: 'quizzical' }, call())
  assert.equal(found.items[0]?.price.amount, 900)
  const detail = await shop.product.getProduct({ slug: 'priced' }, call())
  assert.deepEqual(
    detail.variants.map(variant => variant.price.amount),
    [1200, 900],
  )
  const { items } = await shop.product.getVariants(
    { skus: ['P1', 'nope', '\u0000'], currency: 'EUR' },
    call(),
  )
  assert.deepEqual(
    items.map(item => [item.sku, item.price.amount]),
    [['P1', 1200]],
  )
  assert.ok(shop.appended.count > before)
  assert.deepEqual(await eventsOf('priced'), [
    [1, 'imported'],
    [2, 'price-set'],
  ])
  await shop.product.setVariantPrice({ sku: 'P1', price: eur(1200) }, call())
  assert.equal((await eventsOf('priced')).length, 2, 'the same price is no change')
})

test('a price in a further currency puts the product on that shelf and counts it', async () => {
  await put(productOf('yen', { variants: [variantOf('Y1', 500)] }))
  await shop.product.setVariantPrice({ sku: 'Y1', price: { amount: 70, currency: 'JPY' } }, call())
  const listed = await list({ currency: 'JPY' })
  assert.deepEqual([listed.total, listed.items.map(card => card.slug)], [1, ['yen']])
})

test('concurrent prices of one product lose nothing: versions have no gap and the cheapest is right', async () => {
  const skus = ['R1', 'R2', 'R3', 'R4']
  await put(productOf('race', { variants: skus.map(sku => variantOf(sku, 5000)) }))
  await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      shop.product.setVariantPrice({ sku: skus[index % 4] ?? '', price: eur(1000 + index) }, call()),
    ),
  )
  const versions = (await eventsOf('race')).map(([version]) => version)
  assert.deepEqual(
    versions,
    Array.from({ length: 41 }, (_, index) => index + 1),
  )
  const detail = await shop.product.getProduct({ slug: 'race' }, call())
  const cheapest = Math.min(...detail.variants.map(variant => variant.price.amount))
  assert.equal((await list({ sort: 'newest', limit: 1 })).items[0]?.price.amount, cheapest)
})

test('setting a price refuses unknown SKUs and negative amounts', async () => {
  const set = (sku: string, amount: number) =>
    shop.product.setVariantPrice({ sku, price: eur(amount) }, call())
  assert.equal((await refusalOf(set('NO-SUCH', 1))).code, 'not-found')
  assert.deepEqual(await refusalOf(set('P1', -1)), { code: 'invalid-input', fields: ['price.amount'] })
})

test('a keyed price sent again after another change does not undo that change', async () => {
  await put(productOf('keyed', { variants: [variantOf('K1', 100)] }))
  const keyed = { context: { ...call().context, idempotencyKey: 'price-1' } }
  await shop.product.setVariantPrice({ sku: 'K1', price: eur(200) }, keyed)
  await shop.product.setVariantPrice({ sku: 'K1', price: eur(300) }, call())
  await shop.product.setVariantPrice({ sku: 'K1', price: eur(200) }, keyed)
  assert.equal((await shop.product.getProduct({ slug: 'keyed' }, call())).variants[0]?.price.amount, 300)
  const other = shop.product.setVariantPrice({ sku: 'K1', price: eur(999) }, keyed)
  assert.equal((await refusalOf(other)).code, 'idempotency-key-reused')
})

test('shoppers may neither import nor set prices', async () => {
  const context = { ...call().context, actor: { kind: 'anonymous' } as const, caller: 'gateway' }
  assert.equal(
    (await refusalOf(shop.product.importProducts({ products: [productOf('x')] }, { context }))).code,
    'forbidden',
  )
})

async function eventsOf(slug: string): Promise<[number, string][]> {
  const rows = await shop.database.query<{ aggregate_seq: number; payload: unknown }>(
    `select aggregate_seq, payload from outbox join product on product_id = aggregate_id
     where slug = $1 and type = 'product.changed' order by aggregate_seq`,
    [slug],
  )
  return rows.map(row => [row.aggregate_seq, productChangedSchema.parse(row.payload).change])
}
