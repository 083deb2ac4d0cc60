import { add, type Money, multiplyRatio } from '@storewright/kernel/money'
import type { Order } from './contract.ts'

export type OrderStatus = Order['status']
export type FulfillmentStatus = Order['fulfillmentStatus']
export type PaymentStatus = Order['paymentStatus']

/** What may follow what; the same tables tell a screen why a button is off. */
const ORDER_TRANSITIONS: Record<OrderStatus, readonly OrderStatus[]> = {
  open: ['canceled', 'completed'],
  canceled: [],
  completed: [],
}

/** What has left the house cannot be canceled any more: it comes back as a return. */
const CANCELABLE_FULFILLMENTS: readonly FulfillmentStatus[] = ['unfulfilled']

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

/** Orders that may be canceled: the WHERE of the update, as above. */
export function cancelableWhen(): { statuses: OrderStatus[]; fulfillmentStatuses: FulfillmentStatus[] } {
  const statuses = (Object.keys(ORDER_TRANSITIONS) as OrderStatus[]).filter(from =>
    ORDER_TRANSITIONS[from].includes('canceled'),
  )
  return { statuses, fulfillmentStatuses: [...CANCELABLE_FULFILLMENTS] }
}

/** The payment status of a new order: terms mean the money is still to come, if there is any. */
export function initialPaymentStatus(onTerms: boolean, total: { readonly amount: number }): PaymentStatus {
  if (total.amount === 0) return 'paid'
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

/**
 * What `quantity` pieces of a line are worth after `before` were refunded, tax included. Taken as the difference of two
 * shares of the whole, so that refunding a line piece by piece gives exactly what was paid for it.
 */
export function worthOfPieces(
  line: { total: Money; tax: Money; quantity: number },
  taxIncluded: boolean,
  pieces: { before: number; quantity: number },
): Money {
  const paid = taxIncluded ? line.total : add(line.total, line.tax)
  const share = (count: number) => multiplyRatio(paid, count, line.quantity)
  const upTo = share(pieces.before + pieces.quantity)
  return add(upTo, { ...upTo, amount: -share(pieces.before).amount })
}

/** Wait after the `attempt`-th time that goods or payment could not be given back: 1 s, 2 s, 4 s … at most a minute. */
export function retryDelayMs(attempt: number): number {
  return Math.min(60_000, 1000 * 2 ** Math.min(attempt - 1, 6))
}

export const TIMELINE_TITLES: Record<
  'placed' | 'canceled' | Exclude<PaymentStatus, 'due' | 'authorized'>,
  string
> = {
  placed: 'Order placed',
  canceled: 'Order canceled',
  paid: 'Payment received',
  'capture-failed': 'Payment failed',
  'partly-refunded': 'Partly refunded',
  refunded: 'Refunded',
  voided: 'Payment canceled',
}
