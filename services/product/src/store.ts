import { appendEvents } from '@storewright/events/outbox'
import type { Id } from '@storewright/kernel/ids'
import type { Currency, Money } from '@storewright/kernel/money'
import type { Sql } from '@storewright/postgres/sql'
import type { Availability, CardRow, Image, Product } from './domain.ts'

export type Sort = 'featured' | 'newest' | 'price-asc' | 'price-desc'

/** Where a page begins: the sort value and product id of the row before it. */
export interface Place {
  readonly value: number
  readonly productId: string
}

export type PlacedCard = CardRow & { readonly sort_value: number }

/** What a list reads of a product; `category` and `product` must be joined to `listing`. */
export const CARD_COLUMNS = `product.card, listing.amount, listing.price_varies, product.availability,
  product.category_slug, category.name as category_name`

const SORTS = {
  featured: { column: 'featured_rank', descending: false },
  newest: { column: 'created_seq', descending: true },
  'price-asc': { column: 'amount', descending: false },
  'price-desc': { column: 'amount', descending: true },
} as const

/** One range of one index of listing. Postgres writes the page as JSON: one value to read instead of rows × columns. */
function pageSql(sort: Sort, narrowed: boolean): string {
  const { column, descending } = SORTS[sort]
  const direction = descending ? 'desc' : 'asc'
  return `select
    ${narrowed ? NARROWED_TOTAL : '(select total from shelf_total where shelf = $1 and currency = $2)'} as total,
    (select json_agg(page) from (
      select ${CARD_COLUMNS}, listing.${column} as sort_value
      from listing
      join product using (product_id)
      join category on category.slug = product.category_slug
      where listing.shelf = $1 and listing.currency = $2
        and (listing.${column}, listing.product_id) ${descending ? '<' : '>'} ($3::bigint, $4::text)
        ${narrowed ? 'and product.category_slug = $6' : ''}
      order by listing.${column} ${direction}, listing.product_id ${direction}
      limit $5::bigint
    ) as page) as items`
}

/** Of a collection inside a category, which nobody counts beforehand. */
const NARROWED_TOTAL = `(select count(*) from listing join product using (product_id)
      where listing.shelf = $1 and listing.currency = $2 and product.category_slug = $6)`

const SORT_NAMES = Object.keys(SORTS) as Sort[]
const PAGE_SQL = new Map(SORT_NAMES.map(sort => [sort, pageSql(sort, false)]))
const NARROWED_PAGE_SQL = new Map(SORT_NAMES.map(sort => [sort, pageSql(sort, true)]))

/** Before the first row in either direction. A text, because the largest int8 is no JavaScript number. */
const START = {
  ascending: ['-1', ''],
  descending: ['9223372036854775807', ''],
} as const

export async function listCards(
  sql: Sql,
  page: {
    shelf: string
    /** Only those of the shelf that are in this category. */
    category: string | undefined
    currency: Currency
    sort: Sort
    after: Place | undefined
    limit: number
  },
): Promise<{ items: PlacedCard[]; total: number }> {
  const start = SORTS[page.sort].descending ? START.descending : START.ascending
  const [value, productId] = page.after ? [page.after.value, page.after.productId] : start
  const values = [page.shelf, page.currency, value, productId, page.limit]
  const [row] =
    page.category === undefined
      ? await sql.query<PageRow>(PAGE_SQL.get(page.sort) ?? '', values)
      : await sql.query<PageRow>(NARROWED_PAGE_SQL.get(page.sort) ?? '', [...values, page.category])
  return { items: row?.items ?? [], total: row?.total ?? 0 }
}

interface PageRow {
  total: number | null
  items: PlacedCard[] | null
}

export async function listCategories(
  sql: Sql,
): Promise<{ slug: string; name: string; description: string; productCount: number; image: Image | null }[]> {
  return sql.query(
    `select slug, name, description,
       (select count(*) from product where category_slug = category.slug) as "productCount",
       (select images->0 from product where category_slug = category.slug order by featured_rank limit 1) as image
     from category order by rank`,
    [],
  )
}

export interface ProductRow {
  readonly product_id: Id<'product'>
  readonly slug: string
  readonly title: string
  readonly summary: string
  readonly description: string
  readonly category_slug: string
  readonly category_name: string
  readonly vendor: string
  readonly images: Image[]
  readonly options: Product['options']
  readonly attributes: Product['attributes']
  readonly updated_at: Date
  readonly variants: readonly {
    sku: string
    title: string
    options: Record<string, string>
    color: string | null
    amount: number
    availability: Availability
    weight_grams: number
    dimensions_mm: Product['variants'][number]['dimensionsMm']
    image_index: number
  }[]
  readonly related: readonly CardRow[] | null
}

/** Undefined when there is no such product, or none of its variants has a price in the currency. */
export async function findProduct(
  sql: Sql,
  slug: string,
  currency: Currency,
): Promise<ProductRow | undefined> {
  const [row] = await sql.query<Omit<ProductRow, 'variants'> & { variants: ProductRow['variants'] | null }>(
    `select this.product_id, this.slug, this.title, this.summary, this.description, this.category_slug,
       category.name as category_name, vendor.name as vendor, this.images, this.options, this.attributes,
       this.updated_at,
       (select json_agg(found) from (
         select variant.sku, title, options, color, amount, weight_grams, dimensions_mm, image_index,
           coalesce(stock_class.availability, 'sold-out') as availability
         from variant
         join variant_price on variant_price.sku = variant.sku and currency = $2
         left join stock_class on stock_class.sku = variant.sku
         where variant.product_id = this.product_id
         order by position
       ) as found) as variants,
       (select json_agg(found) from (
         select ${CARD_COLUMNS}
         from unnest(this.related) with ordinality as wanted (slug, place)
         join product on product.slug = wanted.slug
         join listing on listing.product_id = product.product_id and shelf = '' and currency = $2
         join category on category.slug = product.category_slug
         order by place
       ) as found) as related
     from product as this
     join category on category.slug = this.category_slug
     join vendor on vendor.vendor_id = this.vendor_id
     where this.slug = $1`,
    [slug, currency],
  )
  return row?.variants ? { ...row, variants: row.variants } : undefined
}

export interface SellableVariantRow {
  readonly sku: string
  readonly product_id: Id<'product'>
  readonly slug: string
  readonly title: string
  readonly variant_title: string
  readonly amount: number
  readonly tax_class: 'standard' | 'reduced' | 'zero'
  readonly weight_grams: number
  readonly vendor_id: Id<'vendor'>
  readonly image: Image | null
}

export async function listSellableVariants(
  sql: Sql,
  skus: readonly string[],
  currency: Currency,
): Promise<SellableVariantRow[]> {
  return sql.query<SellableVariantRow>(
    `select variant.sku, product.product_id, product.slug, product.title, variant.title as variant_title,
       variant_price.amount, product.tax_class, variant.weight_grams, product.vendor_id,
       coalesce(product.images->variant.image_index, product.images->0) as image
     from variant
     join variant_price on variant_price.sku = variant.sku and variant_price.currency = $2
     join product on product.product_id = variant.product_id
     where variant.sku = any ($1::text[])`,
    [skus, currency],
  )
}

/**
 * After an import: until Postgres knows how many rows there are, it reads whole tables to find a product's related
 * ones. Autovacuum would come to it within a minute or so.
 */
export async function refreshStatistics(sql: Sql): Promise<void> {
  await sql.query('analyze product, variant, variant_price, listing, stock_class')
}

/**
 * Held to the end of a transaction that changes what lists show. An import takes it alone: it moves SKUs between
 * products and products between shelves, which the row locks of price and stock changes could not order.
 */
export async function lockCatalog(sql: Sql, as: 'importer' | 'changer'): Promise<void> {
  if (as === 'importer')
    await sql.query(`select pg_advisory_xact_lock(hashtext(current_schema || '.catalog'))`, [])
  else await sql.query(`select pg_advisory_xact_lock_shared(hashtext(current_schema || '.catalog'))`, [])
}

/** Locks the product's row, which orders all changes of one product. False when there is no such SKU. */
export async function setPrice(sql: Sql, sku: string, price: Money): Promise<boolean> {
  await lockCatalog(sql, 'changer')
  const [product] = await sql.query<{ product_id: Id<'product'>; slug: string }>(
    `select product_id, slug from product
     where product_id = (select product_id from variant where sku = $1) for no key update`,
    [sku],
  )
  if (!product) return false
  const changed = await sql.query(
    `insert into variant_price as known (sku, currency, amount) values ($1, $2, $3)
     on conflict (sku, currency) do update set amount = excluded.amount where known.amount <> excluded.amount
     returning sku`,
    [sku, price.currency, price.amount],
  )
  if (changed.length === 0) return true
  await putOnShelves(sql, [product.product_id])
  const [row] = await sql.query<{ version: number }>(
    'update product set version = version + 1, updated_at = now() where product_id = $1 returning version',
    [product.product_id],
  )
  if (!row) throw new Error(`product ${product.product_id} went away under its lock`)
  await appendEvents(sql, [
    {
      aggregateType: 'product',
      aggregateId: product.product_id,
      aggregateSeq: row.version,
      type: 'product.changed',
      payload: { productId: product.product_id, slug: product.slug, change: 'price-set' },
    },
  ])
  return true
}

/** Derives the rows of listing from the products and their prices. */
export async function putOnShelves(sql: Sql, productIds: readonly string[]): Promise<void> {
  await sql.query(
    `insert into listing (shelf, currency, product_id, featured_rank, created_seq, amount, price_varies)
     select shelf, price.currency, product.product_id, featured_rank, created_seq, price.amount, price.varies
     from product
     cross join lateral (
       select currency, min(amount) as amount, min(amount) <> max(amount) as varies
       from variant join variant_price using (sku)
       where variant.product_id = product.product_id group by currency
     ) as price
     cross join lateral (
       select '' union all select 'category:' || category_slug
       union all select distinct 'collection:' || name from unnest(collections) as collection (name)
     ) as place (shelf)
     where product.product_id = any ($1::text[])
     order by shelf, price.currency, product.product_id
     on conflict (product_id, shelf, currency) do update
       set amount = excluded.amount, price_varies = excluded.price_varies`,
    [productIds],
  )
}

/**
 * Remembers inventory's classes, also for SKUs unknown here, and gives each product its best one. Locks stock rows by
 * SKU, then products by id. A second class of one SKU in one batch replaces the first.
 */
export async function setStockClasses(
  sql: Sql,
  classes: readonly { sku: string; availability: Availability }[],
): Promise<void> {
  await lockCatalog(sql, 'changer')
  const latest = new Map(classes.map(({ sku, availability }) => [sku, availability]))
  const skus = [...latest.keys()].sort()
  await sql.query(
    `insert into stock_class (sku, availability)
     select sku, availability from unnest($1::text[], $2::text[]) as heard (sku, availability) order by sku collate "C"
     on conflict (sku) do update set availability = excluded.availability`,
    [skus, skus.map(sku => latest.get(sku))],
  )
  const products = await sql.query<{ product_id: string }>(
    `select product_id from product
     where product_id in (select product_id from variant where sku = any ($1::text[]))
     order by product_id for no key update`,
    [skus],
  )
  await deriveAvailability(
    sql,
    products.map(product => product.product_id),
  )
}

/** The best class among a product's variants. The product rows must be locked: two writers would see half each. */
export async function deriveAvailability(sql: Sql, productIds: readonly string[]): Promise<void> {
  await sql.query(
    `update product set availability = best.availability
     from (
       select product_id,
         case when bool_or(availability = 'in-stock') then 'in-stock'
              when bool_or(availability = 'low-stock') then 'low-stock' else 'sold-out' end as availability
       from variant left join stock_class using (sku)
       where product_id = any ($1::text[]) group by product_id
     ) as best
     where product.product_id = best.product_id and product.availability <> best.availability`,
    [productIds],
  )
}
