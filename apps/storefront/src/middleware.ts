import type { MiddlewareHandler } from 'astro'
import { splitMarket } from './markets.ts'
import { asRefusal } from './store-api.ts'

/** The error pages are looked up by Astro itself; rewriting to them by name would make them addresses of their own. */
export const onRequest: MiddlewareHandler = async (context, next) => {
  const { locals, url } = context
  // Errors and rewrites pass here a second time, with the first pass's decision in place.
  if (locals.market) return next()
  const { market, path } = splitMarket(context.originPathname)
  locals.market = market
  locals.path = path
  try {
    return await (market.prefix === '' ? next() : next(path + url.search))
  } catch (error) {
    const refusal = asRefusal(error)
    if (!refusal) throw error
    locals.problem = refusal
    return context.rewrite(new Request(new URL('/refused', url)))
  }
}
