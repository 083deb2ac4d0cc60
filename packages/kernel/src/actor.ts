import type { Id } from './ids.ts'

/** Who a call is made for. Decided at the edge, carried to every service, never read from a request body. */
export type Actor =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'guest'; readonly guestId: Id<'guest'> }
  | { readonly kind: 'staff'; readonly staffId: Id<'staff'>; readonly permissions: readonly string[] }
  | { readonly kind: 'system'; readonly service: string }

export const ANONYMOUS: Actor = { kind: 'anonymous' }

/** One string per actor: the scope of idempotency keys, limits and carts. */
export function principalOf(actor: Actor): string {
  switch (actor.kind) {
    case 'anonymous':
      return 'anonymous'
    case 'guest':
      return actor.guestId
    case 'staff':
      return actor.staffId
    case 'system':
      return `system:${actor.service}`
  }
}
