import { listDeadLetters, retryDeadLetter } from '@storewright/events/dead-letter'
import { consumeEvents } from '@storewright/events/inbox'
import { availabilityChangedSchema } from '@storewright/inventory/contract'
import { isId } from '@storewright/kernel/ids'
import type { Currency } from '@storewright/kernel/money'
import { decodeCursor, encodeCursor } from '@storewright/kernel/paging'
import type { FieldError } from '@storewright/kernel/problem'
import { createSharedRead } from '@storewright/postgres/shared-read'
import type { Sql } from '@storewright/postgres/sql'
import { implement } from '@storewright/rpc/implement'
import { oncePerKey } from '@storewright/rpc/once-per-key'
import { defineService, type RunningService } from '@storewright/rpc/service'
import { productContract, skuSchema } from './contract.ts'
import { ALL_SHELF, cardOf, categoryShelf, collectionShelf, importErrors } from './domain.ts'
import { type Environment, getProduct, needs } from './get-product.ts'
import { ImportConflict, importProducts } from './import-store.ts'
import { searchProducts } from './search-products.ts'
import {
  listCards,
  listCategories,
  listSellableVariants,
  type Place,
  type PlacedCard,
  refreshStatistics,
  type SellableVariantRow,
  setPrice,
  setStockClasses,
} from './store.ts'

export const productService = defineService({
  name: 'product',
  contract: productContract,
  needs,
  migrations: new URL('../migrations/', import.meta.url),
  publishes: ['product'],
  hears: ['stock-item'],
  maxConnections: 8,
  start: async environment => start(environment),
})

function start(environment: Environment): RunningService {
  const { database, eventsAppended } = environment
  const os = implement(productContract)
  const readers = new Map<Currency, ReturnType<typeof variantReader>>()
  const variantsIn = (currency: Currency) => {
    const reader = readers.get(currency) ?? variantReader(environment, currency)
    readers.set(currency, reader)
    return reader
  }
  const router = os.router({
    listCategories: os.listCategories.handler(async () => ({ items: await listCategories(database) })),

    listProducts: os.listProducts.handler(async ({ input, errors }) => {
      const { category, collection, currency, sort, limit } = input
      const after = placeOf(input.cursor, sort)
      if (after === 'foreign') throw errors['invalid-input']({ data: { errors: [FOREIGN_CURSOR] } })
      const { items, total } = await listCards(database, {
        shelf: collection ? collectionShelf(collection) : category ? categoryShelf(category) : ALL_SHELF,
        category: collection ? category : undefined,
        currency,
        sort,
        after,
        limit: limit + 1,
      })
      return { ...pageOf(items, limit, sort), items: cardsOf(items, limit, currency), total }
    }),

    searchProducts: os.searchProducts.handler(async ({ input, errors }) => {
      const after = placeOf(input.cursor, 'search')
      if (after === 'foreign') throw errors['invalid-input']({ data: { errors: [FOREIGN_CURSOR] } })
      const { limit, currency } = input
      const { items, total, correctedQuery } = await searchProducts(database, {
        query: input.q,
        currency,
        after,
        limit: limit + 1,
      })
      const page = pageOf(items, limit, 'search')
      return { ...page, items: cardsOf(items, limit, currency), total, correctedQuery }
    }),

    getProduct: os.getProduct.handler(async ({ input, context, errors }) => {
      const product = await getProduct(environment, context, input)
      if (!product) throw errors['not-found']()
      return product
    }),

    setVariantPrice: os.setVariantPrice.handler(async ({ input, context, errors }) => {
      const { sku, price } = input
      const found = await database.transaction(sql =>
        oncePerKey(sql, context, { operation: 'setVariantPrice', input }, () => setPrice(sql, sku, price)),
      )
      if (!found) throw errors['not-found']()
      eventsAppended()
      return { sku, price }
    }),

    importProducts: os.importProducts.handler(async ({ input, errors }) => {
      const refuse = (problems: FieldError[]) => errors['invalid-input']({ data: { errors: problems } })
      const problems = importErrors(input.products)
      if (problems.length > 0) throw refuse(problems)
      const counts = await importProducts(database, input.products).catch(error => {
        throw error instanceof ImportConflict ? refuse(error.errors) : error
      })
      eventsAppended()
      await refreshStatistics(database)
      return counts
    }),

    getVariants: os.getVariants.handler(async ({ input }) => {
      const skus = input.skus.filter(sku => skuSchema.safeParse(sku).success)
      const rows = await variantsIn(input.currency)(skus)
      return {
        items: skus.flatMap(sku => {
          const row = rows.get(sku)
          return row ? [variantOf(row, input.currency)] : []
        }),
      }
    }),

    receiveEvents: os.receiveEvents.handler(async ({ input }) => {
      await consumeEvents(database, HANDLERS, input.events)
      return {}
    }),

    listDeadLetters: os.listDeadLetters.handler(async () => ({ items: await listDeadLetters(database) })),

    retryDeadLetter: os.retryDeadLetter.handler(async ({ input, errors }) => {
      const retried = await retryDeadLetter(database, HANDLERS, input.eventId)
      if (!retried) throw errors['not-found']()
      return retried
    }),
  })
  return {
    router,
    ready: async () => void (await database.query('select 1', [])),
    stop: async () => {},
  }
}

const HANDLERS = {
  'stock-item': {
    'inventory.availability-changed': (sql: Sql, events: readonly { payload: unknown }[]) =>
      setStockClasses(
        sql,
        events.map(event => availabilityChangedSchema.parse(event.payload)),
      ),
  },
}

const FOREIGN_CURSOR: FieldError = { field: 'cursor', message: 'is not a cursor of this list' }

/** A cursor says for which order it was made: a price is no place in an order by rank. */
function placeOf(cursor: string | undefined, order: string): Place | undefined | 'foreign' {
  if (cursor === undefined) return undefined
  const [made, value, productId] = decodeCursor(cursor, 3) ?? []
  const fits = made === order && typeof value === 'number' && Number.isSafeInteger(value)
  return fits && typeof productId === 'string' && isId('product', productId)
    ? { value, productId }
    : 'foreign'
}

/** `rows` holds one more than the page when there is a next page. */
function pageOf(rows: readonly PlacedCard[], limit: number, order: string): { nextCursor: string | null } {
  const last = rows[limit - 1]
  if (rows.length <= limit || !last) return { nextCursor: null }
  return { nextCursor: encodeCursor([order, last.sort_value, last.card.productId]) }
}

function cardsOf(rows: readonly PlacedCard[], limit: number, currency: Parameters<typeof cardOf>[1]) {
  return rows.slice(0, limit).map(row => cardOf(row, currency))
}

/** Cart and checkout ask at every view and every quote: a crowd of shoppers shares the statements. */
function variantReader({ database }: Environment, currency: Currency) {
  return createSharedRead<string, SellableVariantRow>({
    name: `product.variants.${currency}`,
    read: async skus => {
      const rows = await listSellableVariants(database, skus, currency)
      return new Map(rows.map(row => [row.sku, row]))
    },
  })
}

function variantOf(row: SellableVariantRow, currency: Currency) {
  return {
    sku: row.sku,
    productId: row.product_id,
    slug: row.slug,
    title: row.title,
    variantTitle: row.variant_title,
    price: { amount: row.amount, currency },
    taxClass: row.tax_class,
    weightGrams: row.weight_grams,
    vendorId: row.vendor_id,
    image: row.image,
  }
}
