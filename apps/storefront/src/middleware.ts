import type { MiddlewareHandler } from 'astro'
import { splitMarket } from './markets.ts'
import { asRefusal } from './store-api.ts'

export const onRequest: MiddlewareHandler = async (context, next) => {
  const { locals, url } = context
  // Rewrites and error pages pass here again; what the address asked for is decided already.
  if (locals.market) return next()
  const { market, path } = splitMarket(url.pathname)
  locals.market = market
  locals.path = path === '/' ? path : path.replace(/\/+$/, '')
  try {
    const response = await (market.prefix === '' ? next() : next(path + url.search))
    // Redirects and error pages carry no headers of the page they replace: what is not said to be public is private.
    if (!response.headers.has('cache-control')) response.headers.set('cache-control', 'private, no-store')
    if (response.headers.get('content-type') === 'text/html')
      response.headers.set('content-type', 'text/html; charset=utf-8')
    return response
  } catch (error) {
    const refusal = asRefusal(error)
    if (!refusal) throw error
    // Without a query only the path can be wrong: there is no such page.
    const isNoPage = refusal.code === 'invalid-input' && context.request.method === 'GET' && url.search === ''
    locals.problem = isNoPage ? { code: 'not-found', status: 404, message: '', data: undefined } : refusal
    return context.rewrite(new Request(new URL('/refused', url)))
  }
}
