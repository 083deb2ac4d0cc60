import { setTimeout as sleep } from 'node:timers/promises'
import type { Context } from 'hono'
import { ACCOUNT_OPERATIONS } from './account-api.ts'
import { CHECKOUT_OPERATIONS } from './checkout-api.ts'
import { expandAll, takeExpand } from './expand.ts'
import { type Fault, takeFault } from './faults.ts'
import { type Form, parseForm } from './form.ts'
import { IdempotencyKeys, type StoredReply } from './idempotency.ts'
import { MONEY_OPERATIONS } from './money-api.ts'
import { newId } from './objects.ts'
import type { Operation } from './operation.ts'
import type { Release } from './parameters.ts'
import { PAYMENT_INTENT_OPERATIONS } from './payment-intent-api.ts'
import { StripeError } from './stripe-error.ts'
import type { World } from './world.ts'

const OPERATIONS: readonly Operation[] = [
  ...CHECKOUT_OPERATIONS,
  ...PAYMENT_INTENT_OPERATIONS,
  ...MONEY_OPERATIONS,
  ...ACCOUNT_OPERATIONS,
]

/** The releases whose objects look like those made here; an older version would get other fields. */
const VERSION = /^\d{4}-\d{2}-\d{2}\.(dahlia|endive)$/
/** A form of two thousand fields fits. */
const BODY_MAX_BYTES = 1024 * 1024
/** Of a `slow` fault that names no time. */
const SLOW_MS = 1000

export interface Api {
  readonly answer: (context: Context) => Promise<ApiAnswer>
  readonly forgetOld: () => void
}

/** `hang` and `reset` are faults that were asked for: the caller sees no reply. */
export type ApiAnswer =
  | {
      readonly kind: 'reply'
      readonly status: number
      readonly body: string
      readonly headers: Record<string, string>
    }
  | { readonly kind: 'hang' | 'reset' }

interface Request {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly key: string | undefined
  readonly parameters: string
  readonly release: Release
}

export function createApi(world: World, secretKey: string): Api {
  const keys = new IdempotencyKeys(world)

  async function answer(context: Context): Promise<ApiAnswer> {
    const { method, path } = context.req
    const version = context.req.header('stripe-version') ?? world.apiVersion
    const key = method === 'POST' ? context.req.header('idempotency-key') : undefined
    const parameters = method === 'POST' ? await bodyOf(context) : new URL(context.req.url).search.slice(1)
    const release = /\.endive$/.test(version) ? 'endive' : 'dahlia'
    const request: Request = {
      id: newId('req', 14),
      method,
      path,
      key,
      parameters: parameters ?? '',
      release,
    }
    const headers: Record<string, string> = {
      'request-id': request.id,
      'stripe-version': version,
      ...(key !== undefined && { 'idempotency-key': key }),
    }
    try {
      authorize(context, secretKey)
      if (parameters === undefined) throw new StripeError(413, 'The request body is too large.')
      if (!VERSION.test(version))
        throw new StripeError(
          400,
          `Invalid Stripe API version: ${version}. The sandbox speaks dahlia and endive.`,
        )
      return await answerOnce(world, keys, request, headers)
    } catch (error) {
      if (!(error instanceof StripeError)) throw error
      return reply(error.status, world.render(error.body()), headers)
    }
  }

  return { answer, forgetOld: () => keys.forgetOld() }
}

async function answerOnce(
  world: World,
  keys: IdempotencyKeys,
  request: Request,
  headers: Record<string, string>,
): Promise<ApiAnswer> {
  const { method, path, key, parameters } = request
  if (key !== undefined) {
    const before = keys.begin(key, `${method} ${path}`, parameters)
    if (before) {
      const replayed = { 'idempotent-replayed': 'true', 'original-request': before.requestId }
      return reply(before.status, before.body, { ...headers, ...replayed })
    }
  }
  try {
    const fault = takeFault(world, method, path)
    const slow = fault?.answer === 'slow'
    if (slow && fault.effect === 'before') await sleep(fault.delayMs ?? SLOW_MS)
    if (world.closed) return { kind: 'reset' }
    if (fault?.effect === 'before' && !slow) return failing(fault, headers)
    const done = execute(world, keys, request, fault)
    if (slow && fault.effect === 'after') await sleep(fault.delayMs ?? SLOW_MS)
    if (fault && !slow) return failing(fault, headers)
    return reply(done.status, done.body, headers)
  } finally {
    if (key !== undefined) keys.end(key)
  }
}

/** The effect, its events and the stored reply are one transaction. */
function execute(
  world: World,
  keys: IdempotencyKeys,
  request: Request,
  fault: Fault | undefined,
): StoredReply {
  const { id: requestId, method, path, key, parameters, release } = request
  const store = (status: number, body: string): StoredReply => {
    // Stripe replays its own failures too: who repeats a 500 gets a 500, and has to ask what became of it.
    const failed = typeof fault?.answer === 'number'
    const kept = failed
      ? { status: Number(fault.answer), body: JSON.stringify(serverError().body()) }
      : { status, body }
    if (key !== undefined) keys.store(key, `${method} ${path}`, parameters, { ...kept, requestId })
    return { status, body, requestId }
  }
  world.cause = { id: requestId, idempotency_key: key ?? null }
  try {
    const form = parseForm(parameters)
    const expand = takeExpand(form)
    const { work, id } = route(request, form)
    return world.db.transaction(
      () => store(200, world.render(shapedFor(release, expandAll(world, work(world, id), expand)))),
      error =>
        error instanceof StripeError &&
        error.keepsEffect &&
        store(error.status, world.render(error.body())) !== undefined,
    )
  } catch (error) {
    if (!(error instanceof StripeError)) throw error
    const body = world.render(error.body())
    if (!error.keepsEffect && !error.beforeExecution) store(error.status, body)
    return { status: error.status, body, requestId }
  } finally {
    world.cause = { id: null, idempotency_key: null }
  }
}

function route(
  { method, path, release }: Request,
  form: Form,
): { work: ReturnType<Operation['prepare']>; id: string } {
  for (const operation of OPERATIONS) {
    if (operation.method !== method) continue
    const id = match(operation.path, path)
    if (id !== undefined) return { work: operation.prepare(form, release), id }
  }
  throw new StripeError(
    404,
    `Unrecognized request URL (${method}: ${path}). The Stripe sandbox knows part of Stripe's API: see its README.`,
    {},
    { beforeExecution: true },
  )
}

/** Sessions have one field more since endive. */
function shapedFor(release: Release, answer: unknown): unknown {
  if (release !== 'endive' || answer === null || typeof answer !== 'object') return answer
  const object = answer as { object?: string; data?: unknown[] }
  if (object.object === 'list') return { ...object, data: object.data?.map(each => shapedFor(release, each)) }
  return object.object === 'checkout.session' ? { ...object, allowed_payment_method_types: null } : answer
}

/** The id in the path, '' where there is none, undefined where the path is another. */
function match(pattern: string, path: string): string | undefined {
  const wanted = pattern.split('/')
  const steps = path.split('/')
  if (wanted.length !== steps.length) return undefined
  let id = ''
  for (let index = 0; index < wanted.length; index++) {
    if (wanted[index] === ':id') id = steps[index] ?? ''
    else if (wanted[index] !== steps[index]) return undefined
  }
  return id
}

function authorize(context: Context, secretKey: string): void {
  const given = keyOf(context.req.header('authorization') ?? '')
  if (given === '')
    throw new StripeError(
      401,
      'You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth ' +
        "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
    )
  if (given !== secretKey) throw new StripeError(401, `Invalid API Key provided: ${masked(given)}`)
  if (context.req.header('stripe-account') !== undefined)
    throw new StripeError(403, 'The Stripe sandbox has no connected accounts.', { code: 'account_invalid' })
}

function keyOf(header: string): string {
  const bearer = /^bearer\s+(\S+)$/i.exec(header)?.[1]
  if (bearer !== undefined) return bearer
  const basic = /^basic\s+(\S+)$/i.exec(header)?.[1]
  return basic === undefined ? '' : (Buffer.from(basic, 'base64').toString('utf8').split(':')[0] ?? '')
}

function masked(key: string): string {
  return key.length < 12 ? '*'.repeat(key.length) : `${key.slice(0, 8)}${'*'.repeat(8)}${key.slice(-4)}`
}

async function bodyOf(context: Context): Promise<string | undefined> {
  const length = Number(context.req.header('content-length') ?? 0)
  if (length > BODY_MAX_BYTES) return undefined
  const text = await context.req.text()
  return text.length > BODY_MAX_BYTES ? undefined : text
}

function failing(fault: Fault, headers: Record<string, string>): ApiAnswer {
  if (fault.answer === 'timeout') return { kind: 'hang' }
  if (fault.answer === 'reset') return { kind: 'reset' }
  const error = fault.answer === 429 ? rateLimit() : serverError()
  return reply(Number(fault.answer), JSON.stringify(error.body()), headers)
}

function serverError(): StripeError {
  return new StripeError(500, 'An unknown error occurred (asked for by a test of the sandbox)', {
    type: 'api_error',
  })
}

function rateLimit(): StripeError {
  return new StripeError(429, 'Request rate limit exceeded.', { code: 'rate_limit' })
}

function reply(status: number, body: string, headers: Record<string, string>): ApiAnswer {
  return { kind: 'reply', status, body, headers }
}
