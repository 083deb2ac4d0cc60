import { principalOf } from '@storewright/kernel/actor'
import { type Id, newId } from '@storewright/kernel/ids'
import { hashBody } from '@storewright/postgres/idempotency'
import type { CallContext } from '@storewright/rpc/context'
import type { PayRequest } from './domain.ts'
import { type MadeQuote, makeQuote, type QuoteRefusal } from './quote.ts'
import { runCheckout, type SagaTools } from './saga.ts'
import { type Checkout, claimParked, findByCart, findByKey, insertCheckout } from './store.ts'

export type PayOutcome =
  | { readonly kind: 'checkout'; readonly checkout: Checkout }
  | { readonly kind: 'refused'; readonly refusal: QuoteRefusal }
  | { readonly kind: 'total-changed'; readonly made: MadeQuote }
  | { readonly kind: 'in-progress'; readonly checkoutId: Id<'checkout'> }
  | { readonly kind: 'key-reused' | 'too-many' | 'method-not-offered' }

/**
 * One command: the quote is made again and compared with what the shopper saw, frozen in the saga's row, and the
 * saga runs. The same key again answers for the same checkout, however far it is.
 */
export async function pay(
  tools: SagaTools,
  context: CallContext,
  request: PayRequest,
  nowMs: number,
): Promise<PayOutcome> {
  const owner = principalOf(context.actor)
  const idempotencyKey = context.idempotencyKey
  if (!idempotencyKey)
    throw new Error('pay needs an idempotency key: the gateway lets no call without one pass')
  const bodyHash = hashBody(request)

  const known = await findByKey(tools.database, owner, idempotencyKey)
  if (known) return replay(known, bodyHash)

  const made = await makeQuote(
    tools.needs,
    context,
    {
      cartId: request.cartId,
      country: request.shippingAddress.country,
      shippingRateId: request.shippingRateId,
    },
    nowMs,
  )
  if ('code' in made || made.quote.hash !== request.quoteHash) {
    // The same request may have been placed since the first look, taking cart and stock with it: that is the answer.
    const twin = await findByKey(tools.database, owner, idempotencyKey)
    if (twin) return replay(twin, bodyHash)
  }
  if ('code' in made) return { kind: 'refused', refusal: made }
  if (made.quote.hash !== request.quoteHash) return { kind: 'total-changed', made }
  const offered = made.quote.paymentMethods.some(({ method }) => method === request.paymentMethod)
  if (!offered) return { kind: 'method-not-offered' }

  const inserted = await insertCheckout(tools.database, {
    checkoutId: newId('checkout', nowMs),
    owner,
    idempotencyKey,
    bodyHash,
    cartId: request.cartId,
    trace: context.traceId,
    request,
    quote: { ...made.quote, vendorIds: made.vendorIds, shippingTax: made.shippingTax },
    plan: made.plan,
  })
  if (inserted === 'too-many') return { kind: 'too-many' }
  if (inserted === 'same-key') {
    const twin = await findByKey(tools.database, owner, idempotencyKey)
    if (twin) return replay(twin, bodyHash)
    throw new Error('a checkout with this key was there and is gone')
  }
  if (inserted === 'cart-taken') {
    const other = await findByCart(tools.database, request.cartId)
    // The one that had the cart has failed meanwhile: the cart is free again.
    if (!other) return pay(tools, context, request, nowMs)
    // Paying anew gives the other payment page up; if that was paid already, it is an order.
    if (other.owner === owner && (await leave(tools, other))?.state === 'failed')
      return pay(tools, context, request, nowMs)
    if ((await findByCart(tools.database, request.cartId))?.state === 'completed')
      return { kind: 'refused', refusal: { code: 'cart-completed' } }
    return { kind: 'in-progress', checkoutId: other.checkoutId }
  }
  return { kind: 'checkout', checkout: await runCheckout(tools, inserted) }
}

/** Ends the time for paying now. The checkout as it is then; undefined when it was not waiting for a payment. */
export async function leave(tools: SagaTools, checkout: Checkout): Promise<Checkout | undefined> {
  const claimed = await claimParked(tools.database, checkout.checkoutId, { endTime: true })
  return claimed && runCheckout(tools, claimed)
}

/** Looks whether a parked checkout was paid, and goes on with it. Undefined when it was not waiting for a payment. */
export async function resume(tools: SagaTools, checkout: Checkout): Promise<Checkout | undefined> {
  const claimed = await claimParked(tools.database, checkout.checkoutId, { endTime: false })
  return claimed && runCheckout(tools, claimed)
}

function replay(checkout: Checkout, bodyHash: string): PayOutcome {
  return checkout.bodyHash === bodyHash ? { kind: 'checkout', checkout } : { kind: 'key-reused' }
}
