import type { z } from 'zod'
import type { checkoutContract, checkoutStateSchema, quoteSchema } from './contract.ts'

export type CheckoutState = z.infer<typeof checkoutStateSchema>
export type Quote = z.infer<typeof quoteSchema>
export type PayRequest = z.output<NonNullable<(typeof checkoutContract.pay)['~orpc']['inputSchema']>>

/** `placing` is the pivot: before it every step has its undo, after it there is only forward. */
const TRANSITIONS: Record<CheckoutState, readonly CheckoutState[]> = {
  reserving: ['authorizing', 'undoing'],
  authorizing: ['placing', 'awaiting-payment', 'undoing'],
  // To itself: still not paid, and still time.
  'awaiting-payment': ['awaiting-payment', 'placing', 'undoing'],
  placing: ['committing'],
  committing: ['capturing', 'completed'],
  capturing: ['completed'],
  undoing: ['failed'],
  completed: [],
  failed: [],
}

export function mayBecome(from: CheckoutState, to: CheckoutState): boolean {
  return TRANSITIONS[from].includes(to)
}

export function isFinished(state: CheckoutState): boolean {
  return TRANSITIONS[state].length === 0
}

/** What the shopper agreed to, and nothing else: whatever changes a cent or a piece changes the hash. */
export function agreementOf(quote: Omit<Quote, 'hash'>) {
  return {
    cartId: quote.cartId,
    marketId: quote.marketId,
    country: quote.country,
    lines: quote.lines.map(line => [
      line.sku,
      line.quantity,
      line.unitPrice.amount,
      line.total.amount,
      line.tax.amount,
    ]),
    shippingRateId: quote.shippingRateId,
    totals: quote.totals,
  }
}

/** Why a checkout failed: the refusal's code and data, answered again for the same Idempotency-Key. */
export interface Failure {
  readonly code: string
  readonly detail: string
  readonly data?: unknown
  /** The step that was refused: what came before it has to be undone. */
  readonly during: CheckoutState
}

/** Wait after the `attempt`-th failure of a step for unknown reasons: 1 s, 2 s, 4 s … at most a minute. */
export function retryDelayMs(attempt: number): number {
  return Math.min(60_000, 1000 * 2 ** Math.min(attempt - 1, 6))
}
