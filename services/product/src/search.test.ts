import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { call, createProductTest, demoProducts, type ProductTest, productOf, refusalOf } from './testing.ts'

let shop: ProductTest
before(async () => {
  shop = await createProductTest()
  await shop.product.importProducts({ products: [...demoProducts] }, call())
})
after(() => shop.drop())

const search = (q: string, more: object = {}) => shop.product.searchProducts({ q, ...more }, call())
const slugs = async (q: string) => (await search(q)).items.map(card => card.slug)

test('the product named by the query comes first', async () => {
  assert.equal((await slugs('halo vase'))[0], 'halo-vase')
  assert.equal((await slugs('Vase, HALO!'))[0], 'halo-vase')
  assert.equal((await slugs('morel'))[0], 'morel-lamp')
})

test('every word counts: a lamp that is blue before lamps and before blue things', async () => {
  const found = await search('lamp blue')
  assert.equal(found.items[0]?.slug, 'anglet-desk-lamp')
  assert.ok(found.items.every(card => card.colors.includes('blue') || card.category.slug === 'lighting'))
  assert.equal(found.correctedQuery, null)
  assert.ok(found.total < (await search('lamp')).total)
})

test('a word counts most in the title, then in what a product is made of, its summary, its description', async () => {
  await shop.product.importProducts(
    {
      products: [
        productOf('in-description', { description: 'Goes well with zinnia.' }),
        productOf('in-summary', { summary: 'Like a zinnia.' }),
        productOf('in-material', { attributes: { material: ['zinnia'] } }),
        productOf('in-title', { title: 'Zinnia' }),
      ],
    },
    call(),
  )
  assert.deepEqual(await slugs('zinnia'), ['in-title', 'in-material', 'in-summary', 'in-description'])
})

test('the last word may be half typed', async () => {
  assert.ok((await slugs('headph')).includes('lull-headphones'))
  assert.ok((await slugs('soap disp')).includes('rill-dispenser'))
  assert.ok((await slugs('lighti')).includes('morel-lamp'))
})

test('material, room-independent vendor and color are searched', async () => {
  assert.ok((await slugs('travertine')).includes('plinth-coffee-table'))
  assert.equal((await search('Northgrain')).total, 5)
})

test('a mistyped word is replaced by the nearest word of ours, and the answer says so', async () => {
  for (const [typed, meant, slug] of [
    ['tabel', 'table', 'drum-side-table'],
    ['headfones', 'headphones', 'lull-headphones'],
    ['halo vse', 'halo vase', 'halo-vase'],
    ['lmap blue', 'lamp blue', 'anglet-desk-lamp'],
    ['cermaic', 'ceramic', 'dune-diffuser'],
  ] as const) {
    const found = await search(typed)
    assert.equal(found.correctedQuery, meant, typed)
    assert.ok(
      found.items.some(card => card.slug === slug),
      `${typed} finds ${found.items.map(card => card.slug)}`,
    )
  }
})

test('words that no product has together find products with some of them', async () => {
  const found = await search('headphones teapot')
  assert.equal(found.correctedQuery, null)
  assert.deepEqual(
    new Set(found.items.slice(0, 2).map(card => card.slug)),
    new Set(['lull-headphones', 'orchard-teapot']),
  )
})

test('what resembles nothing finds nothing and corrects nothing', async () => {
  assert.deepEqual(await search('xqzwv'), { items: [], nextCursor: null, total: 0, correctedQuery: null })
})

test('hostile queries are answered', async () => {
  const hostile = [
    "'",
    '"',
    "'; drop table product; --",
    '%',
    '_',
    '\\',
    '& | !',
    '(',
    ':*',
    '<->',
    'a & !b',
    '*',
    'a:*b',
    'the',
    'the and of',
    '🪔',
    '🪔 lamp',
    'vase\u0000',
    '\ud800 lamp',
    'ﬁﬀ',
    'İ',
    '日本',
    '١٢٣',
    '²³',
    'e\u0301'.repeat(50),
    'x'.repeat(200),
    'a '.repeat(100),
    '1e5',
    '-1',
    '3x4',
    'http://a.b/c?d=e',
    'a@b.c',
    '\u200b',
    '\u202e',
  ]
  for (const q of hostile) {
    if (q.trim() === '') continue
    const found = await search(q)
    assert.ok(found.total >= found.items.length, JSON.stringify(q))
  }
})

test('random queries of any characters are answered', async () => {
  const query = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).filter(q => q.trim() !== '')
  await fc.assert(
    fc.asyncProperty(query, async q => {
      await search(q)
    }),
    { numRuns: 150 },
  )
})

test('pages of a search follow each other without gap or repetition, also of a corrected one', async () => {
  for (const q of ['lamp', 'tabel', 'headphones teapot']) {
    const whole = await search(q, { limit: 100 })
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await search(q, { limit: 2, ...(cursor ? { cursor } : {}) })
      assert.equal(page.total, whole.total)
      assert.equal(page.correctedQuery, whole.correctedQuery)
      seen.push(...page.items.map(card => card.slug))
      cursor = page.nextCursor ?? undefined
    } while (cursor)
    assert.deepEqual(
      seen,
      whole.items.map(card => card.slug),
    )
    assert.equal(seen.length, whole.total)
  }
})

test('a cursor of another list is refused', async () => {
  const { nextCursor } = await shop.product.listProducts({ limit: 1 }, call())
  for (const cursor of [nextCursor ?? '', 'x', '%%%'])
    assert.deepEqual(await refusalOf(search('lamp', { cursor })), {
      code: 'invalid-input',
      fields: ['cursor'],
    })
})

test('only products with a price in the currency are found', async () => {
  assert.equal((await search('halo', { currency: 'JPY' })).total, 0)
})

test('words of a renamed category and of replaced texts stop correcting queries', async () => {
  const gadget = (name: string, summary: string) =>
    productOf('gadget', { summary, category: { slug: 'gadgets', name, description: '' } })
  const plain = productOf('plain', { category: { slug: 'gadgets', name: 'Zeppelins', description: '' } })
  await shop.product.importProducts(
    { products: [gadget('Zeppelins', 'A marvelous barometer'), plain] },
    call(),
  )
  assert.equal((await search('barmeter')).correctedQuery, 'barometer')
  assert.equal((await search('zepelins')).total, 2)
  await shop.product.importProducts({ products: [gadget('Airships', 'Something else')] }, call())
  assert.equal((await search('barmeter')).correctedQuery, null)
  assert.equal((await search('zepelins')).total, 0)
  assert.deepEqual(new Set(await slugs('airships')), new Set(['gadget', 'plain']))
})
