interface Answer {
  readonly response: { readonly headers: Headers }
}

/**
 * A page that is the same, byte for byte, for everybody: it reads no cookie and holds no random id.
 * One second: prices and stock on it are at most that old, and a crowd still costs one rendering a second.
 */
export function cachePublic({ response }: Answer): void {
  response.headers.set('cache-control', 'public, max-age=0, s-maxage=1, stale-while-revalidate=1')
  response.headers.set('speculation-rules', '"/speculation-rules.json"')
}

/** A page about one shopper: kept nowhere, not even in the browser's history cache of another person's screen. */
export function cachePrivate({ response }: Answer): void {
  response.headers.set('cache-control', 'private, no-store')
}
