import type { Id } from '@storewright/kernel/ids'
import type { Currency } from '@storewright/kernel/money'
import type { FieldError } from '@storewright/kernel/problem'
import { unstorableText } from '@storewright/kernel/storable-text'
import type { z } from 'zod'
import type { productContract } from './contract.ts'
import { wordsIn } from './spelling.ts'

type OutputOf<Operation extends keyof typeof productContract> = z.output<
  NonNullable<(typeof productContract)[Operation]['~orpc']['outputSchema']>
>

export type NewProduct = z.output<
  NonNullable<(typeof productContract.importProducts)['~orpc']['inputSchema']>
>['products'][number]
export type NewVariant = NewProduct['variants'][number]
export type ProductCard = OutputOf<'listProducts'>['items'][number]
export type Product = OutputOf<'getProduct'>
export type Availability = ProductCard['availability']
export type Image = Product['images'][number]

/** What a card shows that only an import changes. The category's name is not in it: another import may rename it. */
export type StoredCard = Pick<
  ProductCard,
  'productId' | 'slug' | 'title' | 'summary' | 'vendor' | 'images' | 'colors' | 'isNew'
>

/** Products in this collection are shown as new. */
const NEW_COLLECTION = 'new-season'
/** A card shows a picture and, on hover, a second. */
const CARD_IMAGES = 2
/** More than that tells a shopper nothing and a competitor too much. */
const SHOWN_QUANTITY_MAX = 20

/** Shelves on which a product stands, one for each list it is part of. */
export const ALL_SHELF = ''
export const categoryShelf = (slug: string): string => `category:${slug}`
export const collectionShelf = (slug: string): string => `collection:${slug}`

export function storedCard(product: NewProduct, productId: Id<'product'>): StoredCard {
  return {
    productId,
    slug: product.slug,
    title: product.title,
    summary: product.summary,
    vendor: product.vendor,
    images: product.images.slice(0, CARD_IMAGES),
    colors: [...new Set(product.variants.flatMap(variant => variant.color ?? []))],
    isNew: product.collections.includes(NEW_COLLECTION),
  }
}

/** The option values in the order of the product's options: "Sea / Large". */
export function variantTitle(product: NewProduct, variant: NewVariant): string {
  return product.options.flatMap(option => variant.options[option.name] ?? []).join(' / ')
}

/** What search weighs after the title: who made it, what of, in which colors. */
export function searchTerms(product: NewProduct): string[] {
  return [
    product.vendor,
    ...product.options.flatMap(option => option.values),
    ...product.variants.flatMap(variant => variant.color ?? []),
    ...Object.values(product.attributes).flat(),
  ]
}

/** Every word that search could find this product by; a misspelled one is corrected to one of these. */
export function vocabularyOf(product: NewProduct): string[] {
  const texts = [
    product.title,
    product.category.name,
    ...searchTerms(product),
    product.summary,
    product.description,
  ]
  return [...new Set(texts.flatMap(wordsIn))]
}

/** What a shopper may buy now, from inventory's answer; a SKU that inventory does not know has never been received. */
export function shownStock(
  live: { available: number; availability: Availability } | undefined,
): Pick<Product['variants'][number], 'availability' | 'availableQuantity'> {
  return {
    availability: live?.availability ?? 'sold-out',
    availableQuantity: Math.min(Math.max(live?.available ?? 0, 0), SHOWN_QUANTITY_MAX),
  }
}

/** Without inventory: the last known class, and a quantity that is safe to promise for it. */
export function lastKnownStock(
  availability: Availability,
): Pick<Product['variants'][number], 'availability' | 'availableQuantity'> {
  const availableQuantity = { 'in-stock': SHOWN_QUANTITY_MAX, 'low-stock': 1, 'sold-out': 0 }[availability]
  return { availability, availableQuantity }
}

/** Why these products cannot be imported together, as far as they say themselves; empty when they can. */
export function importErrors(products: readonly NewProduct[]): FieldError[] {
  const slugs = new Set<string>()
  const skus = new Set<string>()
  const categories = new Map<string, NewProduct['category']>()
  return products.flatMap((product, index) => {
    const at = `products.${index}`
    const errors = unstorableText(product, at)
    if (slugs.has(product.slug)) errors.push({ field: `${at}.slug`, message: 'is given twice' })
    slugs.add(product.slug)
    const category = categories.get(product.category.slug) ?? product.category
    categories.set(category.slug, category)
    if (category.name !== product.category.name || category.description !== product.category.description)
      errors.push({
        field: `${at}.category`,
        message: `differs from the ${category.slug} of another product`,
      })
    errors.push(...optionErrors(product, at))
    for (const [place, variant] of product.variants.entries()) {
      const field = `${at}.variants.${place}`
      if (skus.has(variant.sku)) errors.push({ field: `${field}.sku`, message: 'is given twice' })
      skus.add(variant.sku)
      errors.push(...variantErrors(product, variant, field))
    }
    return errors
  })
}

function optionErrors(product: NewProduct, at: string): FieldError[] {
  const names = product.options.map(option => option.name)
  return names.flatMap((name, index) =>
    names.indexOf(name) < index ? [{ field: `${at}.options.${index}.name`, message: 'is given twice' }] : [],
  )
}

function variantErrors(product: NewProduct, variant: NewVariant, field: string): FieldError[] {
  const errors: FieldError[] = []
  for (const option of product.options) {
    const value = variant.options[option.name]
    if (value === undefined)
      errors.push({ field: `${field}.options.${option.name}`, message: 'must be chosen' })
    else if (!option.values.includes(value))
      errors.push({ field: `${field}.options.${option.name}`, message: "must be one of the option's values" })
  }
  for (const name of Object.keys(variant.options))
    if (!product.options.some(option => option.name === name))
      errors.push({ field: `${field}.options.${name}`, message: 'is not an option of this product' })
  // A product without pictures is shown without them; its variants can only say 0.
  if (variant.imageIndex >= Math.max(1, product.images.length))
    errors.push({ field: `${field}.imageIndex`, message: 'is not one of the images' })
  return errors
}

/** A row as the lists read it; the price is the cheapest variant's. */
export interface CardRow {
  readonly card: StoredCard
  readonly amount: number
  readonly price_varies: boolean
  readonly availability: Availability
  readonly category_slug: string
  readonly category_name: string
}

export function cardOf(row: CardRow, currency: Currency): ProductCard {
  return {
    ...row.card,
    category: { slug: row.category_slug, name: row.category_name },
    price: { amount: row.amount, currency },
    priceVaries: row.price_varies,
    availability: row.availability,
  }
}
