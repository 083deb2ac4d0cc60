import { deadLetterOperations, receiveEvents } from '@storewright/events/contract'
import { idSchema } from '@storewright/kernel/ids'
import { currencySchema, moneySchema, priceSchema } from '@storewright/kernel/money'
import { pageInput, pageOf } from '@storewright/kernel/paging'
import { operation, refusals } from '@storewright/rpc/contract'
import { z } from 'zod'

export const skuSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
    error: 'must be a SKU: letters, digits, dot, dash, underscore',
  })
  .describe('stock keeping unit')

export const slugSchema = z
  .string()
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, { error: 'must be lower-case words joined by dashes' })
  .max(120)

/** A truck's load: nothing heavier is one piece. */
const WEIGHT_GRAMS_MAX = 30_000_000

/** 100 m, such as a rope: nothing longer is one piece. */
const DIMENSION_MM_MAX = 100_000

/** A JPEG has no longer side: its format keeps 16 bits. */
const IMAGE_SIDE_MAX = 65_535

/** A gallery of more is not looked through. */
const IMAGES_MAX = 20

/** `sold-out`: none can be bought. `low-stock`: few are left. */
export const availabilitySchema = z.enum(['in-stock', 'low-stock', 'sold-out'])

export const imageSchema = z
  .object({
    avif: z.string(),
    jpg: z.string(),
    width: z.int(),
    height: z.int(),
    alt: z.string(),
  })
  .meta({ id: 'Image' })

const categorySchema = z
  .object({
    slug: z.string(),
    name: z.string(),
    description: z.string(),
    productCount: z.int(),
    image: imageSchema.nullable(),
  })
  .meta({ id: 'Category' })

export const productCardSchema = z
  .object({
    productId: idSchema('product'),
    slug: z.string(),
    title: z.string(),
    summary: z.string(),
    category: z.object({ slug: z.string(), name: z.string() }),
    vendor: z.string(),
    images: z.array(imageSchema).describe('the first two'),
    price: moneySchema.describe('of the cheapest variant'),
    priceVaries: z.boolean(),
    colors: z.array(z.string()),
    availability: availabilitySchema.describe('as of the last stock event; the detail is live'),
    isNew: z.boolean(),
  })
  .meta({ id: 'ProductCard' })

const variantSchema = z
  .object({
    sku: z.string(),
    title: z.string().describe('the option values, joined'),
    options: z.record(z.string(), z.string()),
    color: z.string().nullable(),
    price: moneySchema,
    availability: availabilitySchema,
    availableQuantity: z.int().describe('how many can be bought now, capped at 20'),
    weightGrams: z.int(),
    dimensionsMm: z.object({ width: z.int(), depth: z.int(), height: z.int() }).nullable(),
    imageIndex: z.int(),
  })
  .meta({ id: 'Variant' })

export const productSchema = z
  .object({
    productId: idSchema('product'),
    slug: z.string(),
    title: z.string(),
    summary: z.string(),
    description: z.string(),
    category: z.object({ slug: z.string(), name: z.string() }),
    vendor: z.string(),
    images: z.array(imageSchema),
    options: z.array(z.object({ name: z.string(), values: z.array(z.string()) })),
    attributes: z.record(z.string(), z.array(z.string())),
    variants: z.array(variantSchema),
    related: z.array(productCardSchema),
    stockIsLive: z
      .boolean()
      .describe('false when inventory could not be asked and the last known class is shown'),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Product' })

/** What cart, checkout and pricing need to know of a variant; always read from the database. */
const sellableVariantSchema = z.object({
  sku: z.string(),
  productId: idSchema('product'),
  slug: z.string(),
  title: z.string(),
  variantTitle: z.string(),
  price: moneySchema,
  taxClass: z.enum(['standard', 'reduced', 'zero']),
  weightGrams: z.int(),
  vendorId: idSchema('vendor'),
  image: imageSchema.nullable(),
})

const importedImageSchema = z.strictObject({
  ...imageSchema.shape,
  width: z.int().min(1).max(IMAGE_SIDE_MAX),
  height: z.int().min(1).max(IMAGE_SIDE_MAX),
})

const dimensionMm = z.int().min(0).max(DIMENSION_MM_MAX)

const importedProductSchema = z.strictObject({
  slug: slugSchema,
  title: z.string().min(1).max(200),
  summary: z.string().max(500),
  description: z.string().max(20_000),
  category: z.strictObject({
    slug: slugSchema,
    name: z.string().min(1).max(100),
    description: z.string().max(500),
  }),
  vendor: z.string().min(1).max(100),
  collections: z.array(slugSchema).max(50),
  taxClass: z.enum(['standard', 'reduced', 'zero']).default('standard'),
  options: z.array(z.strictObject({ name: z.string(), values: z.array(z.string()) })).max(5),
  attributes: z.record(z.string(), z.array(z.string())),
  images: z.array(importedImageSchema).max(IMAGES_MAX),
  related: z.array(slugSchema).max(12),
  variants: z
    .array(
      z.strictObject({
        sku: skuSchema,
        options: z.record(z.string(), z.string()),
        color: z.string().nullable(),
        prices: z.partialRecord(currencySchema, priceSchema.shape.amount),
        weightGrams: z.int().min(0).max(WEIGHT_GRAMS_MAX),
        dimensionsMm: z
          .strictObject({ width: dimensionMm, depth: dimensionMm, height: dimensionMm })
          .nullable(),
        imageIndex: z
          .int()
          .min(0)
          .max(IMAGES_MAX - 1),
      }),
    )
    .min(1)
    .max(100),
})

export type ImportedProduct = z.input<typeof importedProductSchema>

/** Event `product.changed`, aggregate type `product`, aggregate id = product id. What it is now: ask `getProduct`. */
export const productChangedSchema = z.object({
  productId: idSchema('product'),
  slug: z.string(),
  change: z.enum(['imported', 'price-set']),
})

export const productContract = {
  listCategories: operation
    .meta({ access: 'public', rateClass: 'read' })
    .route({ method: 'GET', path: '/categories', tags: ['Catalog'], summary: 'List categories' })
    .input(z.strictObject({}).optional())
    .output(z.object({ items: z.array(categorySchema) })),

  listProducts: operation
    .meta({ access: 'public', rateClass: 'read' })
    .route({
      method: 'GET',
      path: '/products',
      tags: ['Catalog'],
      summary: 'List products',
      description: 'Products that have a price in the currency asked for. Every answer reads the database.',
    })
    .input(
      z.strictObject({
        category: slugSchema.optional(),
        collection: slugSchema.optional(),
        currency: currencySchema.default('EUR'),
        sort: z.enum(['featured', 'newest', 'price-asc', 'price-desc']).default('featured'),
        ...pageInput,
      }),
    )
    .output(pageOf(productCardSchema).extend({ total: z.int() }))
    .errors({ ...refusals.invalid }),

  searchProducts: operation
    .meta({ access: 'public', rateClass: 'read' })
    .route({
      method: 'GET',
      path: '/search',
      tags: ['Catalog'],
      summary: 'Search products',
      description:
        'Full text with typo tolerance. `correctedQuery` says what was searched when a word was corrected.',
    })
    .input(
      z.strictObject({
        q: z.string().trim().min(1, { error: 'must not be empty' }).max(200),
        currency: currencySchema.default('EUR'),
        ...pageInput,
      }),
    )
    .output(pageOf(productCardSchema).extend({ total: z.int(), correctedQuery: z.string().nullable() }))
    .errors({ ...refusals.invalid }),

  getProduct: operation
    .meta({ access: 'public', rateClass: 'read' })
    .route({
      method: 'GET',
      path: '/products/{slug}',
      tags: ['Catalog'],
      summary: 'Get a product with live stock',
    })
    .input(z.strictObject({ slug: slugSchema, currency: currencySchema.default('EUR') }))
    .output(productSchema)
    .errors(refusals.notFound),

  setVariantPrice: operation
    .meta({ access: 'staff', rateClass: 'write', idempotency: 'accepted' })
    .route({
      method: 'PUT',
      path: '/admin/variants/{sku}/price',
      tags: ['Staff'],
      summary: "Set a variant's price in one currency",
    })
    .input(z.strictObject({ sku: skuSchema, price: priceSchema }))
    .output(z.object({ sku: z.string(), price: moneySchema }))
    .errors({ ...refusals.notFound, ...refusals.invalid, ...refusals.idempotency }),

  importProducts: operation
    .meta({ access: 'staff', rateClass: 'write' })
    .route({
      method: 'POST',
      path: '/admin/products/import',
      tags: ['Staff'],
      summary: 'Create or update products by slug, all or nothing',
    })
    .input(z.strictObject({ products: z.array(importedProductSchema).min(1).max(200) }))
    .output(z.object({ created: z.int(), updated: z.int() }))
    .errors({ ...refusals.invalid }),

  /** Unknown SKUs and SKUs without a price in the currency are left out of the answer. */
  getVariants: operation
    .meta({ access: 'internal' })
    .input(z.strictObject({ skus: z.array(z.string()).min(1).max(200), currency: currencySchema }))
    .output(z.object({ items: z.array(sellableVariantSchema) })),

  receiveEvents,
  ...deadLetterOperations('product'),
}
