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
  if (!(await isReadable(context.request))) {
    const message = 'The form could not be read. Please go back, reload the page and try again.'
    locals.problem = { code: 'invalid-input', status: 400, message, data: undefined }
    return context.rewrite(new Request(new URL('/refused', url)))
  }
  try {
    // The path is decoded already and the next page decodes it again: a percent sign must survive that.
    const response = await (market.prefix === '' ? next() : next(path.replaceAll('%', '%25') + url.search))
    // Redirects and error pages carry no headers of the page they replace: what is not said to be public is private.
    if (!response.headers.has('cache-control')) response.headers.set('cache-control', 'private, no-store')
    if (response.headers.get('content-type') === 'text/html')
      response.headers.set('content-type', 'text/html; charset=utf-8')
    return response
  } catch (error) {
    const refusal = asRefusal(error)
    if (!refusal) {
      locals.reportFault(error)
      throw error
    }
    // Without a query only the path can be wrong: there is no such page.
    const isNoPage = refusal.code === 'invalid-input' && context.request.method === 'GET' && url.search === ''
    locals.problem = isNoPage ? { code: 'not-found', status: 404, message: '', data: undefined } : refusal
    return context.rewrite(new Request(new URL('/refused', url)))
  }
}

/** Whether pages can read what was posted: JSON or a torn multipart body is no form. */
async function isReadable(request: Request): Promise<boolean> {
  if (request.method !== 'POST') return true
  return request
    .clone()
    .formData()
    .then(
      () => true,
      () => false,
    )
}
