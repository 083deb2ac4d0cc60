import { appendEvents } from '@storewright/events/outbox'
import { type Id, newId } from '@storewright/kernel/ids'
import type { FieldError } from '@storewright/kernel/problem'
import type { Database, Sql } from '@storewright/postgres/sql'
import { type NewProduct, searchTerms, storedCard, variantTitle, vocabularyOf } from './domain.ts'
import { changeVocabulary, indexProducts } from './search-store.ts'
import { wordsIn } from './spelling.ts'
import { deriveAvailability, lockCatalog, putOnShelves } from './store.ts'

/** The products cannot be imported beside those that are there already. */
export class ImportConflict extends Error {
  readonly errors: FieldError[]

  constructor(errors: FieldError[]) {
    super('the import conflicts with products that exist')
    this.name = 'ImportConflict'
    this.errors = errors
  }
}

/**
 * Creates or replaces products by slug in one transaction, one event each. A product keeps its id, its place among the
 * featured and its variants' stock; variants that the import does not name are deleted. Throws `ImportConflict`.
 */
export async function importProducts(
  database: Database,
  products: readonly NewProduct[],
): Promise<{ created: number; updated: number }> {
  return database.transaction(async sql => {
    await lockCatalog(sql, 'importer')
    const vendorIds = await ensureVendors(sql, products)
    const renamed = await putCategories(sql, products)
    const known = await findKnown(sql, products)
    const drafts = products.map(product => ({
      product,
      productId: known.get(product.slug)?.productId ?? newId('product'),
      vendorId: vendorIds.get(product.vendor) ?? '',
      words: vocabularyOf(product),
    }))
    const versions = await putProducts(sql, drafts)
    await putVariants(sql, drafts)

    const productIds = drafts.map(draft => draft.productId)
    await sql.query('delete from listing where product_id = any ($1::text[])', [productIds])
    await putOnShelves(sql, productIds)
    await deriveAvailability(sql, productIds)
    await indexProducts(sql, { productIds, categorySlugs: renamed.map(category => category.slug) })
    await changeVocabulary(sql, {
      come: drafts.flatMap(draft => draft.words),
      gone: [
        ...[...known.values()].flatMap(product => product.words),
        ...renamed.flatMap(category => wordsIn(category.oldName)),
      ],
    })
    await appendEvents(
      sql,
      drafts.map(({ product, productId }) => ({
        aggregateType: 'product',
        aggregateId: productId,
        aggregateSeq: versions.get(productId) ?? 0,
        type: 'product.changed',
        payload: { productId, slug: product.slug, change: 'imported' },
      })),
    )
    return { created: products.length - known.size, updated: known.size }
  })
}

interface Draft {
  readonly product: NewProduct
  readonly productId: Id<'product'>
  readonly vendorId: string
  readonly words: readonly string[]
}

/** Ids by name; a name that is new gets an id that it keeps. */
async function ensureVendors(sql: Sql, products: readonly NewProduct[]): Promise<Map<string, string>> {
  const names = [...new Set(products.map(product => product.vendor))]
  await sql.query(
    `insert into vendor (vendor_id, name) select * from unnest($1::text[], $2::text[])
     on conflict (name) do nothing`,
    [names.map(() => newId('vendor')), names],
  )
  const rows = await sql.query<{ vendor_id: string; name: string }>(
    'select vendor_id, name from vendor where name = any ($1::text[])',
    [names],
  )
  return new Map(rows.map(row => [row.name, row.vendor_id]))
}

/** Answers the categories whose name has changed: their other products are found by it too. */
async function putCategories(
  sql: Sql,
  products: readonly NewProduct[],
): Promise<{ slug: string; oldName: string }[]> {
  const categories = [...new Map(products.map(({ category }) => [category.slug, category])).values()]
  const before = await sql.query<{ slug: string; name: string }>(
    'select slug, name from category where slug = any ($1::text[])',
    [categories.map(category => category.slug)],
  )
  await sql.query(
    `insert into category (slug, name, description) select * from unnest($1::text[], $2::text[], $3::text[])
     on conflict (slug) do update set name = excluded.name, description = excluded.description`,
    [
      categories.map(category => category.slug),
      categories.map(category => category.name),
      categories.map(category => category.description),
    ],
  )
  const names = new Map(categories.map(category => [category.slug, category.name]))
  return before
    .filter(({ slug, name }) => names.get(slug) !== name)
    .map(({ slug, name }) => ({ slug, oldName: name }))
}

async function findKnown(
  sql: Sql,
  products: readonly NewProduct[],
): Promise<Map<string, { productId: Id<'product'>; words: string[] }>> {
  const rows = await sql.query<{ slug: string; product_id: Id<'product'>; words: string[] }>(
    'select slug, product_id, words from product where slug = any ($1::text[])',
    [products.map(product => product.slug)],
  )
  return new Map(rows.map(row => [row.slug, { productId: row.product_id, words: row.words }]))
}

/** The new version of each. In the order given, which becomes the order of what is featured. */
async function putProducts(sql: Sql, drafts: readonly Draft[]): Promise<Map<string, number>> {
  const rows = await sql.query<{ product_id: string; version: number }>(
    `insert into product (product_id, slug, version, title, summary, description, category_slug, vendor_id, tax_class,
       collections, related, options, attributes, images, card, terms, words)
     select product_id, slug, 1, title, summary, description, category_slug, vendor_id, tax_class,
       collections, related, options, attributes, images, card, terms, words
     from rows from (jsonb_to_recordset($1::jsonb) as (product_id text, slug text, title text, summary text,
       description text, category_slug text, vendor_id text, tax_class text, collections text[], related text[],
       options jsonb, attributes jsonb, images jsonb, card json, terms text, words text[]))
       with ordinality as item (product_id, slug, title, summary, description, category_slug, vendor_id, tax_class,
         collections, related, options, attributes, images, card, terms, words, place)
     order by place
     on conflict (product_id) do update set version = product.version + 1, title = excluded.title,
       summary = excluded.summary, description = excluded.description, category_slug = excluded.category_slug,
       vendor_id = excluded.vendor_id, tax_class = excluded.tax_class, collections = excluded.collections,
       related = excluded.related, options = excluded.options, attributes = excluded.attributes,
       images = excluded.images, card = excluded.card, terms = excluded.terms, words = excluded.words,
       updated_at = now()
     returning product_id, version`,
    [
      JSON.stringify(
        drafts.map(({ product, productId, vendorId, words }) => ({
          product_id: productId,
          slug: product.slug,
          title: product.title,
          summary: product.summary,
          description: product.description,
          category_slug: product.category.slug,
          vendor_id: vendorId,
          tax_class: product.taxClass,
          collections: product.collections,
          related: product.related,
          options: product.options,
          attributes: product.attributes,
          images: product.images,
          card: storedCard(product, productId),
          terms: searchTerms(product).join(' '),
          words,
        })),
      ),
    ],
  )
  return new Map(rows.map(row => [row.product_id, row.version]))
}

/** First the variants that are no longer named go, so that a SKU may move from one product of the import to another. */
async function putVariants(sql: Sql, drafts: readonly Draft[]): Promise<void> {
  const variants = drafts.flatMap(({ product, productId }) =>
    product.variants.map((variant, position) => ({
      sku: variant.sku,
      product_id: productId,
      position,
      title: variantTitle(product, variant),
      options: variant.options,
      color: variant.color,
      weight_grams: variant.weightGrams,
      dimensions_mm: variant.dimensionsMm,
      image_index: variant.imageIndex,
    })),
  )
  const skus = variants.map(variant => variant.sku)
  const owners = variants.map(variant => variant.product_id)
  await sql.query(
    `delete from variant where product_id = any ($1::text[])
       and (sku, product_id) not in (select * from unnest($2::text[], $3::text[]))`,
    [drafts.map(draft => draft.productId), skus, owners],
  )
  const taken = await sql.query<{ sku: string; slug: string }>(
    `select variant.sku, product.slug
     from unnest($1::text[], $2::text[]) as wanted (sku, product_id)
     join variant on variant.sku = wanted.sku and variant.product_id <> wanted.product_id
     join product on product.product_id = variant.product_id`,
    [skus, owners],
  )
  if (taken.length > 0) throw new ImportConflict(takenErrors(drafts, taken))
  await sql.query(
    `insert into variant (sku, product_id, position, title, options, color, weight_grams, dimensions_mm, image_index)
     select sku, product_id, position, title, options, color, weight_grams, dimensions_mm, image_index
     from jsonb_to_recordset($1::jsonb) as item (sku text, product_id text, position int, title text, options jsonb,
       color text, weight_grams int, dimensions_mm jsonb, image_index int)
     on conflict (sku) do update set position = excluded.position, title = excluded.title,
       options = excluded.options, color = excluded.color, weight_grams = excluded.weight_grams,
       dimensions_mm = excluded.dimensions_mm, image_index = excluded.image_index`,
    [JSON.stringify(variants)],
  )
  await putPrices(sql, drafts, skus)
}

async function putPrices(sql: Sql, drafts: readonly Draft[], skus: readonly string[]): Promise<void> {
  const prices = drafts.flatMap(({ product }) =>
    product.variants.flatMap(({ sku, prices }) =>
      Object.entries(prices).map(([currency, amount]) => ({ sku, currency, amount })),
    ),
  )
  await sql.query('delete from variant_price where sku = any ($1::text[])', [skus])
  await sql.query(
    `insert into variant_price (sku, currency, amount)
     select * from unnest($1::text[], $2::text[], $3::bigint[])`,
    [prices.map(price => price.sku), prices.map(price => price.currency), prices.map(price => price.amount)],
  )
}

function takenErrors(
  drafts: readonly Draft[],
  taken: readonly { sku: string; slug: string }[],
): FieldError[] {
  const owners = new Map(taken.map(({ sku, slug }) => [sku, slug]))
  return drafts.flatMap(({ product }, index) =>
    product.variants.flatMap(({ sku }, place) => {
      const owner = owners.get(sku)
      const field = `products.${index}.variants.${place}.sku`
      return owner === undefined ? [] : [{ field, message: `is already used by the product ${owner}` }]
    }),
  )
}
