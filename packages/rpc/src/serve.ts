import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { RPCHandler } from '@orpc/server/fetch'
import { Hono } from 'hono'
import { RPC_PATH } from './client.ts'
import type { Logger } from './log.ts'
import { faultForCaller, isRefusal } from './refusal.ts'
import type { RunningService } from './service.ts'
import { type TokenKeys, verifyCall } from './token.ts'

/** A service as a process of its own: its operations for other services, and health. */
export function serviceApp(name: string, service: RunningService, keys: TokenKeys, log: Logger): Hono {
  const handler = new RPCHandler(service.router, {
    interceptors: [
      async ({ next, context }) => {
        try {
          return await next()
        } catch (error) {
          if (isRefusal(error)) throw error
          log.error({ err: error, traceId: context.traceId }, `${name} failed`)
          throw faultForCaller(error)
        }
      },
    ],
  })
  const app = new Hono()
  app.get('/healthz', c => c.json({ status: 'ok' }))
  app.get('/readyz', async c => {
    try {
      await service.ready()
      return c.json({ status: 'ready' })
    } catch (error) {
      return c.json(
        { status: 'not ready', reason: error instanceof Error ? error.message : String(error) },
        503,
      )
    }
  })
  app.all(`${RPC_PATH}/*`, async c => {
    const context = await verifyCall(keys, name, c.req.header('authorization') ?? null)
    if (!context) return c.json({ error: 'a valid service token is needed' }, 401)
    const { matched, response } = await handler.handle(c.req.raw, { prefix: RPC_PATH, context })
    return matched ? response : c.json({ error: 'no such operation' }, 404)
  })
  return app
}

export interface Listening {
  readonly port: number
  readonly server: Server
  close(): Promise<void>
}

type Fetch = Parameters<typeof getRequestListener>[0]

/** Turns a fetch application into a listener of Node's HTTP server. */
export function requestListener(app: {
  fetch: Fetch
}): (request: IncomingMessage, response: ServerResponse) => void {
  return getRequestListener(app.fetch)
}

/** Listens; `port` 0 takes a free one. Rejects when the port is taken. */
export async function listen(
  listener: (request: IncomingMessage, response: ServerResponse) => void,
  options: { port: number; host: string },
): Promise<Listening> {
  const server = createServer(listener)
  server.listen(options.port, options.host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, server, close: () => closeServer(server) }
}

/** Requests under way are finished; idle connections are closed at once; after the grace the rest are cut. */
const CLOSE_GRACE_MS = 10_000

function closeServer(server: Server): Promise<void> {
  return new Promise(resolve => {
    const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}
