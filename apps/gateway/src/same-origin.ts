const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/**
 * Whether a page of our own sent this request. `unknown`: it carries neither Sec-Fetch-Site nor Origin, so no
 * current browser sent it. In front of cookies that counts as foreign.
 */
export type RequestOrigin = 'ours' | 'foreign' | 'unknown'

export function createOriginCheck(publicUrl: string): (request: Request) => RequestOrigin {
  const ours = new URL(publicUrl)
  const isDevelopment = LOOPBACK.has(ours.hostname)
  return request => {
    const site = request.headers.get('sec-fetch-site')
    if (site === 'same-origin') return 'ours'
    const origin = request.headers.get('origin')
    if (origin === null) return site === null ? 'unknown' : 'foreign'
    if (origin === ours.origin) return 'ours'
    // On one's own machine the shop is opened as localhost and as 127.0.0.1 alike. Only loopback names are
    // compared with the Host header: any other name could have been pointed at us by somebody else's DNS.
    return isDevelopment && isOwnLoopback(origin, request.headers.get('host')) ? 'ours' : 'foreign'
  }
}

function isOwnLoopback(origin: string, host: string | null): boolean {
  if (!URL.canParse(origin)) return false
  const url = new URL(origin)
  return LOOPBACK.has(url.hostname) && url.host === host
}
