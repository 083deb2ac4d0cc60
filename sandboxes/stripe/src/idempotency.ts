import { createHash } from 'node:crypto'
import { StripeError } from './stripe-error.ts'
import type { World } from './world.ts'

export interface StoredReply {
  readonly status: number
  readonly body: string
  readonly requestId: string
}

/** Stripe forgets keys after a day. */
const KEPT_MS = 24 * 3_600_000
const KEY_MAX = 255

/** Replies by `Idempotency-Key`. Which keys are being worked on is not kept: a killed process works on none. */
export class IdempotencyKeys {
  readonly #world: World
  readonly #inUse = new Set<string>()

  constructor(world: World) {
    this.#world = world
  }

  /** The reply that the key has, or undefined after reserving the key. */
  begin(key: string, request: string, parameters: string): StoredReply | undefined {
    if (key.length > KEY_MAX)
      throw new StripeError(400, `Idempotency keys may be at most ${KEY_MAX} characters long.`, {
        type: 'idempotency_error',
      })
    const { db } = this.#world
    const row = db.row('SELECT * FROM idempotency WHERE key = ?', key)
    if (row && Number(row.created_at) > this.#world.nowMs() - KEPT_MS) {
      if (row.request !== request || row.parameters !== digest(parameters))
        throw otherRequest(key, String(row.request))
      return { status: Number(row.status), body: String(row.body), requestId: String(row.request_id) }
    }
    if (row) db.run('DELETE FROM idempotency WHERE key = ?', key)
    if (this.#inUse.has(key))
      throw new StripeError(
        409,
        `There is currently another in-progress request using this Stripe-Idempotency key (${key}). Please try again later.`,
        { type: 'idempotency_error', code: 'idempotency_key_in_use' },
      )
    this.#inUse.add(key)
    return undefined
  }

  /** In the transaction of the effect, so that both are kept or neither. */
  store(key: string, request: string, parameters: string, reply: StoredReply): void {
    this.#world.db.run(
      'INSERT OR REPLACE INTO idempotency (key, request, parameters, status, body, request_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
      key,
      request,
      digest(parameters),
      reply.status,
      reply.body,
      reply.requestId,
      this.#world.nowMs(),
    )
  }

  end(key: string): void {
    this.#inUse.delete(key)
  }

  forgetOld(): void {
    this.#world.db.run('DELETE FROM idempotency WHERE created_at < ?', this.#world.nowMs() - KEPT_MS)
  }
}

function digest(parameters: string): string {
  return createHash('sha256').update(parameters).digest('base64')
}

function otherRequest(key: string, request: string): StripeError {
  return new StripeError(
    400,
    `Keys for idempotent requests can only be used with the same parameters they were first used with. ` +
      `Try using a key other than '${key}' if you meant to execute a different request. It was first used for ${request}.`,
    { type: 'idempotency_error' },
  )
}
