import type { Id } from '@storewright/kernel/ids'
import type { Currency } from '@storewright/kernel/money'
import type Stripe from 'stripe'

/** What the shopper sees on the payment page; amounts in minor units, their sum is the payment's amount. */
export interface PageContent {
  readonly email: string
  readonly lines: readonly { title: string; detail: string; unitAmount: number; quantity: number }[]
  readonly returnUrl: string
  readonly leaveUrl: string
}

export interface PageRequest extends PageContent {
  readonly checkoutId: Id<'checkout'>
  readonly currency: Currency
  /** Stripe wants 30 minutes to 24 hours from now. */
  readonly expiresAt: Date
}

export interface IntentRequest {
  readonly checkoutId: Id<'checkout'>
  readonly amount: number
  readonly currency: Currency
}

export interface Confirmation {
  readonly intentId: string
  /** A PaymentMethod's id. It is no card number, and goes nowhere but to the provider. */
  readonly paymentToken: string
  /** Where 3-D Secure leads to in the end. */
  readonly returnUrl: string
}

export function pageParameters(request: PageRequest): Stripe.Checkout.SessionCreateParams {
  const { checkoutId, currency } = request
  return {
    mode: 'payment',
    payment_method_types: ['card'],
    client_reference_id: checkoutId,
    customer_email: request.email,
    line_items: request.lines.map(line => ({
      quantity: line.quantity,
      price_data: {
        currency: currency.toLowerCase(),
        unit_amount: line.unitAmount,
        product_data: { name: line.title, ...(line.detail && { description: line.detail }) },
      },
    })),
    metadata: { checkoutId },
    payment_intent_data: { capture_method: 'manual', metadata: { checkoutId } },
    success_url: request.returnUrl,
    cancel_url: request.leaveUrl,
    expires_at: request.expiresAt.getTime() / 1000,
  }
}

export function intentParameters(request: IntentRequest): Stripe.PaymentIntentCreateParams {
  const { checkoutId, amount, currency } = request
  return {
    amount,
    currency: currency.toLowerCase(),
    capture_method: 'manual',
    payment_method_types: ['card'],
    metadata: { checkoutId },
  }
}
