import type { FieldError } from '@storewright/kernel/problem'
import { unstorableText } from '@storewright/kernel/storable-text'
import { createSharedRead } from '@storewright/postgres/shared-read'
import { implement } from '@storewright/rpc/implement'
import { defineService, type RunningService, type ServiceEnvironment } from '@storewright/rpc/service'
import { pricingContract } from './contract.ts'
import { calculateQuote, marketErrors } from './domain.ts'
import { findQuoteRules, listMarkets, replaceMarket } from './store.ts'

export const pricingService = defineService({
  name: 'pricing',
  contract: pricingContract,
  needs: {},
  migrations: new URL('../migrations/', import.meta.url),
  publishes: [],
  hears: [],
  maxConnections: 3,
  start: async environment => start(environment),
})

function start({ database }: ServiceEnvironment<Record<never, never>>): RunningService {
  const os = implement(pricingContract)
  // A shop has few pairs of market and country, and every quote asks for one of them.
  const quoteRules = createSharedRead<`${string}:${string}`, Awaited<ReturnType<typeof findQuoteRules>>>({
    name: 'pricing.rules',
    read: async keys =>
      new Map(
        await Promise.all(
          keys.map(async key => {
            const [marketId = '', country = ''] = key.split(':')
            return [key, await findQuoteRules(database, marketId, country)] as const
          }),
        ),
      ),
  })
  const router = os.router({
    listMarkets: os.listMarkets.handler(async () => ({ items: await listMarkets(database) })),

    setMarket: os.setMarket.handler(async ({ input, errors }) => {
      const problems = [...unstorableText(input), ...marketErrors(input)]
      if (problems.length > 0) throw errors['invalid-input']({ data: { errors: problems } })
      await replaceMarket(database, input)
      return { marketId: input.marketId }
    }),

    calculateQuote: os.calculateQuote.handler(async ({ input, errors }) => {
      const refuse = (problems: FieldError[]) => errors['invalid-input']({ data: { errors: problems } })
      const key = keyOf(input.marketId, input.country)
      const rules = (await quoteRules([key])).get(key) ?? { unknown: 'marketId' }
      if ('unknown' in rules)
        throw refuse([
          rules.unknown === 'marketId'
            ? { field: 'marketId', message: 'is not a market of this shop' }
            : { field: 'country', message: 'is not a country this market sells to' },
        ])
      const result = calculateQuote(rules, input)
      if ('errors' in result) throw refuse(result.errors)
      return result.quote
    }),
  })
  return {
    router,
    ready: async () => void (await database.query('select 1', [])),
    stop: async () => {},
  }
}

function keyOf(marketId: string, country: string): `${string}:${string}` {
  return `${marketId}:${country}`
}
