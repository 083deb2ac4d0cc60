import type { Shopper } from './shopper.ts'

/** A product of which there are only so many, made through the staff API. */
export async function stockLimitedProduct(staff: Shopper, sku: string, quantity: number): Promise<void> {
  const imported = await staff.send('POST', '/admin/products/import', {
    products: [
      {
        slug: sku.toLowerCase(),
        title: `Limited ${sku}`,
        summary: 'There are only a few.',
        description: 'There are only a few.',
        category: { slug: 'limited', name: 'Limited', description: 'Few of a kind' },
        vendor: 'Tests',
        collections: [],
        options: [],
        attributes: {},
        images: [],
        related: [],
        variants: [
          {
            sku,
            options: {},
            color: null,
            prices: { EUR: 2500, USD: 2700, GBP: 2200 },
            weightGrams: 300,
            dimensionsMm: null,
            imageIndex: 0,
          },
        ],
      },
    ],
  })
  if (imported.status !== 200) throw new Error(`import refused: ${JSON.stringify(imported.body)}`)
  await receive(staff, sku, quantity, `opening-${sku}`)
}

export async function receive(
  staff: Shopper,
  sku: string,
  quantity: number,
  reference: string,
): Promise<void> {
  const location = await staff.send('PUT', '/admin/locations/tests', { name: 'Test shelf' })
  if (location.status !== 200) throw new Error('no location for the test')
  const received = await staff.send('POST', '/admin/stock/receive', {
    lines: [{ sku, location: 'tests', quantity }],
    reference,
  })
  if (received.status !== 200) throw new Error(`receiving refused: ${JSON.stringify(received.body)}`)
}
