const ALLOWED_HEADERS = 'authorization, content-type, idempotency-key, traceparent'
const EXPOSED_HEADERS = 'retry-after, x-request-id'
const PREFLIGHT_SECONDS = '600'

export interface Cors {
  allow(request: Request, headers: Record<string, string>): void
  preflight(request: Request, headers: Record<string, string>, methods: string): void
}

/**
 * Browser apps on the listed origins (comma-separated) may call the API with a bearer token. Never with cookies:
 * `Access-Control-Allow-Credentials` is not sent.
 */
export function createCors(list: string | undefined): Cors {
  const origins = new Set(
    (list ?? '')
      .split(',')
      .map(entry => entry.trim())
      .filter(Boolean),
  )
  for (const origin of origins)
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new Error(`CORS_ORIGINS: ${origin} is not an origin such as https://app.example`)
  const allowed = (request: Request) => {
    const origin = request.headers.get('origin')
    return origin !== null && origins.has(origin) ? origin : undefined
  }
  return {
    allow(request, headers) {
      if (origins.size === 0) return
      headers.vary = 'Origin'
      const origin = allowed(request)
      if (!origin) return
      headers['access-control-allow-origin'] = origin
      headers['access-control-expose-headers'] = EXPOSED_HEADERS
    },
    preflight(request, headers, methods) {
      if (!allowed(request)) return
      headers['access-control-allow-methods'] = methods
      headers['access-control-allow-headers'] = ALLOWED_HEADERS
      headers['access-control-max-age'] = PREFLIGHT_SECONDS
    },
  }
}
