import { PROBLEM_MEDIA_TYPE } from '@storewright/kernel/problem'
import { newTraceId } from '@storewright/rpc/context'
import type { Logger } from '@storewright/rpc/log'
import { problemOf } from '@storewright/rpc/refusal'
import type { Cors } from './cors.ts'
import type { Document } from './documents.ts'
import { EdgeRefusal, invalidField } from './edge-refusals.ts'
import type { Operation } from './operations.ts'
import { readJsonObject, readQuery } from './read-input.ts'
import type { Match } from './route-table.ts'
import type { ServiceClients } from './service-contracts.ts'
import type { Session } from './session.ts'
import { receiveWebhook, WEBHOOKS } from './webhooks.ts'

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

/** What answering takes, made once per gateway. */
export interface Edge {
  readonly log: Logger
  readonly limits: EdgeLimits
  /** On every answer. */
  readonly headers: Readonly<Record<string, string>>
  readonly cors: Cors
  readonly clients: Pick<ServiceClients, 'payment'>
  readonly documents: ReadonlyMap<string, () => Promise<Document>>
  findRoute(method: string, path: string): Match | undefined
  openSession(request: Request, connection: { remoteAddress: string }, traceId: string): Session
}

export const API = '/api'

/** Never rejects: whatever goes wrong becomes a problem. */
export async function answer(edge: Edge, request: Request, remoteAddress: string): Promise<Response> {
  const startedAt = performance.now()
  const traceId = traceIdOf(request)
  const { path, search } = locate(request.url)
  const headers: Record<string, string> = { ...edge.headers, 'x-request-id': traceId }
  edge.cors.allow(request, headers)
  const exchange: Exchange = { request, remoteAddress, traceId, path, search, headers, route: '(none)' }
  let reply: Reply
  try {
    reply = await respond(edge, exchange)
  } catch (error) {
    const problem = problemOf(error, { instance: path, traceId })
    if (problem.status >= 500)
      edge.log.error({ err: error, traceId, route: exchange.route }, 'request failed')
    if (problem.status === 503) headers['retry-after'] = '2'
    if (error instanceof EdgeRefusal) Object.assign(headers, error.headers)
    headers['content-type'] = PROBLEM_MEDIA_TYPE
    reply = { status: problem.status, body: JSON.stringify(problem) }
  }
  const { status } = reply
  const ms = Math.round((performance.now() - startedAt) * 10) / 10
  const { route, staffId } = exchange
  edge.log.info({ method: request.method, route, status, ms, traceId, staffId }, 'request')
  return new Response(request.method === 'HEAD' ? null : reply.body, { status, headers })
}

async function respond(edge: Edge, exchange: Exchange): Promise<Reply> {
  const { request, headers, path } = exchange
  const document = edge.documents.get(path)
  if (document) {
    exchange.route = path
    return serveDocument(document, exchange)
  }
  if (path.startsWith(API + WEBHOOKS)) {
    exchange.route = `${WEBHOOKS}{provider}`
    const at = {
      path: path.slice(API.length),
      traceId: exchange.traceId,
      bodyTimeoutMs: edge.limits.bodyTimeoutMs,
    }
    await receiveWebhook(edge.clients, request, at)
    return { status: 204, body: null }
  }
  const match = edge.findRoute(request.method, path.slice(API.length))
  if (!match) throw new EdgeRefusal('not-found')
  if ('operation' in match) return operate(edge, exchange, match.operation, match.params)
  const allow = allowHeader(match.allowed)
  if (request.method !== 'OPTIONS') throw new EdgeRefusal('method-not-allowed', { headers: { allow } })
  headers.allow = allow
  edge.cors.preflight(request, headers, allow)
  return { status: 204, body: null }
}

/** Everything that can be refused without the body is decided before a byte of it is read. */
async function operate(
  edge: Edge,
  exchange: Exchange,
  operation: Operation,
  params: Readonly<Record<string, string>>,
): Promise<Reply> {
  const { request, headers } = exchange
  exchange.route = operation.path
  const session = edge.openSession(request, exchange, exchange.traceId)
  try {
    const context = await session.admit(operation, request.headers.get('idempotency-key') ?? undefined)
    if (context.actor.kind === 'staff') exchange.staffId = context.actor.staffId
    const input = await inputOf(edge.limits, request, operation, exchange.search, params)
    const output = await session.call(operation, input, context)
    headers['content-type'] = 'application/json'
    return { status: operation.successStatus, body: JSON.stringify(output) }
  } finally {
    const setCookie = session.responseHeaders().get('set-cookie')
    if (setCookie) headers['set-cookie'] = setCookie
  }
}

async function inputOf(
  limits: EdgeLimits,
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
  /** For the log: who of the staff acted. Shoppers are not tracked there. */
  staffId?: string
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

export function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

const TRACEPARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/
const NO_TRACE = '0'.repeat(32)

/** The caller's trace continues here (W3C Trace Context), else a new one starts. */
export function traceIdOf(request: Request): string {
  const given = TRACEPARENT.exec(request.headers.get('traceparent') ?? '')?.[1]
  return given && given !== NO_TRACE ? given : newTraceId()
}
