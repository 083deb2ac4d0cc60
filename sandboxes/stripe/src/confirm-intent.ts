import type { Decline } from './cards.ts'
import { addCharge } from './charges.ts'
import { newId } from './objects.ts'
import { type IntentSecrets, type PaymentIntent, saveIntent, wrongState } from './payment-intents.ts'
import { type PaymentMethod, testCardOf } from './payment-methods.ts'
import { refused, StripeError } from './stripe-error.ts'
import type { World } from './world.ts'

export interface Confirmation {
  readonly method: PaymentMethod
  readonly returnUrl?: string | undefined
  /** The customer is not there to authenticate. */
  readonly offSession?: boolean
  readonly errorOnAction?: boolean
}

const CONFIRMABLE = ['requires_payment_method', 'requires_confirmation', 'requires_action'] as const

const AUTHENTICATION_REQUIRED: Decline = {
  code: 'authentication_required',
  declineCode: 'authentication_required',
  message: 'Your card was declined. This transaction requires authentication.',
}

/** Throws the card error of a decline, after writing what it leaves behind. */
export function confirmIntent(world: World, intent: PaymentIntent, confirmation: Confirmation): void {
  if (intent.status === 'succeeded' || intent.status === 'requires_capture')
    throw refused(
      'You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.',
      { code: 'payment_intent_unexpected_state', payment_intent: intent },
    )
  if (!CONFIRMABLE.some(status => status === intent.status))
    throw wrongState(intent, 'confirmed', CONFIRMABLE)
  const { method, offSession = false, errorOnAction = false } = confirmation
  const card = testCardOf(world, method)
  intent.payment_method = method.id
  intent.last_payment_error = null
  if (!card.authenticates) charge(world, intent, method, false)
  else if (offSession || errorOnAction)
    decline(world, intent, method, AUTHENTICATION_REQUIRED, !errorOnAction)
  else askForAuthentication(world, intent, confirmation)
}

/** What the customer did on the 3-D Secure page. */
export function authenticateIntent(world: World, intent: PaymentIntent, passed: boolean): void {
  const method = world.objects.get<PaymentMethod>(intent.payment_method ?? '').body
  intent.next_action = null
  const { challenge: _, ...secrets } = world.objects.get<PaymentIntent, IntentSecrets>(intent.id).hidden
  saveIntent(world, intent, secrets)
  if (passed) {
    charge(world, intent, method, true)
    return
  }
  failPayment(world, intent, {
    code: 'payment_intent_authentication_failure',
    doc_url: 'https://stripe.com/docs/error-codes/payment-intent-authentication-failure',
    message:
      'We are unable to authenticate your payment method. Please choose a different payment method and try again.',
    payment_method: method,
    type: 'invalid_request_error',
  })
}

function askForAuthentication(world: World, intent: PaymentIntent, confirmation: Confirmation): void {
  const challenge = newId('3ds')
  const url = world.link(`/3ds/${intent.id}/${challenge}`)
  const { returnUrl } = confirmation
  intent.status = 'requires_action'
  intent.next_action =
    returnUrl === undefined
      ? { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure_redirect', stripe_js: url } }
      : { type: 'redirect_to_url', redirect_to_url: { return_url: returnUrl, url } }
  const { hidden } = world.objects.get<PaymentIntent, IntentSecrets>(intent.id)
  saveIntent(world, intent, { ...hidden, challenge, returnUrl })
  world.emit('payment_intent.requires_action', intent)
}

function charge(world: World, intent: PaymentIntent, method: PaymentMethod, authenticated: boolean): void {
  const card = testCardOf(world, method)
  if (card.decline) decline(world, intent, method, card.decline)
  const made = addCharge(world, intent, method, { card, authenticated })
  intent.latest_charge = made.id
  intent.next_action = null
  if (intent.capture_method === 'manual') {
    intent.status = 'requires_capture'
    intent.amount_capturable = intent.amount
    saveIntent(world, intent)
    world.emit('charge.succeeded', made)
    world.emit('payment_intent.amount_capturable_updated', intent)
    return
  }
  intent.status = 'succeeded'
  intent.amount_received = intent.amount
  saveIntent(world, intent)
  world.emit('charge.succeeded', made)
  world.emit('payment_intent.succeeded', intent)
  world.schedule('settle-charge', made.id, world.nowMs() + world.timing.settlementMs)
  if (card.dispute) world.scheduleAftermath('open-dispute', made.id)
}

function decline(
  world: World,
  intent: PaymentIntent,
  method: PaymentMethod,
  reason: Decline,
  leavesCharge = true,
): never {
  const card = testCardOf(world, method)
  const made = leavesCharge
    ? addCharge(world, intent, method, { card, decline: reason, authenticated: false })
    : undefined
  if (made) intent.latest_charge = made.id
  const detail = {
    ...(made && { charge: made.id }),
    code: reason.code,
    decline_code: reason.declineCode,
    payment_method: method,
    type: 'card_error',
  } as const
  const doc_url = `https://stripe.com/docs/error-codes/${reason.code.replaceAll('_', '-')}`
  if (made) world.emit('charge.failed', made)
  failPayment(world, intent, { ...detail, doc_url, message: reason.message })
  throw new StripeError(402, reason.message, { ...detail, payment_intent: intent }, { keepsEffect: true })
}

/** Not the end: another card may be tried. */
function failPayment(world: World, intent: PaymentIntent, error: Record<string, unknown>): void {
  intent.status = 'requires_payment_method'
  intent.payment_method = null
  intent.next_action = null
  intent.last_payment_error = error
  saveIntent(world, intent)
  world.emit('payment_intent.payment_failed', intent)
}
