import type { Order } from './contract.ts'

export type PaymentStatus = Order['paymentStatus']

/** What may follow what; the same table tells a screen why a button is off. */
const PAYMENT_TRANSITIONS: Record<PaymentStatus, readonly PaymentStatus[]> = {
  due: ['paid', 'voided'],
  authorized: ['paid', 'capture-failed', 'voided'],
  'capture-failed': ['paid', 'voided'],
  paid: ['partly-refunded', 'refunded'],
  // Back again: a refund may fail, days later.
  'partly-refunded': ['paid', 'partly-refunded', 'refunded'],
  refunded: ['paid', 'partly-refunded'],
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

/** What a payment's news make of the order's payment status; undefined when they do not concern it. */
export function paymentStatusAfter(payment: {
  state: string
  capturedAmount: { amount: number }
  refundedAmount: { amount: number }
}): PaymentStatus | undefined {
  const { state, capturedAmount, refundedAmount } = payment
  if (state === 'captured') {
    if (refundedAmount.amount === 0) return 'paid'
    return refundedAmount.amount < capturedAmount.amount ? 'partly-refunded' : 'refunded'
  }
  return state === 'voided' || state === 'capture-failed' ? state : undefined
}

export const TIMELINE_TITLES: Record<'placed' | Exclude<PaymentStatus, 'due' | 'authorized'>, string> = {
  placed: 'Order placed',
  paid: 'Payment received',
  'capture-failed': 'Payment failed',
  'partly-refunded': 'Partly refunded',
  refunded: 'Refunded',
  voided: 'Payment canceled',
}
