import { type Charge, settleCharge } from './charges.ts'
import { type PaymentIntent, saveIntent, wrongState } from './payment-intents.ts'
import { type PaymentMethod, testCardOf } from './payment-methods.ts'
import { releaseRemainder } from './refunds.ts'
import { refused } from './stripe-error.ts'
import type { World } from './world.ts'

/** Once, in full or in part; the rest of the authorization is released. */
export function captureIntent(world: World, intent: PaymentIntent, amount = intent.amount_capturable): void {
  if (intent.status !== 'requires_capture' || intent.latest_charge === null)
    throw wrongState(intent, 'captured', ['requires_capture'])
  if (amount < 1)
    throw refused('Invalid positive integer', {
      code: 'parameter_invalid_integer',
      param: 'amount_to_capture',
    })
  if (amount > intent.amount_capturable)
    throw refused(
      `The amount to capture (${amount}) is greater than the amount that can be captured (${intent.amount_capturable}).`,
      { code: 'amount_too_large', param: 'amount_to_capture' },
    )
  const { body: charge } = world.objects.get<Charge>(intent.latest_charge)
  charge.captured = true
  charge.amount_captured = amount
  delete charge.payment_method_details.card.capture_before
  settleCharge(world, charge)
  if (amount < charge.amount) releaseRemainder(world, charge, charge.amount - amount, null)
  intent.status = 'succeeded'
  intent.amount_received = amount
  intent.amount_capturable = 0
  saveIntent(world, intent)
  world.emit('charge.captured', charge)
  if (charge.amount_refunded > 0) world.emit('charge.refunded', charge)
  world.emit('payment_intent.succeeded', intent)
  const method = world.objects.get<PaymentMethod>(charge.payment_method).body
  if (testCardOf(world, method).dispute) world.scheduleAftermath('open-dispute', charge.id)
}

const CANCELABLE = [
  'requires_payment_method',
  'requires_capture',
  'requires_confirmation',
  'requires_action',
] as const

export function cancelIntent(world: World, intent: PaymentIntent, reason: string | null): void {
  if (!CANCELABLE.some(status => status === intent.status)) throw wrongState(intent, 'canceled', CANCELABLE)
  const held = intent.status === 'requires_capture' ? intent.latest_charge : null
  intent.status = 'canceled'
  intent.canceled_at = world.now()
  intent.cancellation_reason = reason
  intent.amount_capturable = 0
  intent.next_action = null
  saveIntent(world, intent)
  if (held !== null) {
    const { body: charge } = world.objects.get<Charge>(held)
    const expired = reason === 'automatic'
    releaseRemainder(world, charge, charge.amount, expired ? 'expired_uncaptured_charge' : null)
    world.emit(expired ? 'charge.expired' : 'charge.refunded', charge)
  }
  world.emit('payment_intent.canceled', intent)
}

/** The bank no longer holds the money. */
export function expireAuthorization(world: World, intentId: string): void {
  const { body: intent } = world.objects.get<PaymentIntent>(intentId)
  if (intent.status === 'requires_capture') cancelIntent(world, intent, 'automatic')
}
