import { demoCatalogue } from '@storewright/demo'
import { systemClock } from '@storewright/kernel/clock'
import { newId } from '@storewright/kernel/ids'
import { createSigner } from '@storewright/kernel/signed'
import type { Database } from '@storewright/postgres/sql'
import { createTestDatabase } from '@storewright/postgres/testing'
import { createClients, inTime } from '@storewright/rpc/client'
import { type CallContext, systemContext } from '@storewright/rpc/context'
import { createLogger } from '@storewright/rpc/log'
import { problemOf } from '@storewright/rpc/refusal'
import type { ServiceClient } from '@storewright/rpc/service'
import { tokenKeys } from '@storewright/rpc/token'
import { type ImportedProduct, productContract } from './contract.ts'
import type { Availability } from './domain.ts'
import type { Environment } from './get-product.ts'
import { productService } from './service.ts'

type GetAvailability = Environment['needs']['inventory']['getAvailability']

export interface ProductTest {
  readonly product: ServiceClient<typeof productContract>
  readonly database: Database
  /** What inventory answers; tests replace it. */
  readonly inventory: { getAvailability: GetAvailability }
  /** How often the service said that it appended events. */
  readonly appended: { count: number }
  drop(): Promise<void>
}

/** The service on a fresh database; inventory is the test's own. */
export async function createProductTest(): Promise<ProductTest> {
  const scratch = await createTestDatabase({
    service: 'product',
    folders: [
      { name: 'postgres', url: new URL('../../../packages/postgres/migrations/', import.meta.url) },
      { name: 'events', url: new URL('../../../packages/events/migrations/', import.meta.url) },
      { name: 'product', url: productService.migrations },
    ],
  })
  const inventory = { getAvailability: plenty }
  const appended = { count: 0 }
  const running = await productService.start({
    database: scratch.database,
    needs: { inventory: inTime('inventory', inventory) as Environment['needs']['inventory'] },
    config: {},
    clock: systemClock,
    log: createLogger({ level: 'silent' }),
    publicUrl: 'http://localhost',
    signer: purpose => createSigner('secret of a test', purpose),
    eventsAppended: () => {
      appended.count++
    },
  })
  const { product } = createClients(
    { product: productContract },
    { config: {}, keys: tokenKeys(['secret of a test']), find: () => running },
  )
  return { product, database: scratch.database, inventory, appended, drop: scratch.drop }
}

export const plenty: GetAvailability = async ({ skus }) => ({
  items: skus.map(sku => ({ sku, available: 100, availability: 'in-stock' as const })),
})

export const call = (): { context: CallContext } => ({ context: systemContext('test') })

export const demoProducts: readonly ImportedProduct[] = demoCatalogue().products

/** A small product; what matters to the test is in `change`. */
export function productOf(slug: string, change: Partial<ImportedProduct> = {}): ImportedProduct {
  return {
    slug,
    title: `Title of ${slug}`,
    summary: '',
    description: '',
    category: { slug: 'things', name: 'Things', description: '' },
    vendor: 'Maker',
    collections: [],
    options: [],
    attributes: {},
    images: [],
    related: [],
    variants: [variantOf(`${slug}-1`, 1000)],
    ...change,
  }
}

export function variantOf(sku: string, eur: number): ImportedProduct['variants'][number] {
  return {
    sku,
    options: {},
    color: null,
    prices: { EUR: eur },
    weightGrams: 100,
    dimensionsMm: null,
    imageIndex: 0,
  }
}

/** An event as inventory publishes it. */
export function stockEvent(sku: string, aggregateSeq: number, availability: Availability) {
  return {
    id: newId('event'),
    aggregateType: 'stock-item',
    aggregateId: sku,
    aggregateSeq,
    type: 'inventory.availability-changed',
    payload: { sku, availability },
    occurredAt: new Date().toISOString(),
    trace: null,
  }
}

/** Code and fields of the refusal that `promise` must end in. */
export async function refusalOf(promise: Promise<unknown>): Promise<{ code: string; fields: string[] }> {
  const error: unknown = await promise.then(
    value => {
      throw new Error(`it was not refused but answered ${JSON.stringify(value)}`)
    },
    reason => reason,
  )
  const problem = problemOf(error, { instance: '/', traceId: 't' })
  if (problem.status >= 500) throw error
  return { code: problem.code, fields: (problem.errors ?? []).map(({ field }) => field) }
}
