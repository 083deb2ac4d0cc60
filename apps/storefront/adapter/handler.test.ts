import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handle, serveAsset } from '@storewright/storefront/handler'
import type { StorefrontLocals } from '../src/locals.ts'
import type { Product, ProductCard, StoreApi } from '../src/store-api.ts'

// The built handler with a catalog of one product, whose description tries to break out of a script element.

const image = { avif: '/media/a.avif', jpg: '/media/a.jpg', width: 900, height: 1125, alt: 'A vase' }
const card = {
  productId: 'prd_1',
  slug: 'vase',
  title: 'Vase </script><script>alert(1)</script>',
  summary: 'Round',
  category: { slug: 'glass', name: 'Glass' },
  vendor: 'Kiln',
  images: [image],
  price: { amount: 6800, currency: 'EUR' },
  priceVaries: false,
  colors: ['green'],
  availability: 'in-stock',
  isNew: true,
} as unknown as ProductCard
const product = {
  ...card,
  description: '<img src=x onerror=alert(1)>',
  options: [],
  attributes: {},
  variants: [
    {
      sku: 'A',
      title: '',
      options: {},
      color: null,
      price: card.price,
      availability: 'in-stock',
      availableQuantity: 3,
      weightGrams: 100,
      dimensionsMm: null,
      imageIndex: 0,
    },
  ],
  related: [card],
  stockIsLive: true,
  updatedAt: '2026-01-01T00:00:00Z',
} as unknown as Product

function refusal(code: string, status: number): Error {
  return Object.assign(new Error('Refused, in plain words.'), { code, status })
}

const list = { items: [card], nextCursor: null, total: 1 }

function api(getProduct: (input: { slug: string }) => Product): StoreApi {
  return {
    product: {
      listCategories: async () => ({
        items: [{ ...card.category, description: '', productCount: 1, image }],
      }),
      listProducts: async () => list,
      searchProducts: async () => ({ ...list, correctedQuery: null }),
      getProduct: async (input: { slug: string }) => getProduct(input),
    },
    pricing: { listMarkets: async () => ({ items: [] }) },
    cart: {
      getCart: async () => ({ cartId: null, lines: [], itemCount: 0 }),
      addCartLine: async () => ({}),
    },
    order: { getOrder: () => Promise.reject(refusal('not-found', 404)) },
  } as unknown as StoreApi
}

const locals = (getProduct: (input: { slug: string }) => Product = () => product): StorefrontLocals => ({
  shop: { name: 'Test shop', publicUrl: 'https://shop.test', sandboxBanner: false },
  reportFault: () => {},
  api: api(getProduct),
})

const ask = (path: string, init: RequestInit = {}, given = locals()) =>
  handle(new Request(`https://shop.test${path}`, init), given)

const PUBLIC_PATHS = [
  '/',
  '/us',
  '/c/glass',
  '/c/glass?sort=price-asc',
  '/collections/new-season',
  '/search?q=vase',
  '/p/vase',
  '/uk/p/vase?v=A',
  '/about',
  '/privacy',
  '/shipping-and-returns',
]

for (const path of PUBLIC_PATHS)
  test(`renders ${path} the same for two shoppers, for shared caches, with nothing inline`, async () => {
    const one = await ask(path, { headers: { cookie: '__Host-guest=one' } })
    const other = await ask(path, { headers: { cookie: '__Host-guest=two', 'user-agent': 'other' } })
    const html = await one.text()
    assert.equal(one.status, 200)
    assert.equal(html, await other.text())
    assert.match(one.headers.get('cache-control') ?? '', /^public, max-age=0, s-maxage=1/)
    assert.equal(one.headers.get('set-cookie'), null)
    assertNothingInline(html)
  })

/** What `script-src 'self'; style-src 'self'` would refuse. JSON-LD is data, not a script. */
function assertNothingInline(html: string): void {
  assert.doesNotMatch(html, /<style|\sstyle=|\son[a-z]+="/)
  // In a quoted attribute such as og:title a title may hold any tag: there it is text.
  const elements = html.replace(/(content|alt)="[^"]*"/g, '')
  for (const [, attributes = '', body = ''] of elements.matchAll(/<script([^>]*)>(.*?)<\/script>/gs))
    if (!attributes.includes('application/ld+json')) {
      assert.match(attributes, /src="\/_astro\//)
      assert.equal(body, '')
    }
}

test('lets no product text end a script or start an element', async () => {
  const html = await (await ask('/p/vase')).text()
  assert.doesNotMatch(html.replace(/(content|alt)="[^"]*"/g, ''), /<script>alert|<img src=x/)
  const blocks = [...html.matchAll(/<script type="application\/ld\+json">(.*?)<\/script>/gs)]
  const parsed = blocks.map(([, json = '']) => JSON.parse(json) as { '@type': string; name?: string })
  assert.equal(parsed.find(data => data['@type'] === 'Product')?.name, product.title)
})

test('names the canonical address and the other markets', async () => {
  const html = await (await ask('/uk/p/vase?v=A')).text()
  assert.match(html, /<link rel="canonical" href="https:\/\/shop\.test\/uk\/p\/vase">/)
  assert.match(html, /hreflang="x-default" href="https:\/\/shop\.test\/p\/vase"/)
  assert.match(html, /hreflang="en-US" href="https:\/\/shop\.test\/us\/p\/vase"/)
})

for (const [path, code, status, expected] of [
  ['/p/gone', 'not-found', 404, 404],
  ['/us/p/gone', 'not-found', 404, 404],
  ['/p/NOT_A_SLUG', 'invalid-input', 400, 404],
  ['/p/vase?v=x', 'invalid-input', 400, 400],
  ['/p/vase', 'too-many-requests', 429, 429],
] as const)
  test(`answers ${expected} with a page when a service refuses ${path} with ${code}`, async () => {
    const refusing = locals(() => {
      throw refusal(code, status)
    })
    const response = await ask(path, {}, refusing)
    assert.equal(response.status, expected)
    assert.equal(response.headers.get('cache-control'), 'no-store')
    assert.match(await response.text(), /<h1>/)
  })

test('answers 500 with a page, not a stack, when a service breaks', async () => {
  const broken = locals(() => {
    throw new Error('password=hunter2')
  })
  const response = await ask('/p/vase', {}, broken)
  const html = await response.text()
  assert.equal(response.status, 500)
  assert.match(html, /Something broke on our side/)
  assert.doesNotMatch(html, /hunter2/)
})

for (const path of ['/nowhere', '/us/nowhere', '/refused', '/c/unknown', '/collections/unknown'])
  test(`answers 404 for ${path}`, async () => {
    const response = await ask(path)
    assert.equal(response.status, 404)
    assert.match(await response.text(), /This page isn’t here/)
  })

test('takes a form from its own pages and refuses it from another site', async () => {
  const body = () => new URLSearchParams({ _action: 'add', sku: 'A', quantity: '1' })
  const own = await ask('/us/cart', {
    method: 'POST',
    body: body(),
    headers: { origin: 'https://shop.test' },
  })
  const foreign = await ask('/us/cart', {
    method: 'POST',
    body: body(),
    headers: { origin: 'https://evil.test' },
  })
  assert.deepEqual([own.status, own.headers.get('location')], [303, '/us/cart'])
  assert.equal(foreign.status, 403)
})

test('says beside the billing country what is wrong with it', async () => {
  const money = { amount: 6800, currency: 'EUR' }
  const quote = {
    ...{ hash: 'h', cartId: 'crt_1', lines: [], shippingOptions: [], shippingRateId: 'standard' },
    ...{ paymentMethods: [], taxLines: [] },
    totals: { subtotal: money, shipping: money, tax: money, total: money, taxIncluded: true },
  }
  const errors = [{ field: 'billingAddress.country', message: 'is not a country this market sells to' }]
  const shopper = {
    ...locals().api,
    cart: { getCart: async () => ({ cartId: 'crt_1', lines: [{ sku: 'A' }], itemCount: 1 }) },
    checkout: {
      quoteCheckout: async () => quote,
      pay: () => Promise.reject(Object.assign(refusal('invalid-input', 400), { data: { errors } })),
    },
  } as unknown as StoreApi
  const address = { fullName: 'Ada', line1: 'Street 1', city: 'Berlin', postalCode: '10115', country: 'DE' }
  const billing = Object.entries(address).map(([name, value]) => [`billing-${name}`, value])
  const body = new URLSearchParams({
    ...{ _action: 'place', email: 'ada@example.com', paymentMethod: 'invoice', billing: 'other', ...address },
    ...Object.fromEntries(billing),
  })
  const init = { method: 'POST', body, headers: { origin: 'https://shop.test' } }
  const html = await (await ask('/checkout', init, { ...locals(), api: shopper })).text()
  assert.match(
    html,
    /name="billing-country" aria-invalid="true" aria-describedby="field-billing-country-error"/,
  )
  assert.match(html, /id="field-billing-country-error">This is not a country this market sells to\.</)
})

test('accepts its own forms behind a proxy that ends TLS', async () => {
  const request = new Request('http://shop.test/cart', {
    method: 'POST',
    body: new URLSearchParams({ _action: 'add', sku: 'A' }),
    headers: { origin: 'https://shop.test' },
  })
  assert.equal((await handle(request, locals())).status, 303)
})

test('keeps personal pages out of every cache', async () => {
  for (const path of ['/cart', '/checkout', '/orders/ord_1?token=x', '/admin/welcome?token=x'])
    assert.match((await ask(path)).headers.get('cache-control') ?? '', /no-store/)
})

test('serves hashed assets for a year, compressed, and nothing outside the build', async () => {
  const html = await (await ask('/')).text()
  const [, path = ''] = /href="(\/_astro\/[^"]+\.css)"/.exec(html) ?? []
  const headers = { 'accept-encoding': 'gzip' }
  const asset = serveAsset(new Request(`https://shop.test${path}`, { headers }))
  assert.equal(asset?.headers.get('cache-control'), 'public, max-age=31536000, immutable')
  assert.equal(asset?.headers.get('content-encoding'), 'gzip')
  assert.equal(serveAsset(new Request('https://shop.test/_astro/../server/entry.mjs')), undefined)
  assert.equal(serveAsset(new Request('https://shop.test/cart')), undefined)
})
