import type { z } from 'zod'
import type { paymentMethodSchema } from './contract.ts'

export type PaymentMethod = z.infer<typeof paymentMethodSchema>
export type PaymentState = 'authorized' | 'captured' | 'voided'

/** What may follow what; the same table tells a screen why a button is off. */
const TRANSITIONS: Record<PaymentState, readonly PaymentState[]> = {
  authorized: ['captured', 'voided'],
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

/** The provider `manual`: the merchant collects the money, the shop only keeps account of it. */
const METHODS: readonly Method[] = [
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

export function methodsFor(country: string): readonly Method[] {
  return METHODS.filter(method => !method.notIn?.includes(country))
}

export function offeredMethod(method: PaymentMethod, country: string): Method | undefined {
  return methodsFor(country).find(candidate => candidate.method === method)
}
