import type { Currency } from '@storewright/kernel/money'
import type { z } from 'zod'
import type { paymentMethodSchema, paymentStateSchema } from './contract.ts'

export type PaymentMethod = z.infer<typeof paymentMethodSchema>
export type PaymentState = z.infer<typeof paymentStateSchema>

/** What may follow what; the same table tells a screen why a button is off. */
const TRANSITIONS: Record<PaymentState, readonly PaymentState[]> = {
  pending: ['authorized', 'captured', 'voided'],
  authorized: ['captured', 'capture-failed', 'voided'],
  'capture-failed': ['captured', 'voided'],
  captured: [],
  voided: [],
}

export function mayBecome(from: PaymentState, to: PaymentState): boolean {
  return TRANSITIONS[from].includes(to)
}

interface Method {
  readonly method: PaymentMethod
  readonly title: string
  readonly description: string
  /** Goods may leave before the money is here. */
  readonly onTerms: boolean
  /** ISO 3166-1 alpha-2; undefined = everywhere. */
  readonly notIn?: readonly string[]
}

/** Paid on the provider's page. */
const CARD: Method = {
  method: 'card',
  title: 'Card',
  description: 'Pay on the secure page of our payment partner; you come back here afterwards.',
  onTerms: false,
}

/** The provider `manual`: the merchant collects the money, the shop only keeps account of it. */
const MANUAL_METHODS: readonly Method[] = [
  {
    method: 'invoice',
    title: 'Invoice',
    description: 'Pay by bank transfer within 14 days of delivery.',
    onTerms: true,
  },
  {
    method: 'cash-on-delivery',
    title: 'Cash on delivery',
    description: 'Pay the carrier in cash at your door.',
    onTerms: true,
    notIn: ['US'], // no parcel carrier there collects for domestic shops
  },
]

export function methodsFor(country: string, offers: { readonly card: boolean }): readonly Method[] {
  const manual = MANUAL_METHODS.filter(method => !method.notIn?.includes(country))
  return offers.card ? [CARD, ...manual] : manual
}

export interface ProviderRefund {
  readonly providerRefundId: string
  /** Ours; null when it was made at the provider by hand. */
  readonly refundId: string | null
  readonly amount: number
  readonly state: 'pending' | 'succeeded' | 'failed'
  readonly failure: string | null
}

export interface ProviderDispute {
  readonly providerDisputeId: string
  readonly amount: number
  readonly reason: string
  readonly state: 'open' | 'won' | 'lost'
}

/** A card that was refused; `declineCode` is the provider's, https://docs.stripe.com/declines/codes. */
export interface Decline {
  readonly reason: string
  readonly declineCode: string | null
}

/** How a payment stands in the provider's books; amounts in minor units. */
export interface ProviderState {
  readonly status: Exclude<PaymentState, 'capture-failed'>
  readonly intentId: string | null
  readonly checkoutId: string | null
  readonly amount: number
  readonly currency: string
  readonly capturedAmount: number
  readonly captureBefore: Date | null
  readonly card: { readonly brand: string; readonly last4: string } | null
  readonly failure: string | null
  /** Of a card that came with its order: this attempt is over. */
  readonly decline: Decline | null
  /** Where such a card's holder has to say yes: 3-D Secure. */
  readonly actionUrl: string | null
  readonly refunds: readonly ProviderRefund[]
  readonly disputes: readonly ProviderDispute[]
}

/** Why the provider's books cannot be about this payment; undefined when they can. */
export function mismatchOf(
  payment: { checkoutId: string; amount: number; currency: Currency },
  state: ProviderState,
): string | undefined {
  if (state.checkoutId !== payment.checkoutId) return `it is for ${state.checkoutId ?? 'no checkout of ours'}`
  if (state.currency !== payment.currency) return `its currency is ${state.currency}, not ${payment.currency}`
  if (state.amount !== payment.amount) return `its amount is ${state.amount}, not ${payment.amount}`
  return undefined
}

/**
 * The state after hearing from the provider: only ever forward, so that news out of order or heard twice change
 * nothing. A capture that was refused stays `capture-failed` while the provider still calls it authorized.
 */
export function stateAfter(was: PaymentState, heard: ProviderState['status']): PaymentState {
  return mayBecome(was, heard) ? heard : was
}
