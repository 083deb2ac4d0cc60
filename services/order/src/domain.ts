import type { Order } from './contract.ts'

export type PaymentStatus = Order['paymentStatus']

/** What may follow what; the same table tells a screen why a button is off. */
const PAYMENT_TRANSITIONS: Record<PaymentStatus, readonly PaymentStatus[]> = {
  due: ['paid', 'voided'],
  authorized: ['paid', 'capture-failed', 'voided'],
  'capture-failed': ['paid', 'voided'],
  paid: ['refunded'],
  refunded: [],
  voided: [],
}

export function mayBecomePaymentStatus(from: PaymentStatus, to: PaymentStatus): boolean {
  return PAYMENT_TRANSITIONS[from].includes(to)
}

/** States from which `to` may be reached: the WHERE of the update, so that table and database agree. */
export function paymentStatusesBefore(to: PaymentStatus): PaymentStatus[] {
  return (Object.keys(PAYMENT_TRANSITIONS) as PaymentStatus[]).filter(from =>
    mayBecomePaymentStatus(from, to),
  )
}

/** The payment status of a new order: terms mean the money is still to come. */
export function initialPaymentStatus(onTerms: boolean): PaymentStatus {
  return onTerms ? 'due' : 'authorized'
}

export const TIMELINE_TITLES = {
  placed: 'Order placed',
  paid: 'Payment received',
  voided: 'Payment canceled',
} as const
