import type { StripeObject } from './objects.ts'
import type { World } from './world.ts'

export interface WebhookEndpoint extends StripeObject {
  url: string
  enabled_events: string[]
  status: 'enabled' | 'disabled'
  created: number
}

export interface EndpointSecrets {
  readonly secret: string
  /** While a secret is being rotated, both sign. */
  readonly previous?: { readonly secret: string; readonly untilMs: number }
}

/** How badly the sandbox delivers, beyond at least once and in no order. */
export interface WebhookBehavior {
  readonly delayMs: number
  readonly duplicate: boolean
  /** Events of half a second arrive newest first. */
  readonly reorder: boolean
  /** Types that are never delivered; `*` is all. */
  readonly drop: readonly string[]
}

export const ORDERLY: WebhookBehavior = { delayMs: 0, duplicate: false, reorder: false, drop: [] }
const REORDER_WINDOW_MS = 500

export function behaviorOf(world: World): WebhookBehavior {
  return world.db.setting<WebhookBehavior>('webhooks') ?? ORDERLY
}

/** How many endpoints are to hear of it. */
export function enqueueDeliveries(world: World, eventId: string, type: string): number {
  const behavior = behaviorOf(world)
  const dropped = behavior.drop.includes('*') || behavior.drop.includes(type)
  // Those of one window are due in the same millisecond: only then can the newest be the first.
  const window = behavior.reorder ? REORDER_WINDOW_MS : 1
  const dueAt = Math.ceil((Date.now() + behavior.delayMs) / window) * window
  const endpoints = world.objects
    .list<WebhookEndpoint>({ type: 'webhook_endpoint', status: 'enabled' })
    .filter(({ body }) => body.enabled_events.includes('*') || body.enabled_events.includes(type))
  for (const { body } of endpoints)
    for (let copy = 0; copy < (behavior.duplicate && !dropped ? 2 : 1); copy++)
      addDelivery(world, {
        eventId,
        type,
        endpointId: body.id,
        dueAt,
        state: dropped ? 'dropped' : 'pending',
      })
  return endpoints.length
}

export function addDelivery(
  world: World,
  delivery: {
    eventId: string
    type: string
    endpointId: string
    dueAt: number
    state: 'pending' | 'dropped'
  },
): void {
  world.db.run(
    'INSERT INTO delivery (event_id, event_type, endpoint_id, due_at, state) VALUES (?, ?, ?, ?, ?)',
    delivery.eventId,
    delivery.type,
    delivery.endpointId,
    delivery.dueAt,
    delivery.state,
  )
}

/** Deliveries that have not been accepted, and are not given up. */
export function countPending(world: World): number {
  const row = world.db.row("SELECT count(*) AS count FROM delivery WHERE state = 'pending'")
  return Number(row?.count ?? 0)
}
