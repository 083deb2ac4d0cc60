import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { ImportedProduct } from '@storewright/product/contract'

/** `catalogue.json`, as the render scripts write it (British spelling, paths relative to this folder). */
interface Catalogue {
  readonly hotProduct: string
  readonly categories: readonly CategoryName[]
  readonly collections: readonly string[]
  readonly products: readonly CatalogueProduct[]
}

export interface CatalogueProduct {
  readonly slug: string
  readonly title: string
  readonly category: CategoryName
  /** null: made by the shop itself. */
  readonly vendor: string | null
  readonly short: string
  readonly description: string
  readonly options: readonly { name: 'colour' | 'size'; values: readonly string[] }[]
  readonly variants: readonly {
    sku: string
    options: { colour: string; size?: string }
    colourFamily: string
    /** Minor units. */
    price: { EUR: number; USD: number; GBP: number }
    weight_g: number
    dimensions_mm: { width: number; depth: number; height: number }
    stock: number
    /** null: no picture of this color. */
    image: number | null
  }[]
  readonly attributes: { material: string[]; colourFamily: string[]; room: string[] }
  readonly collections: readonly string[]
  readonly images: readonly { avif: string; jpg: string; width: number; height: number; alt: string }[]
  readonly related: readonly string[]
}

const HOUSE_VENDOR = 'Storewright Studio'

const CATEGORIES = {
  'Ceramics & Glass': {
    slug: 'ceramics-glass',
    description:
      'Vases, bowls and glasses, thrown and blown in small batches so that no two are quite alike.',
  },
  Lighting: {
    slug: 'lighting',
    description: 'Lamps, lanterns and candles that make a pool of warm light instead of a bright room.',
  },
  Furniture: {
    slug: 'furniture',
    description:
      'Stools, tables, shelves and one good chair, made of solid wood, steel and stone to be kept.',
  },
  Textiles: {
    slug: 'textiles',
    description:
      'Cushions, throws and table linen in linen, wool and cotton that get softer with every wash.',
  },
  'Desk & Tech': {
    slug: 'desk-tech',
    description: 'Clocks, notebooks and quiet sound for the place where you work and would like to think.',
  },
  Bath: {
    slug: 'bath',
    description: 'Towels, soaps and simple vessels that turn an ordinary morning into a small ritual.',
  },
} as const

type CategoryName = keyof typeof CATEGORIES

export const catalogue: Catalogue = JSON.parse(
  readFileSync(new URL('../catalogue.json', import.meta.url), 'utf8'),
)

/** Slugs in the order in which a shop shows them. */
export const categoryOrder: readonly string[] = catalogue.categories.map(name => CATEGORIES[name].slug)

export function importedProduct(product: CatalogueProduct): ImportedProduct {
  return {
    slug: product.slug,
    title: product.title,
    summary: american(product.short),
    description: american(product.description),
    category: { ...CATEGORIES[product.category], name: product.category },
    vendor: product.vendor ?? HOUSE_VENDOR,
    collections: [...product.collections],
    taxClass: 'standard',
    options: product.options.map(option => ({
      name: OPTION_NAMES[option.name],
      values: option.values.map(american),
    })),
    attributes: {
      material: product.attributes.material.map(american),
      color: product.attributes.colourFamily.map(american),
      room: product.attributes.room.map(american),
    },
    images: product.images.map(image => ({
      ...image,
      avif: mediaPath(image.avif),
      jpg: mediaPath(image.jpg),
      alt: american(image.alt),
    })),
    related: [...product.related],
    variants: product.variants.map(variant => ({
      sku: variant.sku,
      options: {
        Color: american(variant.options.colour),
        ...(variant.options.size === undefined ? {} : { Size: variant.options.size }),
      },
      color: american(variant.colourFamily),
      prices: { ...variant.price },
      weightGrams: variant.weight_g,
      dimensionsMm: { ...variant.dimensions_mm },
      imageIndex: variant.image ?? 0,
    })),
  }
}

const OPTION_NAMES = { colour: 'Color', size: 'Size' } as const

function mediaPath(path: string): string {
  return `/media/${basename(path)}`
}

/** Titles are names and stay as they are; the rest is spelled as the shop spells. */
function american(text: string): string {
  return text
    .replace(/([Cc])olour/g, '$1olor')
    .replace(/\b([Gg])rey/g, '$1ray')
    .replace(/\b(centi|milli|kilo)?(met|lit)re(s?)\b/g, '$1$2er$3')
    .replace(/([Aa])luminium/g, '$1luminum')
    .replace(/([Nn])eighbour/g, '$1eighbor')
}
