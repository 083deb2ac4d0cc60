import type { ImportedProduct } from '@storewright/product/contract'
import type { Shopper } from '../../tests/harness/shopper.ts'

const LOCATION = 'bench'
/** The API's own limits on one import and one delivery. */
const PRODUCTS_PER_IMPORT = 200
const UNITS_MAX = 1_000_000

/** One variant, sold in the markets of the demo shop. */
export function plainProduct(slug: string, amount: number): ImportedProduct {
  return {
    slug,
    title: `Bench item ${slug}`,
    summary: 'An item that is bought by the thousand.',
    description: 'An item that is bought by the thousand, to see how many can be bought in a second.',
    category: { slug: 'bench', name: 'Bench', description: 'Items for measuring' },
    vendor: 'Bench',
    collections: [],
    options: [],
    attributes: {},
    images: [],
    related: [],
    variants: [
      {
        sku: slug.toUpperCase(),
        options: {},
        color: null,
        prices: { EUR: amount, USD: amount, GBP: amount },
        weightGrams: 300,
        dimensionsMm: null,
        imageIndex: 0,
      },
    ],
  }
}

export async function importProducts(staff: Shopper, products: readonly ImportedProduct[]): Promise<void> {
  for (let from = 0; from < products.length; from += PRODUCTS_PER_IMPORT) {
    const batch = products.slice(from, from + PRODUCTS_PER_IMPORT)
    const imported = await staff.send('POST', '/admin/products/import', { products: batch })
    if (imported.status !== 200) throw new Error(`import refused: ${JSON.stringify(imported.body)}`)
  }
}

/** Puts `units` of each on the shelf of one location. */
export async function stockUp(staff: Shopper, skus: readonly string[], units = UNITS_MAX): Promise<void> {
  const location = await staff.send('PUT', `/admin/locations/${LOCATION}`, { name: 'Bench shelf' })
  if (location.status !== 200) throw new Error(`no location: ${JSON.stringify(location.body)}`)
  const received = await staff.send('POST', '/admin/stock/receive', {
    lines: skus.map(sku => ({ sku, location: LOCATION, quantity: units })),
    reference: `bench-${skus[0]}-${skus.length}`,
  })
  if (received.status !== 200) throw new Error(`receiving refused: ${JSON.stringify(received.body)}`)
}
