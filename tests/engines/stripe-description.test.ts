import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type StripeSandbox, startStripeSandbox } from '@storewright/sandbox-stripe/sandbox'
import Stripe from 'stripe'
import { describeStripe, type StripeDescription } from '../harness/stripe-description.ts'
import {
  DESCRIBED_VERSION,
  hasGo,
  installStripeMock,
  readStripeDescription,
  startStripeMock,
} from '../harness/stripe-mock.ts'
import { useStripe } from '../harness/stripe-usage.ts'

interface Exchange {
  readonly method: string
  readonly path: string
  readonly form: string
  readonly status: number
  readonly body: unknown
}

const SECRET_KEY = 'sk_test_description'
/** Refused for the form of the request alone. */
const MISTAKES = new Set(['parameter_unknown', 'parameter_missing'])

describe('the Stripe sandbox, held against what Stripe publishes', {
  skip: hasGo
    ? false
    : 'Stripe publishes its description and stripe-mock as a Go module, and there is no go here',
}, () => {
  const exchanges: Exchange[] = []
  let sandbox: StripeSandbox
  let dir: string
  let description: StripeDescription
  let events: Stripe.Event[]
  /** Goes on beside the tests that need no stripe-mock. */
  let installing: Promise<unknown>

  before(async () => {
    description = describeStripe(await readStripeDescription())
    installing = installStripeMock()
    // Whoever needs it hears of a failure.
    installing.catch(() => {})
    dir = await mkdtemp(join(tmpdir(), 'stripe-description-'))
    sandbox = await startStripeSandbox({
      port: 0,
      dir,
      secretKey: SECRET_KEY,
      timing: { aftermathMs: 0, settlementMs: 0 },
    })
    const stripe = new Stripe(SECRET_KEY, {
      host: '127.0.0.1',
      port: sandbox.port,
      protocol: 'http',
      apiVersion: DESCRIBED_VERSION as never,
      maxNetworkRetries: 0,
      httpClient: Stripe.createFetchHttpClient(recorder(exchanges)),
    })
    await useStripe(stripe, { settled: () => sleep(50) })
    events = []
    for await (const event of stripe.events.list({ limit: 100 })) events.push(event)
  })

  after(async () => {
    await sandbox?.stop()
    if (dir) await rm(dir, { recursive: true, force: true })
  })

  it('answers every operation as described', () => {
    assert.ok(exchanges.length > 60, `${exchanges.length} requests`)
    const used = new Set(
      exchanges.map(({ method, path }) => `${method} ${description.operationOf(method, path)}`),
    )
    assert.ok(used.size >= 30, `${used.size} operations: ${[...used].join(', ')}`)
    const faults = exchanges.flatMap(({ method, path, status, body }) =>
      description
        .faultsOfAnswer(method, path, status, body)
        .map(each => `${method} ${path} ${status}: ${each}`),
    )
    assert.deepEqual(faults, [])
  })

  it('sends events whose objects are as described', () => {
    const types = new Set(events.map(({ type }) => type))
    assert.ok(types.size >= 20, [...types].sort().join(', '))
    const faults = events.flatMap(event => {
      const object = event.data.object as { object: string }
      return [
        ...description.faultsOfObject('event', event),
        ...description.faultsOfObject(object.object, object),
      ].map(each => `${event.type}: ${each}`)
    })
    assert.deepEqual(faults, [])
  })

  it('notices what is not as described', () => {
    const found = exchanges.find(
      ({ path, method, status }) => path === '/v1/charges' && method === 'GET' && status === 200,
    )
    const [charge] = (found?.body as { data: Record<string, unknown>[] } | undefined)?.data ?? []
    assert.deepEqual(description.faultsOfObject('charge', charge), [])
    const { paid: _, ...incomplete } = charge ?? {}
    const wrong = [
      { ...charge, paid: 'yes' },
      { ...charge, status: 'fine' },
      { ...charge, nonsense: 1 },
      incomplete,
    ]
    for (const object of wrong) assert.notDeepEqual(description.faultsOfObject('charge', object), [])
  })

  it('takes no request that the description does not know, and refuses those it refuses', () => {
    for (const exchange of exchanges) {
      const faults = description.faultsOfRequest(exchange.method, exchange.path, exchange.form)
      const what = `${exchange.method} ${exchange.path} ${exchange.form}`
      if (isMistake(exchange)) assert.notDeepEqual(faults, [], `${what} is fine by the description`)
      else assert.deepEqual(faults, [], what)
    }
  })

  it('agrees with stripe-mock on every request', async () => {
    await installing
    await using mock = await startStripeMock()
    const disagreed: string[] = []
    for (const exchange of exchanges) {
      const { method, path, form } = exchange
      const post = method === 'POST'
      const answer = await fetch(`${mock.url}${path}${post || form === '' ? '' : `?${form}`}`, {
        method,
        headers: {
          authorization: 'Bearer sk_test_123',
          'stripe-version': DESCRIBED_VERSION,
          ...(post && { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        ...(post && { body: form }),
      })
      const text = await answer.text()
      // Unknown names inside of objects it lets pass; Stripe refuses them.
      const refused = isMistake(exchange) && !isUnknownInside(exchange)
      if (answer.ok === refused) disagreed.push(`${method} ${path} ${form}: ${text.slice(0, 300)}`)
    }
    assert.deepEqual(disagreed, [])
  })
})

function isMistake({ body }: Exchange): boolean {
  const { error } = body as { error?: { code?: string } }
  return MISTAKES.has(error?.code ?? '')
}

function isUnknownInside({ body }: Exchange): boolean {
  const { error } = body as { error?: { code?: string; param?: string } }
  return error?.code === 'parameter_unknown' && error.param?.includes('[') === true
}

function recorder(exchanges: Exchange[]): typeof fetch {
  return async (input, init) => {
    const url = new URL(String(input))
    const answer = await fetch(input, init)
    const method = init?.method ?? 'GET'
    const form = method === 'POST' ? String(init?.body ?? '') : url.search.slice(1)
    exchanges.push({
      method,
      path: url.pathname,
      form,
      status: answer.status,
      body: await answer.clone().json(),
    })
    return answer
  }
}
