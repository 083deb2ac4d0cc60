import { addBalanceTransaction } from './balance.ts'
import type { Charge } from './charges.ts'
import { formatAmount } from './currency.ts'
import { newId, type StripeObject } from './objects.ts'
import { type PaymentMethod, testCardOf } from './payment-methods.ts'
import { refused } from './stripe-error.ts'
import type { World } from './world.ts'

export interface Refund extends StripeObject {
  amount: number
  balance_transaction: string | null
  charge: string
  created: number
  currency: string
  metadata: Record<string, string>
  payment_intent: string
  reason: string | null
  status: 'pending' | 'succeeded' | 'failed' | 'canceled'
}

export interface RefundSecrets {
  /** Of an authorization, not of money: no balance moves and no book counts it. */
  readonly release?: boolean
}

export function refundCharge(
  world: World,
  charge: Charge,
  wanted: { amount?: number | undefined; reason?: string | undefined; metadata: Record<string, string> },
): Refund {
  if (charge.status !== 'succeeded' || !charge.captured)
    throw refused(
      `This PaymentIntent (${charge.payment_intent}) does not have a successful charge to refund.`,
      { code: 'payment_intent_unexpected_state' },
    )
  if (charge.disputed && isWithdrawn(world, charge.id))
    throw refused(`Charge ${charge.id} has been charged back; cannot issue a refund.`, {
      code: 'charge_disputed',
    })
  const left = charge.amount - charge.amount_refunded
  if (left === 0)
    throw refused(`Charge ${charge.id} has already been refunded.`, { code: 'charge_already_refunded' })
  const amount = wanted.amount ?? left
  if (amount > left)
    throw refused(
      `Refund amount (${formatAmount(amount, charge.currency)}) is greater than unrefunded amount on charge (${formatAmount(left, charge.currency)})`,
      { param: 'amount' },
    )
  const { refunds } = testCardOf(world, world.objects.get<PaymentMethod>(charge.payment_method).body)
  const refund = newRefund(world, charge, amount, wanted.reason ?? null, wanted.metadata)
  refund.status = refunds === 'pend' ? 'pending' : 'succeeded'
  if (refunds === 'pend') refund.pending_reason = 'processing'
  refund.balance_transaction = addBalanceTransaction(world, 'refund', {
    amount: -amount,
    currency: charge.currency,
    source: refund.id,
    description: charge.description && `REFUND FOR CHARGE (${charge.description})`,
  }).id
  world.objects.insert(refund)
  countRefund(world, charge, amount)
  world.emit('refund.created', refund)
  world.emit('charge.refunded', charge)
  if (refunds) world.scheduleAftermath('finish-refund', refund.id)
  return refund
}

/** A pending one succeeds, or one that had succeeded comes back from the bank. */
export function finishRefund(world: World, refundId: string): void {
  const { body: refund } = world.objects.get<Refund>(refundId)
  const { body: charge } = world.objects.get<Charge>(refund.charge)
  if (refund.status === 'pending') {
    refund.status = 'succeeded'
    delete refund.pending_reason
    world.objects.save(refund)
    world.emit('refund.updated', refund, { status: 'pending' })
    world.emit('charge.refund.updated', refund, { status: 'pending' })
    return
  }
  refund.status = 'failed'
  refund.failure_reason = 'expired_or_canceled_card'
  refund.failure_balance_transaction = addBalanceTransaction(world, 'refundFailure', {
    amount: refund.amount,
    currency: refund.currency,
    source: refund.id,
    description: 'REFUND FAILURE',
  }).id
  world.objects.save(refund)
  countRefund(world, charge, -refund.amount)
  world.emit('refund.updated', refund, { status: 'succeeded' })
  world.emit('refund.failed', refund)
  world.emit('charge.refund.updated', refund, { status: 'succeeded' })
}

/** Stripe counts what was authorized and never captured as refunded, without moving any balance. */
export function releaseRemainder(world: World, charge: Charge, amount: number, reason: string | null): void {
  const refund = newRefund(world, charge, amount, reason, {})
  refund.status = 'succeeded'
  const secrets: RefundSecrets = { release: true }
  world.objects.insert(refund, secrets)
  countRefund(world, charge, amount)
}

function countRefund(world: World, charge: Charge, amount: number): void {
  charge.amount_refunded += amount
  charge.refunded = charge.amount_refunded === charge.amount
  world.objects.save(charge)
}

function isWithdrawn(world: World, chargeId: string): boolean {
  return world.objects
    .list({ type: 'dispute', charge: chargeId })
    .some(({ body }) => body.is_charge_refundable === false)
}

function newRefund(
  world: World,
  charge: Charge,
  amount: number,
  reason: string | null,
  metadata: Record<string, string>,
): Refund {
  return {
    id: newId('re'),
    object: 'refund',
    amount,
    balance_transaction: null,
    charge: charge.id,
    created: world.now(),
    currency: charge.currency,
    customer: null,
    customer_account: null,
    destination_details: {
      card: {
        reference: '7891234567890123',
        reference_status: 'available',
        reference_type: 'acquirer_reference_number',
        type: 'refund',
      },
      type: 'card',
    },
    metadata,
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status: 'pending',
    transfer_reversal: null,
  }
}
