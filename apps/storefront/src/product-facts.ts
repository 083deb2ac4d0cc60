import { plainPrice } from './format.ts'
import { type Market, marketHref } from './markets.ts'
import type { Product, Variant } from './store-api.ts'

/** The sentence under the choice. The word for "few" comes with the number when stock was asked just now. */
export function stockLine(variant: Variant, isLive: boolean): string {
  switch (variant.availability) {
    case 'sold-out':
      return 'Sold out'
    case 'low-stock':
      return isLive ? `Only ${variant.availableQuantity} left` : 'Only a few left'
    case 'in-stock':
      return 'In stock'
  }
}

export function attributeFacts(product: Product, variant: Variant): { name: string; value: string }[] {
  const facts = Object.entries(product.attributes)
    // Colors are the choice above; naming families of them again explains nothing.
    .filter(([name]) => !/colou?r/i.test(name))
    .map(([name, values]) => ({ name: sentence(name), value: values.join(', ') }))
  if (variant.dimensionsMm) {
    const { width, depth, height } = variant.dimensionsMm
    const centimeters = [width, depth, height].map(mm =>
      (mm / 10).toLocaleString('en', { maximumFractionDigits: 1 }),
    )
    facts.push({ name: 'Size', value: `${centimeters.join(' × ')} cm (width × depth × height)` })
  }
  if (variant.weightGrams > 0) facts.push({ name: 'Weight', value: weight(variant.weightGrams) })
  facts.push({ name: 'Made by', value: product.vendor }, { name: 'SKU', value: variant.sku })
  return facts
}

/**
 * One product with several variants is a ProductGroup, each variant an Offer of its own:
 * https://developers.google.com/search/docs/appearance/structured-data/product-variants
 */
export function productJsonLd(product: Product, market: Market, publicUrl: string): Record<string, unknown> {
  const url = publicUrl + marketHref(market, `/p/${product.slug}`)
  const shared = {
    description: product.summary,
    brand: { '@type': 'Brand', name: product.vendor },
    category: product.category.name,
  }
  const imageOf = (variant: Variant) => (product.images[variant.imageIndex] ?? product.images[0])?.jpg
  const variants = product.variants.map(variant => ({
    '@type': 'Product',
    sku: variant.sku,
    name: [product.title, variant.title].filter(Boolean).join(', '),
    ...(imageOf(variant) && { image: publicUrl + imageOf(variant) }),
    ...shared,
    offers: {
      '@type': 'Offer',
      url: `${url}?v=${encodeURIComponent(variant.sku)}`,
      price: plainPrice(variant.price),
      priceCurrency: variant.price.currency,
      availability: SCHEMA_AVAILABILITY[variant.availability],
      itemCondition: 'https://schema.org/NewCondition',
    },
  }))
  const [only] = variants
  if (variants.length === 1 && only) return { '@context': 'https://schema.org', ...only, name: product.title }
  return {
    '@context': 'https://schema.org',
    '@type': 'ProductGroup',
    name: product.title,
    productGroupID: product.productId,
    url,
    ...shared,
    hasVariant: variants,
  }
}

const SCHEMA_AVAILABILITY = {
  'in-stock': 'https://schema.org/InStock',
  'low-stock': 'https://schema.org/LimitedAvailability',
  'sold-out': 'https://schema.org/OutOfStock',
} as const

function sentence(name: string): string {
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('-', ' ')
    .toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function weight(grams: number): string {
  if (grams < 1000) return `${grams} g`
  return `${(grams / 1000).toLocaleString('en', { maximumFractionDigits: 1 })} kg`
}
