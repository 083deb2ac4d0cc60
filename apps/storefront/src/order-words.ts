import type { Order } from './store-api.ts'

const FULFILLMENT: Record<Order['fulfillmentStatus'], string> = {
  unfulfilled: 'Being prepared',
  'partly-fulfilled': 'Partly shipped',
  fulfilled: 'Shipped',
  delivered: 'Delivered',
}

const PAYMENT: Record<Order['paymentStatus'], string> = {
  due: 'Payment due',
  authorized: 'Payment authorized',
  paid: 'Paid',
  'capture-failed': 'Payment failed',
  'partly-refunded': 'Partly refunded',
  refunded: 'Refunded',
  voided: 'Payment canceled',
}

/** A canceled order is not paid any more; what was paid goes back. Else as above. */
const PAYMENT_OF_CANCELED: Partial<Record<Order['paymentStatus'], string>> = {
  due: 'Nothing to pay',
  authorized: 'Nothing will be charged',
  paid: 'Your money is being returned',
  'capture-failed': 'Nothing will be charged',
  voided: 'Nothing to pay',
}

export function orderStatus(order: Order): string {
  if (order.status === 'canceled') return 'Canceled'
  return FULFILLMENT[order.fulfillmentStatus]
}

export function paymentStatus(order: Order): string {
  const ofCanceled = order.status === 'canceled' && PAYMENT_OF_CANCELED[order.paymentStatus]
  return ofCanceled || PAYMENT[order.paymentStatus]
}

/** What the shopper still has to do, if anything. */
export function paymentInstructions(order: Order, total: string): string | undefined {
  if (order.status === 'canceled' || order.paymentStatus !== 'due') return undefined
  if (order.payment.method === 'cash-on-delivery')
    return `Please have ${total} ready when the parcel arrives; the carrier takes cash.`
  return `Amount due: ${total}, by bank transfer. Please name the order number ${order.number} when you pay; the confirmation email has the same instructions.`
}

/** What has not happened yet, in order, so that the timeline shows where it leads. */
export function stepsToCome(order: Order): string[] {
  if (order.status === 'canceled') return []
  if (order.fulfillmentStatus === 'delivered') return []
  return order.fulfillmentStatus === 'fulfilled' ? ['Delivered'] : ['Shipped', 'Delivered']
}
