import { inventoryContract } from '@storewright/inventory/contract'
import type { Currency } from '@storewright/kernel/money'
import { type CallContext, forward } from '@storewright/rpc/context'
import type { ServiceEnvironment } from '@storewright/rpc/service'
import { cardOf, lastKnownStock, type Product, shownStock } from './domain.ts'
import { findProduct, type ProductRow } from './store.ts'

export const needs = { inventory: inventoryContract }
export type Environment = ServiceEnvironment<typeof needs>

/** A page that waits longer for stock is worse than one with the last known class. */
const STOCK_TIMEOUT_MS = 1_000

export async function getProduct(
  environment: Environment,
  context: CallContext,
  { slug, currency }: { slug: string; currency: Currency },
): Promise<Product | undefined> {
  const row = await findProduct(environment.database, slug, currency)
  if (!row) return undefined
  const live = await askStock(environment, context, row)
  return {
    productId: row.product_id,
    slug: row.slug,
    title: row.title,
    summary: row.summary,
    description: row.description,
    category: { slug: row.category_slug, name: row.category_name },
    vendor: row.vendor,
    images: row.images,
    options: row.options,
    attributes: row.attributes,
    variants: row.variants.map(variant => ({
      sku: variant.sku,
      title: variant.title,
      options: variant.options,
      color: variant.color,
      price: { amount: variant.amount, currency },
      ...(live ? shownStock(live.get(variant.sku)) : lastKnownStock(variant.availability)),
      weightGrams: variant.weight_grams,
      dimensionsMm: variant.dimensions_mm,
      imageIndex: variant.image_index,
    })),
    related: (row.related ?? []).map(related => cardOf(related, currency)),
    stockIsLive: live !== undefined,
    updatedAt: row.updated_at.toISOString(),
  }
}

type StockItem = Awaited<ReturnType<Environment['needs']['inventory']['getAvailability']>>['items'][number]

/** Undefined when inventory does not answer, or not in time: a shopper must still see the product. */
async function askStock(
  { needs, log }: Environment,
  context: CallContext,
  { slug, variants }: ProductRow,
): Promise<Map<string, StockItem> | undefined> {
  try {
    const { items } = await needs.inventory.getAvailability(
      { skus: variants.map(variant => variant.sku) },
      forward(context, 'product', STOCK_TIMEOUT_MS),
    )
    return new Map(items.map(item => [item.sku, item]))
  } catch (error) {
    log.warn(
      { err: error, traceId: context.traceId, slug },
      'inventory gave no stock: showing the last known',
    )
    return undefined
  }
}
