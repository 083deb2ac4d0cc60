import { demoCatalogue } from '@storewright/demo'
import { forward, systemContext } from '@storewright/rpc/context'
import type { Logger } from '@storewright/rpc/log'
import type { Clients } from './services.ts'

/** Imports run in batches of this size: each is one transaction. */
const BATCH = 50
const SEED_TIMEOUT_MS = 120_000

/**
 * Puts the demo shop into an empty catalog. Every part may be repeated (products go by slug, stock by reference), so
 * a start that was interrupted is completed by the next; products come last and mark the end.
 */
export async function seedDemo(clients: Clients, log: Logger): Promise<boolean> {
  const call = () => forward(systemContext('demo', SEED_TIMEOUT_MS), 'demo')
  const { items } = await clients.product.listCategories({}, call())
  if (items.length > 0) return false
  const demo = demoCatalogue()
  for (const market of demo.markets) await clients.pricing.setMarket(market, call())
  for (const location of demo.locations) await clients.inventory.setLocation(location, call())
  for (const [index, lines] of batches(demo.stock, BATCH * 4).entries())
    await clients.inventory.receiveStock({ lines, reference: `demo-opening-${index + 1}` }, call())
  // One import: the shop has either all of its products or none, and products may point at each other.
  await clients.product.importProducts({ products: demo.products }, call())
  log.info({ products: demo.products.length, stockLines: demo.stock.length }, 'the demo shop is in')
  return true
}

function batches<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}
