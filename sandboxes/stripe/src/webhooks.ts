import { createHmac } from 'node:crypto'
import type { Row } from './database.ts'
import type { StripeObject } from './objects.ts'
import { behaviorOf, type EndpointSecrets, type WebhookEndpoint } from './webhook-queue.ts'
import type { World } from './world.ts'

export interface Retries {
  /** Before the second attempt; doubles each time. Stripe waits hours and gives up after three days. */
  readonly firstMs: number
  readonly longestMs: number
  readonly attempts: number
}

/** Twelve attempts over some four minutes. */
export const RETRIES: Retries = { firstMs: 500, longestMs: 60_000, attempts: 12 }

/** A shop that needs longer has forgotten to answer first and work later. */
const ANSWER_TIMEOUT_MS = 10_000
const IN_FLIGHT_MAX = 16
const IDLE_POLL_MS = 5000

/** Sends what `delivery` holds, until each is answered with 2xx or has failed too often. */
export class WebhookSender {
  readonly #world: World
  readonly #retries: Retries
  readonly #inFlight = new Map<number, Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  readonly #stopping = new AbortController()

  constructor(world: World, retries: Retries) {
    this.#world = world
    this.#retries = retries
  }

  wake(): void {
    if (this.#stopping.signal.aborted) return
    clearTimeout(this.#timer)
    const { reorder } = behaviorOf(this.#world)
    for (const row of this.#due(reorder ? 1 : IN_FLIGHT_MAX, reorder)) {
      const id = Number(row.id)
      const sending = this.#send(row).finally(() => {
        this.#inFlight.delete(id)
        this.wake()
      })
      this.#inFlight.set(id, sending)
    }
    this.#timer = setTimeout(() => this.wake(), this.#nextInMs())
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    await Promise.allSettled(this.#inFlight.values())
  }

  #due(atOnce: number, newestFirst: boolean): Row[] {
    const room = atOnce - this.#inFlight.size
    if (room <= 0) return []
    const order = newestFirst ? 'id DESC' : 'due_at, id'
    const sql = `SELECT id, event_id, endpoint_id, attempts FROM delivery WHERE state = 'pending' AND due_at <= ? ORDER BY ${order} LIMIT ?`
    return this.#world.db
      .rows(sql, Date.now(), room + this.#inFlight.size)
      .filter(row => !this.#inFlight.has(Number(row.id)))
      .slice(0, room)
  }

  #nextInMs(): number {
    const next = this.#world.db.row(
      "SELECT min(due_at) AS due_at FROM delivery WHERE state = 'pending' AND due_at > ?",
      Date.now(),
    )
    if (typeof next?.due_at !== 'number') return IDLE_POLL_MS
    return Math.min(Math.max(next.due_at - Date.now(), 1), IDLE_POLL_MS)
  }

  async #send(row: Row): Promise<void> {
    const event = this.#world.objects.find<StripeObject>(String(row.event_id))
    const endpoint = this.#world.objects.find<WebhookEndpoint, EndpointSecrets>(String(row.endpoint_id))
    if (!event || !endpoint) return this.#settle(row, 'failed', 'the event or its endpoint is gone')
    const body = this.#world.render(event.body)
    try {
      const response = await fetch(endpoint.body.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
          'stripe-signature': signatureOf(body, endpoint.hidden),
        },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]),
      })
      await response.body?.cancel()
      this.#settle(row, response.ok ? 'delivered' : 'retry', String(response.status))
    } catch (error) {
      // It stays due: the next process sends it again.
      if (this.#stopping.signal.aborted) return
      this.#settle(row, 'retry', reasonOf(error))
    }
  }

  #settle(row: Row, outcome: 'delivered' | 'failed' | 'retry', answer: string): void {
    const attempts = Number(row.attempts) + 1
    const { firstMs, longestMs, attempts: most } = this.#retries
    const state = outcome === 'retry' ? (attempts < most ? 'pending' : 'failed') : outcome
    const waitMs = Math.min(firstMs * 2 ** (attempts - 1), longestMs)
    const { db, objects } = this.#world
    db.transaction(() => {
      db.run(
        'UPDATE delivery SET state = ?, attempts = ?, answer = ?, due_at = ? WHERE id = ?',
        state,
        attempts,
        answer,
        Date.now() + (state === 'pending' ? waitMs : 0),
        Number(row.id),
      )
      const event = objects.find<StripeObject>(String(row.event_id))
      if (state !== 'delivered' || !event) return
      const left = db.row(
        "SELECT count(DISTINCT endpoint_id) AS count FROM delivery WHERE event_id = ? AND state <> 'delivered' AND endpoint_id NOT IN (SELECT endpoint_id FROM delivery WHERE event_id = ? AND state = 'delivered')",
        event.body.id,
        event.body.id,
      )
      objects.save({ ...event.body, pending_webhooks: Number(left?.count ?? 0) })
    })
  }
}

/** By the machine's clock, which the receiver compares with. */
function signatureOf(body: string, secrets: EndpointSecrets): string {
  const at = Math.floor(Date.now() / 1000)
  const active = [secrets.secret]
  if (secrets.previous && secrets.previous.untilMs > Date.now()) active.push(secrets.previous.secret)
  const signatures = active.map(
    secret => `v1=${createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')}`,
  )
  return [`t=${at}`, ...signatures].join(',')
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message : String(cause)
}
