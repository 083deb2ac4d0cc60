import type { ContractRouterClient } from '@orpc/contract'
import { ORPCError } from '@orpc/server'
import { type Actor, ANONYMOUS, principalOf } from '@storewright/kernel/actor'
import type { CallContext } from '@storewright/rpc/context'
import { isRefusal, problemOf } from '@storewright/rpc/refusal'
import { addressGroup } from './client-address.ts'
import { EdgeRefusal, invalidField } from './edge-refusals.ts'
import {
  authenticationRequired,
  type BearerResolver,
  type Credentials,
  type GuestCookies,
  invalidCredentials,
} from './identity.ts'
import { type Operation, operations } from './operations.ts'
import type { RateLimiter } from './rate-limit.ts'
import { assertClean } from './read-input.ts'
import type { RequestOrigin } from './same-origin.ts'
import type { ServiceClients } from './service-contracts.ts'
import type { storeContract } from './store-contract.ts'

export interface SessionCallOptions {
  /** Required by operations that say so, such as `pay`. */
  readonly idempotencyKey?: string
}

export type StoreClient = ContractRouterClient<typeof storeContract, SessionCallOptions>

/** One request's shopper: who it is, what it may do, and the calls it makes. */
export interface Session {
  /** For pages: every call is checked, limited and forwarded like one over HTTP. */
  readonly api: StoreClient
  readonly traceId: string
  /** Set-Cookie of a fresh guest, when a call needed one. Empty otherwise. */
  responseHeaders(): Headers
  /** Decides whether the operation may run, before its input is read. Throws the refusal. */
  admit(operation: Operation, idempotencyKey?: string): Promise<CallContext>
  /** Runs an admitted operation; late answers become a timeout. */
  call(operation: Operation, input: unknown, context: CallContext): Promise<unknown>
}

/** What all sessions of a gateway share. */
export interface SessionDeps {
  readonly clients: ServiceClients
  readonly guests: GuestCookies
  readonly bearers: BearerResolver
  readonly limiter: RateLimiter
  readonly callTimeoutMs: number
}

/** Guests are free to make, so together those of one address may take only this many times one's share. */
const GUESTS_PER_ADDRESS = 10

/** Visible ASCII: it goes into a header, a log and a column as it is. */
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/

type AnyClient = Record<string, Record<string, (input: unknown, options: object) => Promise<unknown>>>

export function createSession(
  deps: SessionDeps,
  request: {
    readonly credentials: Credentials
    readonly address: string
    readonly traceId: string
    /** Asked only before writes. */
    readonly origin: () => RequestOrigin
  },
): Session {
  const { credentials, traceId } = request
  let known: Actor | undefined
  let setCookie: string | undefined

  async function actor(): Promise<Actor> {
    known ??= await resolveActor(deps, request)
    return known
  }

  async function admit(operation: Operation, idempotencyKey?: string): Promise<CallContext> {
    const who = known ?? (await actor())
    limit(deps.limiter, operation, who, request.address)
    if (operation.meta.access === 'staff' && who.kind !== 'staff') {
      if (who.kind === 'anonymous') throw authenticationRequired()
      throw new EdgeRefusal('forbidden')
    }
    if (operation.isWrite) {
      refuseForeignOrigin(operation, who)
      checkKey(operation, idempotencyKey)
    }
    return {
      actor: operation.isWrite && operation.meta.identity === 'guest' ? owner(who) : who,
      caller: 'gateway',
      idempotencyKey: operation.isWrite ? idempotencyKey : undefined,
      deadlineAt: Date.now() + deps.callTimeoutMs,
      traceId,
    }
  }

  /** What a write makes must belong to somebody: an anonymous browser becomes a guest by it. */
  function owner(who: Actor): Actor {
    if (who.kind !== 'anonymous') return who
    const guest = deps.guests.create()
    setCookie = guest.setCookie
    known = { kind: 'guest', guestId: guest.guestId }
    return known
  }

  function refuseForeignOrigin(operation: Operation, who: Actor): void {
    if (credentials.kind === 'bearer') return
    const usesCookie = who.kind === 'guest'
    if (!usesCookie && operation.meta.identity !== 'guest') return
    const origin = request.origin()
    if (origin === 'foreign' || (origin === 'unknown' && credentials.kind === 'cookie'))
      throw new EdgeRefusal('cross-origin')
  }

  return {
    traceId,
    admit,
    call: (operation, input, context) => call(deps, operation, input, context),
    get api() {
      return clientOf(async (operation, input, options) => {
        const context = await admit(operation, options?.context?.idempotencyKey)
        return call(deps, operation, input, context)
      })
    },
    responseHeaders: () => new Headers(setCookie ? { 'set-cookie': setCookie } : {}),
  }
}

async function resolveActor(
  { bearers, limiter }: SessionDeps,
  request: { credentials: Credentials; address: string; traceId: string },
): Promise<Actor> {
  const { credentials } = request
  switch (credentials.kind) {
    case 'none':
      return ANONYMOUS
    case 'cookie':
      return { kind: 'guest', guestId: credentials.guestId }
    case 'refused':
      throw credentials.refusal
    case 'bearer': {
      // Wrong keys are counted per address; once there were too many, no further one is looked up.
      const address = `keys of ${addressGroup(request.address)}`
      const found = await bearers.resolve(credentials.token, request.traceId, {
        beforeLookup: () => refuseFor(limiter.peek('credential', address)),
        onUnknown: () => void limiter.take('credential', address),
      })
      if (!found) throw invalidCredentials()
      return found
    }
  }
}

function limit(limiter: RateLimiter, operation: Operation, actor: Actor, address: string): void {
  const { rateClass } = operation
  if (rateClass === 'credential' || actor.kind === 'anonymous') {
    refuseFor(limiter.take(rateClass, addressGroup(address)))
    return
  }
  refuseFor(limiter.take(rateClass, principalOf(actor)))
  if (actor.kind === 'guest')
    refuseFor(limiter.take(rateClass, `guests of ${addressGroup(address)}`, GUESTS_PER_ADDRESS))
}

function refuseFor(seconds: number): void {
  if (seconds > 0) throw new EdgeRefusal('rate-limited', { headers: { 'retry-after': String(seconds) } })
}

function checkKey(operation: Operation, key: string | undefined): void {
  if (key === undefined) {
    if (operation.meta.idempotency === 'required') throw new EdgeRefusal('idempotency-key-required')
  } else if (!IDEMPOTENCY_KEY.test(key))
    throw invalidField('Idempotency-Key', 'must be 1 to 255 visible ASCII characters')
}

async function call(
  deps: SessionDeps,
  operation: Operation,
  input: unknown,
  context: CallContext,
): Promise<unknown> {
  assertClean(input)
  const run = (deps.clients as unknown as AnyClient)[operation.service]?.[operation.name]
  if (!run) throw new Error(`no client has the operation ${operation.id}`)
  const abort = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const reason = new DOMException(`${operation.id} did not answer in time`, 'TimeoutError')
      abort.abort(reason)
      reject(reason)
    }, deps.callTimeoutMs)
  })
  try {
    // Input and output are validated by the service, in either mode; here they only pass.
    return await Promise.race([run(input, { context, signal: abort.signal }), late])
  } catch (error) {
    throw asDeclared(error, context.traceId)
  } finally {
    clearTimeout(timer)
  }
}

/** A validator's issues become the `invalid-input` refusal that contracts declare, so that callers meet one shape. */
function asDeclared(error: unknown, traceId: string): unknown {
  if (!isRefusal(error) || error.code !== 'BAD_REQUEST') return error
  const { detail, errors } = problemOf(error, { instance: '', traceId })
  return new ORPCError('invalid-input', {
    status: 400,
    message: detail,
    data: { errors: errors ?? [{ field: 'body', message: error.message }] },
    cause: error,
  })
}

type Invoke = (
  operation: Operation,
  input: unknown,
  options?: { context?: SessionCallOptions },
) => Promise<unknown>

function clientOf(invoke: Invoke): StoreClient {
  const client: Record<string, Record<string, unknown>> = {}
  for (const operation of operations) {
    client[operation.service] ??= {}
    const service = client[operation.service]
    if (service)
      service[operation.name] = (input: unknown, options?: { context?: SessionCallOptions }) =>
        invoke(operation, input, options)
  }
  return client as unknown as StoreClient
}
