import type { ImportedProduct } from '@storewright/product/contract'
import { catalogue, categoryOrder, importedProduct } from './catalogue.ts'
import { type DemoMarket, demoMarkets } from './markets.ts'

/** Where the files behind `/media/` are. */
export const mediaDirectory: URL = new URL('../images/', import.meta.url)

export interface DemoStock {
  readonly sku: string
  /** A location's code. */
  readonly location: string
  readonly quantity: number
}

export interface DemoCatalogue {
  readonly products: ImportedProduct[]
  readonly stock: DemoStock[]
  /** Lower priority ships first. */
  readonly locations: { code: string; name: string; priority: number }[]
  readonly markets: DemoMarket[]
  readonly collections: { slug: string; title: string }[]
  /** Slug of the product with little stock that everybody wants. */
  readonly hotProduct: string
  /** Slugs. */
  readonly categories: string[]
}

const LOCATIONS = [
  { code: 'main', name: 'Main warehouse', priority: 10 },
  { code: 'studio', name: 'Studio store', priority: 20 },
]

/** The demo shop in the shape of the contracts' inputs. Products stand in the order of their categories. */
export function demoCatalogue(): DemoCatalogue {
  return {
    products: catalogue.products.map(importedProduct),
    stock: catalogue.products.flatMap(product =>
      product.variants.flatMap(variant => split(variant.sku, variant.stock)),
    ),
    locations: LOCATIONS.map(location => ({ ...location })),
    markets: structuredClone([...demoMarkets]),
    collections: catalogue.collections.map(slug => ({ slug, title: sentence(slug) })),
    hotProduct: catalogue.hotProduct,
    categories: [...categoryOrder],
  }
}

/** Two thirds in the warehouse, one third in the store; nothing where nothing is. */
function split(sku: string, stock: number): DemoStock[] {
  const inStore = Math.floor(stock / 3)
  return [
    { sku, location: 'main', quantity: stock - inStore },
    { sku, location: 'studio', quantity: inStore },
  ].filter(({ quantity }) => quantity > 0)
}

/** `slow-mornings` → "Slow mornings". */
function sentence(slug: string): string {
  const words = slug.replaceAll('-', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
