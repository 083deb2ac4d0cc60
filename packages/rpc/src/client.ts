import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/fetch'
import { createRouterClient } from '@orpc/server'
import type { CallContext } from './context.ts'
import type { Contracts, RunningService, ServiceClient } from './service.ts'
import type { TokenKeys } from './token.ts'
import { signCall } from './token.ts'

/** Path under which a service that runs by itself answers other services. */
export const RPC_PATH = '/rpc'

/**
 * A client of a service in this process. Services need each other before all have started, so the service is
 * looked up at the first call; after that a call is one function call with validation, no HTTP.
 */
export function localClient(name: string, find: (name: string) => RunningService | undefined): unknown {
  let client: Record<string, unknown> | undefined
  const resolve = () => {
    if (client) return client
    const service = find(name)
    if (!service)
      throw new Error(`service ${name} is not running in this process and no ${urlVariable(name)} is set`)
    client = createRouterClient(service.router, {
      context: (context: CallContext) => context,
    }) as unknown as Record<string, unknown>
    return client
  }
  return new Proxy({}, { get: (_, operation: string) => resolve()[operation] })
}

/** A client of a service behind a URL: oRPC's protocol, a signed token of at most 60 s for each call. */
export function httpClient(name: string, url: string, keys: TokenKeys): unknown {
  const link = new RPCLink<CallContext>({
    url: `${url.replace(/\/$/, '')}${RPC_PATH}`,
    headers: async ({ context }) => ({ authorization: `Bearer ${await signCall(keys, name, context)}` }),
    fetch: async (request, init) => {
      const response = await fetch(request, init)
      if (response.status >= 400 && !(await isAnswer(response)))
        throw new NotTheService(name, response.status)
      return response
    },
  })
  return createORPCClient(link)
}

/**
 * Something on the way answered: a proxy, another service, a service that does not accept our token. That is a fault;
 * read by its status, a 404 would pass for the service's own "no".
 */
export class NotTheService extends Error {
  override readonly name = 'NotTheService'
  constructor(service: string, status: number) {
    super(`${service} could not be asked: its address answered ${status}`)
  }
}

/** What a service refuses or fails with carries its code in oRPC's envelope. */
async function isAnswer(response: Response): Promise<boolean> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined)
  const { json } = (body ?? {}) as { json?: { code?: unknown } }
  return typeof json?.code === 'string'
}

/** The one switch between local and HTTP: `INVENTORY_URL` set → HTTP, else this process. */
export function createClients<Needs extends Contracts>(
  needs: Needs,
  options: {
    config: Readonly<Record<string, string | undefined>>
    keys: TokenKeys
    find: (name: string) => RunningService | undefined
  },
): { [Name in keyof Needs]: ServiceClient<Needs[Name]> } {
  const entries = Object.keys(needs).map(name => {
    const url = options.config[urlVariable(name)]
    const client = url ? httpClient(name, url, options.keys) : localClient(name, options.find)
    return [name, inTime(name, client)]
  })
  return Object.fromEntries(entries)
}

type Call = (input: unknown, options: { context: CallContext; signal?: AbortSignal }) => Promise<unknown>

/** Ends every call at its context's deadline: rejects with a TimeoutError, and aborts what can be aborted. */
export function inTime(name: string, client: unknown): unknown {
  const operations = client as Record<string, Call | undefined>
  const calls = new Map<string, Call>()
  const bounded =
    (operation: string): Call =>
    (input, options) => {
      const call = operations[operation]
      if (!call) throw new TypeError(`${name} has no operation ${operation}`)
      const abort = new AbortController()
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          const late = new DOMException(`${name}.${operation} did not answer in time`, 'TimeoutError')
          reject(late)
          abort.abort(late)
        }, options.context.deadlineAt - Date.now())
        call(input, { ...options, signal: abort.signal })
          .then(resolve, reject)
          .finally(() => clearTimeout(timer))
      })
    }
  return new Proxy(operations, {
    get(_, operation: string) {
      if (operation === 'then') return undefined // not a promise, whatever `await` asks
      const known = calls.get(operation)
      if (known) return known
      const made = bounded(operation)
      calls.set(operation, made)
      return made
    },
  })
}

/** `inventory` → `INVENTORY_URL`. */
export function urlVariable(name: string): string {
  return `${name.toUpperCase()}_URL`
}
