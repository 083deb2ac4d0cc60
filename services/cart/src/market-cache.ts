import type { Clock } from '@storewright/kernel/clock'
import type { Market } from './domain.ts'

/** A market's currency changes about never; a new market is known this late at most. */
const MARKETS_FRESH_MS = 5_000

/** Finds markets by id; one call to pricing serves everybody for `MARKETS_FRESH_MS`. A failed call is not kept. */
export function createMarketCache(
  list: () => Promise<readonly Market[]>,
  clock: Clock,
): (marketId: string) => Promise<Market | undefined> {
  let markets: Promise<readonly Market[]> | undefined
  let askedAt = 0
  return async marketId => {
    if (!markets || clock.now() - askedAt >= MARKETS_FRESH_MS) {
      askedAt = clock.now()
      const asked = list()
      markets = asked
      asked.catch(() => {
        if (markets === asked) markets = undefined
      })
    }
    return (await markets).find(market => market.marketId === marketId)
  }
}
