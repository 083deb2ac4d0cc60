/**
 * node services/product/bench/reads.ts [products] [calls]
 *
 * Calls per second of each read through the local client, 16 at a time, uncached, on the shared test server. Says what
 * the service and Postgres can do without HTTP; `npm run bench` measures the whole.
 */
import { generateProducts } from '@storewright/demo/generate'
import { call, createProductTest } from '../src/testing.ts'

const CLIENTS = 16
/** Connections open, statements prepared, code compiled. */
const WARM_UP_CALLS = 300
const PRODUCTS_PER_IMPORT = 200

const products = generateProducts(Number(process.argv[2] ?? 1000))
const calls = Number(process.argv[3] ?? 3000)
const shop = await createProductTest()
try {
  for (let from = 0; from < products.length; from += PRODUCTS_PER_IMPORT)
    await shop.product.importProducts({ products: products.slice(from, from + PRODUCTS_PER_IMPORT) }, call())
  await shop.database.query('vacuum analyze')

  const slugAt = (index: number) => products[index % products.length]?.slug ?? ''
  const skuAt = (index: number) => products[index % products.length]?.variants[0]?.sku ?? ''
  const { product } = shop
  const reads: Record<string, (index: number) => Promise<unknown>> = {
    'list of 24, featured': () => product.listProducts({ limit: 24 }, call()),
    'list of 24, category by price': () =>
      product.listProducts({ limit: 24, category: 'lighting', sort: 'price-asc' }, call()),
    'product with stock': index => product.getProduct({ slug: slugAt(index) }, call()),
    'search "lamp"': () => product.searchProducts({ q: 'lamp' }, call()),
    'search "lamp blue"': () => product.searchProducts({ q: 'lamp blue' }, call()),
    'search "headfones"': () => product.searchProducts({ q: 'headfones' }, call()),
    'five variants': index =>
      product.getVariants(
        { skus: [0, 1, 2, 3, 4].map(step => skuAt(index + step)), currency: 'EUR' },
        call(),
      ),
    categories: () => product.listCategories({}, call()),
  }
  for (const [name, read] of Object.entries(reads)) {
    for (let index = 0; index < WARM_UP_CALLS; index++) await read(index)
    let next = 0
    const startedAt = performance.now()
    await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        while (next < calls) await read(next++)
      }),
    )
    const perSecond = Math.round((calls / (performance.now() - startedAt)) * 1000)
    process.stdout.write(`${name.padEnd(32)} ${String(perSecond).padStart(6)}/s\n`)
  }
} finally {
  await shop.drop()
}
