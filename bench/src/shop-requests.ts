import { randomUUID } from 'node:crypto'

/** `page` is the provider's; it and `resume` are for cards only. */
export const STEPS = ['guest', 'list', 'product', 'cart', 'quote', 'pay', 'page', 'resume', 'order'] as const
export type Step = (typeof STEPS)[number]

export class Refused extends Error {}

/** One timed request, which must succeed. */
export type Ask = (
  step: Step,
  method: string,
  path: string,
  headers: string,
  body?: object,
) => Promise<Buffer>

export interface AnsweredCheckout {
  readonly checkoutId: string
  readonly state: string
  readonly paymentPage: { readonly url: string } | null
  readonly orders: readonly { readonly orderId: string }[]
}

export function payRequest(
  cartId: string,
  quote: { hash: string; shippingRateId: string },
  paymentMethod: 'invoice' | 'card' = 'invoice',
): object {
  return {
    cartId,
    quoteHash: quote.hash,
    email: `${randomUUID()}@bench.example`,
    shippingAddress: {
      fullName: 'Ada Byron',
      line1: 'Hauptstr. 1',
      city: 'Berlin',
      postalCode: '10115',
      country: 'DE',
    },
    shippingRateId: quote.shippingRateId,
    paymentMethod,
  }
}

export function parse<Body>(body: Buffer): Body {
  return JSON.parse(body.toString()) as Body
}
