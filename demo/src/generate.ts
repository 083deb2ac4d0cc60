import type { ImportedProduct } from '@storewright/product/contract'
import { catalogue, importedProduct } from './catalogue.ts'

const NAMES =
  'Alder Amber Anchor Arbor Aster Birch Bramble Brook Cairn Cedar Clover Coast Copse Coral Crest Dale Dawn Delta Drift Dune Elder Ember Fable Fern Field Fjord Flint Forge Frost Glade Glen Grain Grove Haven Hazel Heath Hollow Indigo Ivory Juniper Kelp Lark Laurel Linden Loft Lumen Maple Marsh Meadow Mesa Mist Moor Moss North Oak Ochre Olive Orchard Otter Peak Pebble Pine Plum Poppy Quarry Quartz Reed Ridge Robin Rowan Rush Sable Saffron Sand Shale Shore Slate Sorrel Sparrow Spruce Summit Sycamore Tern Thicket Thistle Tide Timber Umber Vale Violet Willow Winter Wren Yarrow Zephyr'.split(
    ' ',
  )
const OPENINGS = [
  'Made in small batches by people who sign their work.',
  'A quiet shape that goes with what you already own.',
  'Drawn in our studio and made close to where the material grows.',
  'Sturdy enough for every day, and good enough for guests.',
  'The piece that friends ask about first.',
  'Repairable, refillable, and packed without plastic.',
]
const CLOSINGS = [
  'Wipe it with a damp cloth and it will age well.',
  'Each one differs a little from the next.',
  'It comes assembled, in a box that recycles with paper.',
  'Replacement parts are always in stock.',
  'It is at home in a small apartment and a large one.',
]

/** Of all products, in each collection. */
const COLLECTION_SHARE = 0.15

/**
 * A larger catalog for benches: the same `count` always gives the same products, with the demo's pictures, categories
 * and vendors, new names, texts, SKUs and prices.
 */
export function generateProducts(count: number): ImportedProduct[] {
  const random = mulberry32(20_260_101)
  const pick = <Item>(items: readonly Item[]): Item => {
    const item = items[Math.floor(random() * items.length)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }
  const slugs = new Set<string>()
  const products: ImportedProduct[] = []
  for (let index = 0; index < count; index++) {
    const model = importedProduct(pick(catalogue.products))
    const kind = model.title.split(' ').slice(1).join(' ')
    const title = `${pick(NAMES)} ${kind}`
    const words = slugOf(title)
    const slug = slugs.has(words) ? `${words}-${index + 1}` : words
    slugs.add(slug)
    const factor = 0.5 + random() * 1.5
    products.push({
      ...model,
      slug,
      title,
      summary: `${title.split(',')[0]}: ${lowerFirst(model.summary)}`,
      description: `${pick(OPENINGS)} ${model.description} ${pick(CLOSINGS)}`,
      collections: catalogue.collections.filter(() => random() < COLLECTION_SHARE),
      related: [],
      variants: model.variants.map((variant, place) => ({
        ...variant,
        sku: `GEN-${String(index + 1).padStart(6, '0')}-${place + 1}`,
        prices: Object.fromEntries(
          Object.entries(variant.prices).map(([currency, amount]) => [
            currency,
            Math.max(1, Math.round(((amount ?? 0) * factor) / 100)) * 100,
          ]),
        ),
      })),
    })
  }
  return products.map((product, index) => ({ ...product, related: neighbors(products, index) }))
}

/** Four later products of the same category. */
function neighbors(products: readonly ImportedProduct[], index: number): string[] {
  const found: string[] = []
  for (let step = 1; step < products.length && found.length < 4; step++) {
    const other = products[(index + step) % products.length]
    if (other && other.category.slug === products[index]?.category.slug) found.push(other.slug)
  }
  return found
}

function slugOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

/** A small seeded generator, so that every bench runs over the same catalog. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
