import type { Market } from './markets.ts'
import type { StoreApi } from './store-api.ts'

/** The sentence beside a price: names only taxes that are charged. */
export async function taxNote(api: StoreApi, market: Market): Promise<string> {
  const markets = await api.pricing.listMarkets().then(
    list => list.items,
    () => [], // A product can be read while prices cannot be computed.
  )
  const own = markets.find(({ marketId }) => marketId === market.id)
  if (!own) return 'Shipping and any tax shown at checkout'
  const taxes = own.taxNames.join(' and ')
  if (!taxes) return 'Shipping added at checkout'
  return own.taxIncluded
    ? `${taxes} included, shipping added at checkout`
    : `${taxes} and shipping added at checkout`
}
