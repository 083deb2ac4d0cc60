import { ORPCError } from '@orpc/server'
import type { FieldError } from '@storewright/kernel/problem'

/** What the gateway itself refuses or reports; services declare theirs in their contracts. */
export const EDGE_REFUSALS = {
  'invalid-input': {
    status: 400,
    meaning: 'The request does not fit the operation. `errors` names each field.',
  },
  'idempotency-key-required': {
    status: 400,
    meaning: 'This operation needs an `Idempotency-Key` header: a value of your own, new for each command.',
  },
  'credentials-conflict': {
    status: 400,
    meaning: 'The request carries both an `Authorization` header and a guest cookie. Send one of them.',
  },
  'authentication-required': {
    status: 401,
    meaning: 'This operation is for staff. Send `Authorization: Bearer <API key>`.',
  },
  'credentials-invalid': {
    status: 401,
    meaning: 'The bearer token is not one of ours, or was revoked.',
  },
  forbidden: { status: 403, meaning: 'This operation is not open to this caller.' },
  'cross-origin': {
    status: 403,
    meaning:
      'A write that uses a cookie was asked for by a page of another origin. Other origins use bearer tokens.',
  },
  'not-found': { status: 404, meaning: 'There is nothing at this address, or it is not yours to see.' },
  'method-not-allowed': {
    status: 405,
    meaning: 'This address does not answer to this method. `Allow` lists those it does.',
  },
  'request-timeout': { status: 408, meaning: 'The body took too long to arrive. Nothing was done.' },
  'body-too-large': { status: 413, meaning: 'The body is larger than this operation accepts.' },
  'unsupported-media-type': {
    status: 415,
    meaning: 'The body must be `application/json` in UTF-8, without a content encoding.',
  },
  'rate-limited': {
    status: 429,
    meaning: 'Too many requests of this kind. `Retry-After` says how many seconds to wait.',
  },
  internal: {
    status: 500,
    meaning: 'Something went wrong on our side. It has been recorded under the trace id.',
  },
  unavailable: {
    status: 503,
    meaning:
      'A part that this operation needs cannot be reached or is overloaded. Ask again after `Retry-After` seconds, with the same Idempotency-Key.',
  },
  timeout: {
    status: 504,
    meaning:
      'The answer took too long. Whether it happened is not known; ask again with the same Idempotency-Key.',
  },
} as const satisfies Record<string, { status: number; meaning: string }>

export type EdgeCode = keyof typeof EDGE_REFUSALS

/** A refusal with the headers that belong to it: `Allow`, `Retry-After`, `WWW-Authenticate`. */
export class EdgeRefusal extends ORPCError<string, unknown> {
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: EdgeCode,
    options: {
      errors?: readonly FieldError[]
      detail?: string
      headers?: Readonly<Record<string, string>>
    } = {},
  ) {
    super(code, {
      status: EDGE_REFUSALS[code].status,
      message: options.detail ?? EDGE_REFUSALS[code].meaning,
      data: options.errors ? { errors: options.errors } : undefined,
    })
    this.headers = options.headers ?? {}
  }
}

/** One field of the request is not acceptable. `field`: a path into the input, a header's name, or `body`. */
export function invalidField(field: string, message: string): EdgeRefusal {
  return new EdgeRefusal('invalid-input', { errors: [{ field, message }] })
}
