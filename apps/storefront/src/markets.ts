/** Where the shop sells, decided by the URL alone so that a cached page needs no cookie. */
export interface Market {
  /** `marketId` of the pricing service. */
  readonly id: 'eu' | 'us' | 'uk'
  /** First path segment, `''` for the default market. */
  readonly prefix: '' | '/us' | '/uk'
  readonly name: string
  readonly currency: 'EUR' | 'USD' | 'GBP'
  /** BCP 47, for numbers and dates. */
  readonly locale: string
  /** Value of hreflang; the default market serves every other reader of English. */
  readonly hreflang: string
}

const EU: Market = {
  id: 'eu',
  prefix: '',
  name: 'Europe',
  currency: 'EUR',
  locale: 'en-IE',
  hreflang: 'en',
}

const US: Market = {
  id: 'us',
  prefix: '/us',
  name: 'United States',
  currency: 'USD',
  locale: 'en-US',
  hreflang: 'en-US',
}

const UK: Market = {
  id: 'uk',
  prefix: '/uk',
  name: 'United Kingdom',
  currency: 'GBP',
  locale: 'en-GB',
  hreflang: 'en-GB',
}

export const MARKETS: readonly Market[] = [EU, US, UK]

/** The market a path belongs to and the path without its prefix: `/us/p/x` → US, `/p/x`. */
export function splitMarket(pathname: string): { market: Market; path: string } {
  for (const market of [US, UK]) {
    if (pathname === market.prefix) return { market, path: '/' }
    if (pathname.startsWith(`${market.prefix}/`))
      return { market, path: pathname.slice(market.prefix.length) }
  }
  return { market: EU, path: pathname }
}

/** A link inside the shop. `path` starts with a slash and has no market prefix. */
export function marketHref(market: Market, path: string): string {
  if (market.prefix === '') return path
  return path === '/' ? market.prefix : market.prefix + path
}
