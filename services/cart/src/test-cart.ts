import { type Id, newId } from '@storewright/kernel/ids'
import { createSigner } from '@storewright/kernel/signed'
import type { Database } from '@storewright/postgres/sql'
import { createTestDatabase } from '@storewright/postgres/testing'
import { localClient } from '@storewright/rpc/client'
import { type CallContext, systemContext } from '@storewright/rpc/context'
import { createLogger } from '@storewright/rpc/log'
import type { ServiceClient, ServiceEnvironment } from '@storewright/rpc/service'
import type { cartContract } from './contract.ts'
import { cartService } from './service.ts'

type Needs = ServiceEnvironment<typeof cartService.needs>['needs']

/** What the neighbors say; a test changes it at will. */
export interface Neighbors {
  /** Price in cents by SKU. */
  readonly prices: Map<string, number>
  readonly stock: Map<string, number>
  inventoryIsDown: boolean
  /** Calls and statements so far. */
  readonly count: { product: number; inventory: number; pricing: number; statements: number }
}

export interface TestCart {
  readonly database: Database
  readonly client: ServiceClient<typeof cartContract>
  readonly neighbors: Neighbors
  /** Sells this SKU from now on. */
  offer(sku: string, priceAmount: number, stock: number): void
  drop(): Promise<void>
}

/** For tests: the real service on a real database; product, inventory and pricing are told what to say. */
export async function createTestCart(): Promise<TestCart> {
  const folder = (name: string, url: string) => ({ name, url: new URL(url, import.meta.url) })
  const made = await createTestDatabase({
    service: 'cart',
    folders: [
      folder('postgres', '../../../packages/postgres/migrations/'),
      folder('events', '../../../packages/events/migrations/'),
      folder('cart', '../migrations/'),
    ],
  })
  const neighbors: Neighbors = {
    prices: new Map(),
    stock: new Map(),
    inventoryIsDown: false,
    count: { product: 0, inventory: 0, pricing: 0, statements: 0 },
  }
  const service = await cartService.start({
    database: {
      ...made.database,
      query: (text, values) => {
        neighbors.count.statements++
        return made.database.query(text, values)
      },
    },
    needs: needsOf(neighbors),
    config: {},
    clock: { now: () => Date.now() },
    log: createLogger({ level: 'silent' }),
    publicUrl: 'http://localhost',
    signer: purpose => createSigner('secret of a test', purpose),
    eventsAppended: () => {},
  })
  return {
    database: made.database,
    client: localClient('cart', () => service) as ServiceClient<typeof cartContract>,
    neighbors,
    offer(sku, priceAmount, stock) {
      neighbors.prices.set(sku, priceAmount)
      neighbors.stock.set(sku, stock)
    },
    async drop() {
      await service.stop()
      await made.drop()
    },
  }
}

function needsOf(neighbors: Neighbors): Needs {
  const needs = {
    product: {
      getVariants: async ({ skus, currency }: { skus: string[]; currency: string }) => {
        neighbors.count.product++
        const sold = skus.filter(sku => neighbors.prices.has(sku))
        return {
          items: sold.map(sku => ({
            sku,
            productId: newId('product'),
            slug: sku.toLowerCase(),
            title: `Product ${sku}`,
            variantTitle: 'Plain',
            price: { amount: neighbors.prices.get(sku), currency },
            taxClass: 'standard',
            weightGrams: 100,
            vendorId: newId('vendor'),
            image: null,
          })),
        }
      },
    },
    inventory: {
      getAvailability: async ({ skus }: { skus: string[] }) => {
        neighbors.count.inventory++
        if (neighbors.inventoryIsDown) throw new Error('inventory is down')
        return {
          items: skus.map(sku => {
            const available = neighbors.stock.get(sku) ?? 0
            return { sku, available, availability: available === 0 ? 'sold-out' : 'in-stock' }
          }),
        }
      },
    },
    pricing: {
      listMarkets: async () => {
        neighbors.count.pricing++
        return {
          items: [
            { marketId: 'eu', currency: 'EUR' },
            { marketId: 'us', currency: 'USD' },
          ],
        }
      },
    },
  }
  return needs as unknown as Needs
}

export function asGuest(guestId: Id<'guest'>, idempotencyKey?: string): { context: CallContext } {
  return { context: { ...systemContext('gateway'), actor: { kind: 'guest', guestId }, idempotencyKey } }
}
