import { ORPCError } from '@orpc/server'
import type { FieldError, Problem } from '@storewright/kernel/problem'
import { problemType } from '@storewright/kernel/problem'
import { codeOf, isConnectionFailure } from '@storewright/postgres/errors'
import { LaneOverloaded } from '@storewright/postgres/lane'

/** True for an expected "no" (4xx, declared in a contract); false for faults. */
export function isRefusal(error: unknown): error is ORPCError<string, unknown> {
  return error instanceof ORPCError && error.status < 500
}

/** The refusal's stable code, or undefined for a fault. */
export function refusalCode(error: unknown): string | undefined {
  return isRefusal(error) ? wireCode(error) : undefined
}

/** An error of any kind as the problem that leaves the house. Faults say nothing about our insides. */
export function problemOf(error: unknown, at: { instance: string; traceId: string }): Problem {
  if (!(error instanceof ORPCError) || error.status >= 500) return faultProblem(error, at)
  const code = wireCode(error)
  const errors = fieldErrors(error)
  return {
    type: problemType(code),
    title: titleOf(code),
    status: error.status,
    detail: errors.length > 0 ? describeFields(errors) : error.message,
    instance: at.instance,
    code,
    traceId: at.traceId,
    ...(errors.length > 0 ? { errors } : {}),
    ...(error.data !== undefined && errors.length === 0 ? { data: error.data } : {}),
  }
}

const FAULTS = {
  timeout: {
    status: 504,
    detail:
      'The answer took too long. Whether it happened is not known; ask again with the same Idempotency-Key.',
  },
  unavailable: {
    status: 503,
    detail:
      'A part of the shop cannot be reached right now. Ask again in a moment, with the same Idempotency-Key.',
  },
  internal: {
    status: 500,
    detail: 'Something went wrong on our side. It has been recorded under the trace id.',
  },
} as const

function faultProblem(error: unknown, at: { instance: string; traceId: string }): Problem {
  const code = faultCode(error)
  return {
    type: problemType(code),
    title: titleOf(code),
    ...FAULTS[code],
    instance: at.instance,
    code,
    traceId: at.traceId,
  }
}

/**
 * A fault as it leaves a service's process. Whether to ask again must survive the way: without this every fault would
 * arrive as "something went wrong", and a database that is down for a moment would look like a bug.
 */
export function faultForCaller(error: unknown): unknown {
  const code = faultCode(error)
  if (code === 'internal') return error
  return new ORPCError(code, { status: FAULTS[code].status, message: FAULTS[code].detail, cause: error })
}

function faultCode(error: unknown): keyof typeof FAULTS {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name === 'TimeoutError' || cause.name === 'AbortError') return 'timeout'
    // What a service in another process could not do (see `faultForCaller`).
    if (cause instanceof ORPCError && cause.status === FAULTS.timeout.status) return 'timeout'
    if (cause instanceof ORPCError && cause.status === FAULTS.unavailable.status) return 'unavailable'
    if (cause instanceof LaneOverloaded || isConnectionFailure(cause)) return 'unavailable'
    // Node's fetch (undici) has codes of its own for a connection that was cut.
    if (cause.name === 'NotTheService' || codeOf(cause)?.startsWith('UND_ERR_')) return 'unavailable'
  }
  return 'internal'
}

/** oRPC's own codes are upper case; ours are kebab-case. Validation failures are our `invalid-input`. */
function wireCode(error: ORPCError<string, unknown>): string {
  if (error.code === 'BAD_REQUEST') return 'invalid-input'
  return error.code.toLowerCase().replaceAll('_', '-')
}

function titleOf(code: string): string {
  const words = code.replaceAll('-', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

interface Issue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[]
  readonly keys?: readonly string[]
  readonly code?: string
}

function fieldErrors(error: ORPCError<string, unknown>): FieldError[] {
  const data = error.data as { issues?: readonly Issue[]; errors?: readonly FieldError[] } | undefined
  if (data?.errors) return [...data.errors]
  if (!data?.issues) return []
  return data.issues.flatMap(issue => {
    const path = (issue.path ?? []).map(part => String(typeof part === 'object' ? part.key : part))
    if (issue.code === 'unrecognized_keys' && issue.keys)
      return issue.keys.map(key => ({
        field: [...path, key].join('.'),
        message: 'is not a field of this request',
      }))
    return [{ field: path.join('.') || 'body', message: issue.message }]
  })
}

function describeFields(errors: readonly FieldError[]): string {
  return errors.map(error => `${error.field}: ${error.message}`).join('; ')
}
