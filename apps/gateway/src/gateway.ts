import { type Clock, systemClock } from '@storewright/kernel/clock'
import type { Signer } from '@storewright/kernel/signed'
import { CALL_TIMEOUT_MS } from '@storewright/rpc/context'
import type { Logger } from '@storewright/rpc/log'
import { Hono } from 'hono'
import { createClientAddress } from './client-address.ts'
import { createCors } from './cors.ts'
import { createDocuments } from './documents.ts'
import { API, answer, type Edge, type EdgeLimits, isSafe, traceIdOf } from './exchange.ts'
import { createBearerResolver, createGuestCookies } from './identity.ts'
import { operations } from './operations.ts'
import { createRateLimiter, ratesFrom } from './rate-limit.ts'
import { createRouteTable } from './route-table.ts'
import { createOriginCheck } from './same-origin.ts'
import { apiHeaders } from './security-headers.ts'
import type { ServiceClients } from './service-contracts.ts'
import { createSession, type Session, type SessionDeps } from './session.ts'

const LIMITS: EdgeLimits = {
  bodyBytes: 64 * 1024,
  importBodyBytes: 8 * 1024 * 1024,
  bodyTimeoutMs: 10_000,
  callTimeoutMs: CALL_TIMEOUT_MS,
}

export interface GatewayOptions {
  readonly clients: ServiceClients
  signer(purpose: string): Signer
  readonly log: Logger
  /** Reads `RATE_LIMIT_READ|WRITE|CHECKOUT|CREDENTIAL` and `CORS_ORIGINS`. */
  readonly config: Readonly<Record<string, string | undefined>>
  /** Where shoppers reach the shop; no slash at the end. https decides Secure cookies and HSTS. */
  readonly publicUrl: string
  /** Addresses or CIDR ranges of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
  readonly limits?: Partial<EdgeLimits>
  readonly clock?: Clock
}

/** As `@hono/node-server` passes it; other servers may pass the same shape. */
export interface EdgeBindings {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string | undefined } }
}

export interface Gateway {
  /** Serves /api/** and /docs/errors. */
  readonly app: Hono<{ Bindings: EdgeBindings }>
  /** The identity of a browser or API request, for pages that call operations themselves. */
  openSession(request: Request, connection: { remoteAddress: string }): Session
}

export function createGateway(options: GatewayOptions): Gateway {
  const { publicUrl } = options
  const clock = options.clock ?? systemClock
  const limits = { ...LIMITS, ...options.limits }
  const https = publicUrl.startsWith('https:')
  const guests = createGuestCookies(options.signer('guest'), { https })
  const deps: SessionDeps = {
    clients: options.clients,
    guests,
    bearers: createBearerResolver(options.clients.auth, guests, clock),
    limiter: createRateLimiter(ratesFrom(options.config), clock),
    callTimeoutMs: limits.callTimeoutMs,
  }
  const clientAddress = createClientAddress(options.trustedProxies)
  const originOf = createOriginCheck(publicUrl)

  function openSession(request: Request, connection: { remoteAddress: string }, traceId?: string): Session {
    return createSession(deps, {
      credentials: guests.read(request, traceId === undefined ? 'page' : 'api'),
      address: clientAddress(request, connection.remoteAddress),
      traceId: traceId ?? traceIdOf(request),
      // A page that is merely opened carries no intent of a foreign page that could be refused.
      origin: () => (isSafe(request.method) ? 'ours' : originOf(request)),
    })
  }

  const edge: Edge = {
    log: options.log,
    limits,
    headers: apiHeaders({ https }),
    cors: createCors(options.config.CORS_ORIGINS),
    clients: options.clients,
    documents: createDocuments({ publicUrl }),
    findRoute: createRouteTable(operations),
    openSession,
  }
  const app = new Hono<{ Bindings: EdgeBindings }>()
  for (const path of [`${API}/*`, API, '/docs/errors'])
    app.all(path, c => answer(edge, c.req.raw, remoteAddressOf(c.env)))
  return { app, openSession }
}

/** Tests and other servers may pass no connection; then all callers count as one. */
function remoteAddressOf(env: EdgeBindings | undefined): string {
  return env?.incoming?.socket?.remoteAddress ?? 'unknown'
}
