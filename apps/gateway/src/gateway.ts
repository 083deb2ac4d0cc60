import type { Clock } from '@storewright/kernel/clock'
import { systemClock } from '@storewright/kernel/clock'
import { PROBLEM_MEDIA_TYPE } from '@storewright/kernel/problem'
import type { Signer } from '@storewright/kernel/signed'
import { CALL_TIMEOUT_MS, newTraceId } from '@storewright/rpc/context'
import type { Logger } from '@storewright/rpc/log'
import { problemOf } from '@storewright/rpc/refusal'
import { Hono } from 'hono'
import { createClientAddress } from './client-address.ts'
import { createCors } from './cors.ts'
import { createDocuments, type Document } from './documents.ts'
import { EdgeRefusal, invalidField } from './edge-refusals.ts'
import { createBearerResolver, createGuestCookies } from './identity.ts'
import { type Operation, operations } from './operations.ts'
import { createRateLimiter, ratesFrom } from './rate-limit.ts'
import { readJsonObject, readQuery } from './read-input.ts'
import { createRouteTable } from './route-table.ts'
import { createOriginCheck } from './same-origin.ts'
import { apiHeaders } from './security-headers.ts'
import type { ServiceClients } from './service-contracts.ts'
import { createSession, type Session, type SessionDeps } from './session.ts'

export interface EdgeLimits {
  /** The largest body of ordinary operations. */
  readonly bodyBytes: number
  /** The largest body of staff imports. */
  readonly importBodyBytes: number
  /** A body must be complete after this. */
  readonly bodyTimeoutMs: number
  /** An operation must have answered after this. */
  readonly callTimeoutMs: number
}

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

const API = '/api'

export function createGateway(options: GatewayOptions): Gateway {
  const { log, publicUrl } = options
  const clock = options.clock ?? systemClock
  const limits = { ...LIMITS, ...options.limits }
  const https = publicUrl.startsWith('https:')
  const baseHeaders = apiHeaders({ https })
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
  const cors = createCors(options.config.CORS_ORIGINS)
  const findRoute = createRouteTable(operations)
  const documents = createDocuments({ publicUrl })

  function openSession(request: Request, connection: { remoteAddress: string }, traceId?: string): Session {
    return createSession(deps, {
      credentials: guests.read(request),
      address: clientAddress(request, connection.remoteAddress),
      traceId: traceId ?? traceIdOf(request),
      // A page that is merely opened carries no intent of a foreign page that could be refused.
      origin: () => (isSafe(request.method) ? 'ours' : originOf(request)),
    })
  }

  async function answer(request: Request, remoteAddress: string): Promise<Response> {
    const startedAt = performance.now()
    const traceId = traceIdOf(request)
    const { path, search } = locate(request.url)
    const headers: Record<string, string> = { ...baseHeaders, 'x-request-id': traceId }
    cors.allow(request, headers)
    const exchange: Exchange = { request, remoteAddress, traceId, path, search, headers, route: '(none)' }
    let reply: Reply
    try {
      reply = await respond(exchange)
    } catch (error) {
      const problem = problemOf(error, { instance: path, traceId })
      if (problem.status >= 500) log.error({ err: error, traceId, route: exchange.route }, 'request failed')
      if (error instanceof EdgeRefusal) Object.assign(headers, error.headers)
      headers['content-type'] = PROBLEM_MEDIA_TYPE
      reply = { status: problem.status, body: JSON.stringify(problem) }
    }
    const { status } = reply
    const ms = Math.round((performance.now() - startedAt) * 10) / 10
    log.info({ method: request.method, route: exchange.route, status, ms, traceId }, 'request')
    return new Response(request.method === 'HEAD' ? null : reply.body, { status, headers })
  }

  async function respond(exchange: Exchange): Promise<Reply> {
    const { request, headers, path } = exchange
    const document = documents.get(path)
    if (document) {
      exchange.route = path
      return serveDocument(document, exchange)
    }
    const match = findRoute(request.method, path.slice(API.length))
    if (!match) throw new EdgeRefusal('not-found')
    if ('operation' in match) return operate(exchange, match.operation, match.params)
    const allow = allowHeader(match.allowed)
    if (request.method !== 'OPTIONS') throw new EdgeRefusal('method-not-allowed', { headers: { allow } })
    headers.allow = allow
    cors.preflight(request, headers, allow)
    return { status: 204, body: null }
  }

  /** Everything that can be refused without the body is decided before a byte of it is read. */
  async function operate(
    exchange: Exchange,
    operation: Operation,
    params: Readonly<Record<string, string>>,
  ): Promise<Reply> {
    const { request, headers } = exchange
    exchange.route = operation.path
    const session = openSession(request, exchange, exchange.traceId)
    try {
      const context = await session.admit(operation, request.headers.get('idempotency-key') ?? undefined)
      const input = await inputOf(request, operation, exchange.search, params)
      const output = await session.call(operation, input, context)
      headers['content-type'] = 'application/json'
      return { status: operation.successStatus, body: JSON.stringify(output) }
    } finally {
      const setCookie = session.responseHeaders().get('set-cookie')
      if (setCookie) headers['set-cookie'] = setCookie
    }
  }

  async function inputOf(
    request: Request,
    operation: Operation,
    search: string,
    params: Readonly<Record<string, string>>,
  ): Promise<Record<string, unknown>> {
    const query = readQuery(search)
    if (!operation.isWrite) return merge(query, params)
    for (const name of Object.keys(query))
      throw invalidField(name, 'is not a field of this request; send input in the body')
    const body = await readJsonObject(request, {
      maxBytes: operation.takesLargeBody ? limits.importBodyBytes : limits.bodyBytes,
      timeoutMs: limits.bodyTimeoutMs,
    })
    return merge(body, params)
  }

  const app = new Hono<{ Bindings: EdgeBindings }>()
  app.all(`${API}/*`, c => answer(c.req.raw, remoteAddressOf(c.env)))
  app.all(API, c => answer(c.req.raw, remoteAddressOf(c.env)))
  app.all('/docs/errors', c => answer(c.req.raw, remoteAddressOf(c.env)))
  return { app, openSession }
}

/** One request on its way through; `headers` are the answer's. */
interface Exchange {
  readonly request: Request
  readonly remoteAddress: string
  readonly traceId: string
  readonly path: string
  readonly search: string
  readonly headers: Record<string, string>
  /** For the log: the pattern, never the path with its ids. */
  route: string
}

interface Reply {
  readonly status: number
  readonly body: string | Uint8Array<ArrayBuffer> | null
}

async function serveDocument(
  document: () => Promise<Document>,
  { request, headers }: Exchange,
): Promise<Reply> {
  if (!isSafe(request.method)) {
    headers.allow = 'GET, HEAD, OPTIONS'
    if (request.method === 'OPTIONS') return { status: 204, body: null }
    throw new EdgeRefusal('method-not-allowed')
  }
  const made = await document()
  Object.assign(headers, made.headers)
  if (!/\bgzip\b/.test(request.headers.get('accept-encoding') ?? '')) return { status: 200, body: made.body }
  headers['content-encoding'] = 'gzip'
  return { status: 200, body: made.gzipped }
}

/** Tests and other servers may pass no connection; then all callers count as one. */
function remoteAddressOf(env: EdgeBindings | undefined): string {
  return env?.incoming?.socket?.remoteAddress ?? 'unknown'
}

function merge(
  input: Record<string, unknown>,
  params: Readonly<Record<string, string>>,
): Record<string, unknown> {
  for (const name of Object.keys(params)) {
    if (Object.hasOwn(input, name)) throw invalidField(name, 'is given by the path already')
    input[name] = params[name]
  }
  return input
}

function allowHeader(methods: readonly string[]): string {
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
}

/** Path and query of an absolute URL, as sent: decoding is done once, by those who know the parts. */
function locate(url: string): { path: string; search: string } {
  const start = url.indexOf('/', url.indexOf('//') + 2)
  const query = url.indexOf('?', start)
  return query < 0
    ? { path: url.slice(start), search: '' }
    : { path: url.slice(start, query), search: url.slice(query) }
}

function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

const TRACEPARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/
const NO_TRACE = '0'.repeat(32)

/** The caller's trace continues here (W3C Trace Context), else a new one starts. */
function traceIdOf(request: Request): string {
  const given = TRACEPARENT.exec(request.headers.get('traceparent') ?? '')?.[1]
  return given && given !== NO_TRACE ? given : newTraceId()
}
