import type { Context, Hono } from 'hono'
import { BOOKS_PAGE_MAX, readBooks } from './books.ts'
import { type Fault, faultsOf, setFaults } from './faults.ts'
import type { StripeObject } from './objects.ts'
import { runDueTasks } from './tasks.ts'
import {
  addDelivery,
  behaviorOf,
  countPending,
  type EndpointSecrets,
  ORDERLY,
  type WebhookEndpoint,
} from './webhook-queue.ts'
import type { World } from './world.ts'

const DAY_SECONDS = 86_400
/** Farther than any authorization, dispute or event lasts. */
const ADVANCE_MAX_SECONDS = 400 * DAY_SECONDS
const DELAY_MAX_MS = 600_000
const FAULTS_MAX = 100

class BadControl extends Error {}

/** For tests: what the real one does by chance or with time. `changed` wakes who sends webhooks. */
export function addControls(app: Hono, world: World, changed: () => void): void {
  app.get('/_sandbox/books', context => {
    const limit = Number(context.req.query('limit') ?? Number.NaN)
    const page = Number.isInteger(limit) && limit > 0 ? Math.min(limit, BOOKS_PAGE_MAX) : undefined
    return context.json(readBooks(world, context.req.query('after'), page))
  })
  app.get('/_sandbox/webhooks', context =>
    context.json({ ...behaviorOf(world), pending: countPending(world) }),
  )
  post(app, '/_sandbox/webhooks', body => {
    const drop =
      body.drop === true ? ['*'] : body.drop === false || body.drop === undefined ? [] : strings(body, 'drop')
    world.db.set('webhooks', {
      ...ORDERLY,
      delayMs: number(body, 'delayMs', 0, DELAY_MAX_MS),
      duplicate: body.duplicate === true,
      reorder: body.reorder === true,
      drop,
    })
    return behaviorOf(world)
  })
  post(app, '/_sandbox/webhooks/rotate', body => {
    const secret = string(body, 'secret')
    const untilMs = Date.now() + number(body, 'expiresInSeconds', DAY_SECONDS, 7 * DAY_SECONDS) * 1000
    for (const { body: endpoint, hidden } of endpointsOf(world)) {
      const secrets: EndpointSecrets = { secret, previous: { secret: hidden.secret, untilMs } }
      world.objects.save(endpoint, secrets)
    }
    return { rotated: true }
  })
  post(app, '/_sandbox/events/:id/resend', (_body, context) => {
    const event = world.objects.find<StripeObject>(context.req.param('id') ?? '', 'event')
    if (!event) throw new BadControl('There is no such event')
    for (const { body: endpoint } of endpointsOf(world))
      addDelivery(world, {
        eventId: event.body.id,
        type: String(event.body.type),
        endpointId: endpoint.id,
        dueAt: Date.now(),
        state: 'pending',
      })
    return { resent: true }
  })
  app.get('/_sandbox/faults', context => context.json(faultsOf(world)))
  app.delete('/_sandbox/faults', context => {
    setFaults(world, [])
    return context.json([])
  })
  post(app, '/_sandbox/faults', body => {
    const faults = [...faultsOf(world), faultOf(body)]
    if (faults.length > FAULTS_MAX) throw new BadControl(`At most ${FAULTS_MAX} faults`)
    setFaults(world, faults)
    return faults
  })
  post(app, '/_sandbox/clock', body => {
    world.advance(number(body, 'advanceSeconds', 0, ADVANCE_MAX_SECONDS) * 1000)
    return { now: world.now() }
  })
  app.get('/_sandbox/clock', context => context.json({ now: world.now() }))

  function post(
    on: Hono,
    path: string,
    work: (body: Record<string, unknown>, context: Context) => unknown,
  ): void {
    on.post(path, async context => {
      const body = await objectOf(context)
      try {
        const result = world.db.transaction(() => work(body, context))
        // A clock that was advanced brings things about that are due in turn.
        while (runDueTasks(world) > 0);
        changed()
        return context.json(result as object)
      } catch (error) {
        if (error instanceof BadControl) return context.json({ error: error.message }, 400)
        throw error
      }
    })
  }
}

function endpointsOf(world: World) {
  return world.objects.list<WebhookEndpoint, EndpointSecrets>({ type: 'webhook_endpoint', status: 'enabled' })
}

function faultOf(body: Record<string, unknown>): Fault {
  const match = string(body, 'match')
  if (!/^(GET|POST|DELETE|\*) \/\S*$/.test(match))
    throw new BadControl('match must be like "POST /v1/refunds"')
  const { effect = 'before', answer } = body
  if (effect !== 'before' && effect !== 'after') throw new BadControl('effect must be "before" or "after"')
  const named = answer === 'timeout' || answer === 'reset' || answer === 'slow'
  if (!named && !(typeof answer === 'number' && Number.isInteger(answer) && answer >= 400 && answer <= 599))
    throw new BadControl('answer must be a status from 400 to 599, "timeout", "reset" or "slow"')
  const delayMs = body.delayMs === undefined ? undefined : number(body, 'delayMs', 0, DELAY_MAX_MS)
  return { match, effect, answer, times: number(body, 'times', 1, 1_000_000), delayMs }
}

async function objectOf(context: Context): Promise<Record<string, unknown>> {
  const text = await context.req.text()
  if (text === '') return {}
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body === 'object' && body !== null && !Array.isArray(body))
      return body as Record<string, unknown>
  } catch {
    // Falls through: not JSON.
  }
  return { invalid: true }
}

function number(body: Record<string, unknown>, name: string, otherwise: number, most: number): number {
  const value = body[name] ?? otherwise
  if (typeof value !== 'number' || !(value >= 0 && value <= most))
    throw new BadControl(`${name} must be a number from 0 to ${most}`)
  return value
}

function string(body: Record<string, unknown>, name: string): string {
  const value = body[name]
  if (typeof value !== 'string' || value === '') throw new BadControl(`${name} must be a text`)
  return value
}

function strings(body: Record<string, unknown>, name: string): string[] {
  const value = body[name]
  if (!Array.isArray(value) || !value.every(each => typeof each === 'string'))
    throw new BadControl(`${name} must be true, false or a list of event types`)
  return value
}
