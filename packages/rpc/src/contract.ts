import { oc } from '@orpc/contract'
import { z } from 'zod'

/** Who may call an operation. `internal` ones never pass the gateway. */
export type Access = 'public' | 'staff' | 'internal'

export interface OperationMeta {
  readonly access: Access
  /** The caller needs an identity that owns things: the gateway gives an anonymous browser a guest identity first. */
  readonly identity?: 'guest'
  /** `required`: the gateway refuses a call without `Idempotency-Key`. */
  readonly idempotency?: 'required' | 'accepted'
  /** Which rate limit applies at the gateway. */
  readonly rateClass?: 'read' | 'write' | 'checkout' | 'credential'
}

/** Where every contract starts: `operation.meta({...}).route({...}).input(...).output(...).errors({...})`. */
export const operation = oc.$meta<OperationMeta>({ access: 'internal' })

/** Refusals that many operations share. Codes are kebab-case and stable; they are listed in docs/errors.md. */
export const refusals = {
  notFound: {
    'not-found': { status: 404, message: 'There is nothing at this address, or it is not yours to see.' },
  },
  invalid: {
    'invalid-input': {
      status: 400,
      message: 'The request does not fit the operation.',
      data: z.object({ errors: z.array(z.object({ field: z.string(), message: z.string() })) }),
    },
  },
  idempotency: {
    'idempotency-key-reused': {
      status: 422,
      message: 'This Idempotency-Key was used with a different request.',
    },
  },
} as const
