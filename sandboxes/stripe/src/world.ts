import { Database } from './database.ts'
import { newId, Objects, type StripeObject } from './objects.ts'
import { enqueueDeliveries } from './webhook-queue.ts'

export interface Timing {
  /** Between a capture and its dispute, a refund and its failure, evidence and its verdict. Days at the real one. */
  readonly aftermathMs: number
  /** Between a charge and its balance transaction, when captured automatically. */
  readonly settlementMs: number
}

export type TaskKind =
  | 'expire-session'
  | 'expire-authorization'
  | 'settle-charge'
  | 'open-dispute'
  | 'decide-dispute'
  | 'finish-refund'

/** The request that caused an event. */
export interface Cause {
  readonly id: string | null
  readonly idempotency_key: string | null
}

const NO_REQUEST: Cause = { id: null, idempotency_key: null }

/** Stripe keeps events for 30 days. */
const EVENTS_KEPT_SECONDS = 30 * 86_400

/** Stands in links of stored objects for the address of this process, which may differ after a restart. */
const BASE = 'https://stripe-sandbox.invalid'

/** What every rule of the sandbox stands on: objects, the clock, events, and what is to happen later. */
export class World {
  readonly db: Database
  readonly objects: Objects
  readonly timing: Timing
  readonly apiVersion: string
  /** Set for the length of one request: all is synchronous. */
  cause: Cause = NO_REQUEST
  baseUrl = ''
  closed = false
  #offsetMs: number

  constructor(dir: string, timing: Timing, apiVersion: string) {
    this.db = new Database(dir)
    this.objects = new Objects(this.db)
    this.timing = timing
    this.apiVersion = apiVersion
    this.#offsetMs = this.db.setting<number>('clockOffsetMs') ?? 0
  }

  nowMs(): number {
    return Date.now() + this.#offsetMs
  }

  now(): number {
    return Math.floor(this.nowMs() / 1000)
  }

  advance(milliseconds: number): void {
    this.#offsetMs += milliseconds
    this.db.set('clockOffsetMs', this.#offsetMs)
  }

  schedule(kind: TaskKind, objectId: string, dueAtMs: number): void {
    this.db.run(
      'INSERT INTO task (kind, object_id, due_at) VALUES (?, ?, ?)',
      kind,
      objectId,
      Math.round(dueAtMs),
    )
  }

  scheduleAftermath(kind: TaskKind, objectId: string): void {
    this.schedule(kind, objectId, this.nowMs() + this.timing.aftermathMs)
  }

  /** An event with the object as it is now, and its deliveries, in the same transaction as what it tells of. */
  emit(type: string, object: StripeObject, before?: Record<string, unknown>): void {
    const id = newId('evt')
    const event = {
      id,
      object: 'event',
      api_version: this.apiVersion,
      created: this.now(),
      data: { object, ...(before && { previous_attributes: before }) },
      livemode: false,
      pending_webhooks: 0,
      request: this.cause,
      type,
    }
    const pending_webhooks = enqueueDeliveries(this, id, type)
    this.objects.insert({ ...event, pending_webhooks })
  }

  forgetOldEvents(): void {
    const before = this.now() - EVENTS_KEPT_SECONDS
    this.db.run("DELETE FROM object WHERE type = 'event' AND created < ?", before)
    this.db.run(
      "DELETE FROM delivery WHERE state <> 'pending' AND event_id NOT IN (SELECT id FROM object WHERE type = 'event')",
    )
  }

  close(): void {
    this.closed = true
    this.db.close()
  }

  link(path: string): string {
    return `${BASE}${path}`
  }

  /** As JSON, with links that lead to this process. */
  render(object: unknown): string {
    return JSON.stringify(object).replaceAll(`"${BASE}/`, `"${this.baseUrl}/`)
  }
}
