import { randomUUID } from 'node:crypto'
import type { Actor } from '@storewright/kernel/actor'

/** What travels with every call: a value in process, a signed token and headers over HTTP. */
export interface CallContext {
  readonly actor: Actor
  /** The service that makes the call; `gateway` at the edge. */
  readonly caller: string
  /** Unique per command; the callee keeps it beside its reply. */
  readonly idempotencyKey?: string | undefined
  /** Milliseconds since the epoch; work after it helps nobody. */
  readonly deadlineAt: number
  readonly traceId: string
}

/** A shopper waits no longer than this for any answer. */
export const CALL_TIMEOUT_MS = 15_000

export function newTraceId(): string {
  return randomUUID().replaceAll('-', '')
}

/** For work that no request asked for: sweepers, dispatchers, seeding. */
export function systemContext(service: string, timeoutMs: number = CALL_TIMEOUT_MS): CallContext {
  return {
    actor: { kind: 'system', service },
    caller: service,
    deadlineAt: Date.now() + timeoutMs,
    traceId: newTraceId(),
  }
}

/**
 * The options of an onward call: same actor and trace; the caller's deadline, or `withinMs` from now when that is
 * sooner. The client holds the callee to it, in either mode.
 */
export function forward(
  context: CallContext,
  caller: string,
  withinMs: number = Number.POSITIVE_INFINITY,
): { context: CallContext } {
  const deadlineAt = Math.min(context.deadlineAt, Date.now() + withinMs)
  // The key was the caller's command, not this one.
  return { context: { ...context, caller, deadlineAt, idempotencyKey: undefined } }
}
