import { HOLD_SECONDS_MAX } from '@storewright/inventory/contract'
import type { Id } from '@storewright/kernel/ids'
import type { Money } from '@storewright/kernel/money'
import type { Lane } from '@storewright/postgres/lane'
import type { Sql } from '@storewright/postgres/sql'
import { type CallContext, systemContext } from '@storewright/rpc/context'
import type { Logger } from '@storewright/rpc/log'
import { isRefusal, refusalCode } from '@storewright/rpc/refusal'
import { type CheckoutState, type Failure, isFinished, mayBecome, retryDelayMs } from './domain.ts'
import type { Needs } from './quote.ts'
import { type Advance, type Checkout, type CheckoutPayment, type PlannedLine, recordFault } from './store.ts'

/** Shorter than the lease (store.ts): a step has ended before anybody else may try it. */
const STEP_TIMEOUT_MS = 8_000

/**
 * Backstop only: checkout releases what it reserved. A hold that ended while its order was placed could not be
 * committed any more, so it outlasts every outage: a closed weekend, a laptop back from the holidays.
 */
const HOLD_SECONDS = HOLD_SECONDS_MAX

/** Another shopper may take what was planned between plan and reservation; then it is planned anew. */
const PLANS_MAX = 3

/** One per checkout: a refusal ends it, and on the payment page the shopper may try as many cards as he likes. */
const ATTEMPT = 1

/** The page ends by the provider's clock; what was paid in its last second arrives a little later. */
const PAGE_GRACE_MS = 5 * 60_000

export interface SagaTools {
  readonly needs: Needs
  readonly database: Sql
  readonly advances: Lane<Advance, Checkout | undefined>
  readonly log: Logger
  readonly publicUrl: string
}

/** Somebody else holds this saga now; whoever finds out stops at once. */
class Fenced extends Error {}

type Step = (tools: SagaTools, checkout: Checkout) => Promise<Advance>

/**
 * The path of an order, a step per state. Each step calls another service with a key of its own, so that it may be
 * repeated, and says which state comes next. `placing` is the pivot.
 *
 *   reserving    + reserve stock         - release it
 *   authorizing  + authorize payment, or open the page for it    - void it
 *   awaiting-payment   parked: the shopper is on that page, or on his bank's, which ends by itself or is closed
 *   placing      + place the order         (from here only forward)
 *   committing   + stock to the order, cart done
 *   capturing    + take the money
 *   undoing      - what was done before the pivot, in reverse
 */
const STEPS: Record<Exclude<CheckoutState, 'completed' | 'failed'>, Step> = {
  reserving: reserve,
  authorizing: authorize,
  'awaiting-payment': awaitPayment,
  placing: place,
  committing: commit,
  capturing: capture,
  undoing: undo,
}

/**
 * Runs a saga that the caller holds until it is finished, or parked while the shopper pays, or a step fails for an
 * unknown reason: then the saga stays where it is and the sweeper tries again. Answers the last state seen.
 */
export async function runCheckout(tools: SagaTools, checkout: Checkout): Promise<Checkout> {
  let current = checkout
  try {
    while (!isFinished(current.state)) {
      const step = STEPS[current.state as keyof typeof STEPS]
      const advance = await step(tools, current)
      if (!mayBecome(current.state, advance.to))
        throw new Error(`${current.state} may not become ${advance.to}`)
      const next = await tools.advances.submit(advance)
      if (!next) throw new Fenced(`checkout ${current.checkoutId} was taken over in state ${current.state}`)
      current = next
      if (current.state === 'awaiting-payment') break
    }
  } catch (error) {
    if (error instanceof Fenced) tools.log.warn({ traceId: current.trace }, error.message)
    else await postpone(tools, current, error)
  }
  return current
}

async function reserve(tools: SagaTools, checkout: Checkout): Promise<Advance> {
  let plan = checkout.plan
  for (let planned = 1; ; planned += 1) {
    try {
      const lines = [...plan]
      const input = { reservationId: checkout.checkoutId, lines, holdSeconds: HOLD_SECONDS }
      const held = await tools.needs.inventory.reserveStock(input, call(checkout))
      return { checkout, to: 'authorizing', plan: held.lines }
    } catch (error) {
      if (!isRefusal(error)) throw error
      // Nothing is held, and nothing will be: asking again would get the same answer for ever.
      if (refusalCode(error) !== 'insufficient-stock')
        return { checkout, to: 'undoing', failure: failureOf(error, checkout) }
      const next = await planAgain(tools, checkout)
      if ('failure' in next || planned === PLANS_MAX)
        return {
          checkout,
          to: 'undoing',
          failure: 'failure' in next ? next.failure : failureOf(error, checkout),
        }
      plan = next.plan
    }
  }
}

async function planAgain(
  tools: SagaTools,
  checkout: Checkout,
): Promise<{ plan: readonly PlannedLine[] } | { failure: Failure }> {
  const lines = checkout.quote.lines.map(({ sku, quantity }) => ({ sku, quantity }))
  const { plan, missing } = await tools.needs.inventory.planStock({ lines }, call(checkout))
  if (missing.length === 0) return { plan }
  const detail = 'There is not enough stock for every line.'
  return { failure: { code: 'insufficient-stock', detail, data: { missing }, during: checkout.state } }
}

async function authorize(tools: SagaTools, checkout: Checkout): Promise<Advance> {
  try {
    const { paymentMethod, paymentToken } = checkout.request
    // An order that is free is authorized without a provider.
    if (paymentMethod === 'card' && checkout.quote.totals.total.amount > 0)
      return paymentToken ? await confirmCard(tools, checkout, paymentToken) : await openPage(tools, checkout)
    const { paymentId, onTerms } = await tools.needs.payment.authorizePayment(
      {
        checkoutId: checkout.checkoutId,
        attempt: ATTEMPT,
        method: paymentMethod,
        amount: checkout.quote.totals.total,
        country: checkout.request.shippingAddress.country,
      },
      call(checkout),
    )
    return { checkout, to: 'placing', payment: { paymentId, onTerms } }
  } catch (error) {
    if (!isRefusal(error)) throw error
    return { checkout, to: 'undoing', failure: failureOf(error, checkout) }
  }
}

/** A card that came with the order: placed at once, unless its holder must say yes to his bank first. */
async function confirmCard(tools: SagaTools, checkout: Checkout, paymentToken: string): Promise<Advance> {
  const { checkoutId, quote } = checkout
  const { payment, page, captureOn } = await tools.needs.payment.confirmPayment(
    {
      checkoutId,
      attempt: ATTEMPT,
      amount: quote.totals.total,
      paymentToken,
      returnUrl: pageOf(tools, checkout),
    },
    call(checkout),
  )
  if (page) return park(checkout, { payment, page, captureOn })
  const { paymentId, onTerms } = payment
  return { checkout, to: 'placing', payment: { paymentId, onTerms, captureOn } }
}

async function openPage(tools: SagaTools, checkout: Checkout): Promise<Advance> {
  const { quote, request, checkoutId } = checkout
  const { totals } = quote
  const extra = (title: string, unitPrice: Money) =>
    unitPrice.amount > 0 ? [{ title, detail: '', unitPrice, quantity: 1 }] : []
  const here = pageOf(tools, checkout)
  const opened = await tools.needs.payment.openPaymentPage(
    {
      checkoutId,
      attempt: ATTEMPT,
      amount: totals.total,
      email: request.email,
      lines: [
        ...quote.lines.map(line => ({
          title: line.title,
          detail: line.variantTitle,
          unitPrice: line.unitPrice,
          quantity: line.quantity,
        })),
        ...extra('Shipping', totals.shipping),
        ...(totals.taxIncluded ? [] : extra('Tax', totals.tax)),
      ],
      returnUrl: here,
      leaveUrl: `${here}?left=1`,
    },
    call(checkout),
  )
  return park(checkout, opened)
}

function pageOf({ publicUrl }: SagaTools, { checkoutId }: Checkout): string {
  return `${publicUrl}/checkout/${checkoutId}`
}

type Parking = Required<Pick<CheckoutPayment, 'page' | 'captureOn'>> & {
  readonly payment: Pick<CheckoutPayment, 'paymentId' | 'onTerms'>
}

function park(checkout: Checkout, { payment, page, captureOn }: Parking): Advance {
  const parkUntil = new Date(Date.parse(page.expiresAt) + PAGE_GRACE_MS).toISOString()
  const { paymentId, onTerms } = payment
  return { checkout, to: 'awaiting-payment', payment: { paymentId, onTerms, page, captureOn }, parkUntil }
}

/** Never undone by time alone: when the time is over, the page is closed, and what the provider says then counts. */
async function awaitPayment(tools: SagaTools, checkout: Checkout): Promise<Advance> {
  const attempt = { checkoutId: checkout.checkoutId, attempt: ATTEMPT }
  const { payment } = tools.needs
  const { state, decline } = checkout.isParkOver
    ? await payment.closePaymentPage(attempt, call(checkout))
    : await payment.syncPayment(attempt, call(checkout))
  switch (state) {
    case 'pending':
      return { checkout, to: 'awaiting-payment' }
    case 'voided': {
      const during = checkout.state
      const failure = decline
        ? { code: 'payment-declined', detail: 'The card was declined.', data: decline, during }
        : { code: 'payment-not-completed', detail: 'The payment was not completed.', during }
      return { checkout, to: 'undoing', failure }
    }
    default:
      return { checkout, to: 'placing' }
  }
}

async function place(tools: SagaTools, checkout: Checkout): Promise<Advance> {
  const { orders } = await tools.needs.order.placeOrder(orderInput(checkout), call(checkout))
  return { checkout, to: 'committing', orders }
}

async function commit(tools: SagaTools, checkout: Checkout): Promise<Advance> {
  const ordered = checkout.quote.lines.map(({ sku, quantity }) => ({ sku, quantity }))
  await Promise.all([
    tools.needs.inventory.commitReservation({ reservationId: checkout.checkoutId }, call(checkout)),
    tools.needs.cart.completeCart({ cartId: checkout.cartId, ordered }, call(checkout)).catch(error => {
      // A cart that is gone cannot be ordered again, which is all that completing it is for.
      if (refusalCode(error) !== 'not-found') throw error
    }),
  ])
  return { checkout, to: checkout.payment?.captureOn === 'placement' ? 'capturing' : 'completed' }
}

/** The order stands, whatever comes of it: a refused capture is said by `payment.capture-failed`. */
async function capture(tools: SagaTools, checkout: Checkout): Promise<Advance> {
  if (!checkout.payment) throw new Error(`checkout ${checkout.checkoutId} reached capturing without payment`)
  await tools.needs.payment
    .capturePayment({ paymentId: checkout.payment.paymentId }, call(checkout))
    .catch(error => {
      // Staff captured or voided it in the meantime: there is nothing left to take.
      if (refusalCode(error) !== 'payment-state') throw error
    })
  return { checkout, to: 'completed' }
}

async function undo(tools: SagaTools, checkout: Checkout): Promise<Advance> {
  // A payment that was never asked for needs no void.
  if (checkout.failure?.during !== 'reserving') {
    const attempt = { checkoutId: checkout.checkoutId, attempt: ATTEMPT }
    await tools.needs.payment.voidPayment(attempt, call(checkout))
  }
  await tools.needs.inventory.releaseReservation({ reservationId: checkout.checkoutId }, call(checkout))
  return { checkout, to: 'failed' }
}

function orderInput(checkout: Checkout) {
  const { quote, request, payment } = checkout
  const rate = quote.shippingOptions.find(option => option.shippingRateId === quote.shippingRateId)
  if (!payment || !rate)
    throw new Error(`checkout ${checkout.checkoutId} reached placing without payment or rate`)
  return {
    checkoutId: checkout.checkoutId,
    owner: checkout.owner,
    marketId: quote.marketId,
    currency: quote.currency,
    email: request.email,
    lines: quote.lines.map(line => ({ ...line, vendorId: quote.vendorIds[line.sku] as Id<'vendor'> })),
    totals: quote.totals,
    taxLines: quote.taxLines,
    shipping: {
      shippingRateId: rate.shippingRateId,
      title: rate.title,
      price: quote.totals.shipping,
      tax: quote.shippingTax,
      minDays: rate.minDays,
      maxDays: rate.maxDays,
    },
    payment: { paymentId: payment.paymentId, onTerms: payment.onTerms, method: request.paymentMethod },
    shippingAddress: request.shippingAddress,
    billingAddress: request.billingAddress ?? request.shippingAddress,
    note: request.note ?? null,
  }
}

async function postpone(tools: SagaTools, checkout: Checkout, error: unknown): Promise<void> {
  const attempt = checkout.attempt + 1
  const message = error instanceof Error ? error.message : String(error)
  tools.log.error(
    { err: error, traceId: checkout.trace, attempt },
    `checkout stopped while ${checkout.state}`,
  )
  // When the database is what failed, the lease simply runs out.
  await recordFault(tools.database, checkout, retryDelayMs(attempt), message).catch(cause =>
    tools.log.warn({ err: cause, traceId: checkout.trace }, 'the fault could not be recorded'),
  )
}

function failureOf(error: unknown, { state }: Checkout): Failure {
  const refusal = error as Error & { data?: unknown }
  return {
    code: refusalCode(error) ?? 'internal',
    detail: refusal.message,
    data: refusal.data,
    during: state,
  }
}

/** Steps act for the house, not for the shopper: a sweeper repeats them without him. */
function call(checkout: Checkout): { context: CallContext } {
  return { context: { ...systemContext('checkout', STEP_TIMEOUT_MS), traceId: checkout.trace } }
}
