import { addBalanceTransaction } from './balance.ts'
import type { Decline, TestCard } from './cards.ts'
import { newId, type StripeObject } from './objects.ts'
import type { PaymentIntent } from './payment-intents.ts'
import type { PaymentMethod } from './payment-methods.ts'
import type { World } from './world.ts'

export interface Charge extends StripeObject {
  amount: number
  amount_captured: number
  amount_refunded: number
  balance_transaction: string | null
  captured: boolean
  created: number
  currency: string
  description: string | null
  disputed: boolean
  paid: boolean
  payment_intent: string
  payment_method: string
  payment_method_details: { type: 'card'; card: Record<string, unknown> }
  refunded: boolean
  status: 'failed' | 'pending' | 'succeeded'
}

/** How long an authorization lasts online with most networks; Visa's may be shorter for a merchant's own. */
const AUTHORIZATION_SECONDS = 7 * 86_400

export function addCharge(
  world: World,
  intent: PaymentIntent,
  method: PaymentMethod,
  result: { card: TestCard; decline?: Decline | undefined; authenticated: boolean },
): Charge {
  const { decline, authenticated } = result
  const created = world.now()
  const held = intent.capture_method === 'manual' && !decline
  const charge: Charge = {
    id: newId('ch'),
    object: 'charge',
    amount: intent.amount,
    amount_captured: held || decline ? 0 : intent.amount,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: method.billing_details,
    calculated_statement_descriptor: 'STOREWRIGHT SANDBOX',
    captured: !held && !decline,
    created,
    currency: intent.currency,
    customer: null,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: decline?.code ?? null,
    failure_message: decline?.message ?? null,
    fraud_details: {},
    livemode: false,
    metadata: intent.metadata,
    on_behalf_of: null,
    outcome: outcomeOf(decline),
    paid: !decline,
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: { type: 'card', card: cardDetails(intent, method, authenticated, held, created) },
    radar_options: {},
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: intent.shipping,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status: decline ? 'failed' : 'succeeded',
    transfer_data: null,
    transfer_group: null,
  }
  world.objects.insert(charge)
  if (held) world.schedule('expire-authorization', intent.id, world.nowMs() + AUTHORIZATION_SECONDS * 1000)
  return charge
}

/** The money arrives in the balance. Whoever calls this announces the charge. */
export function settleCharge(world: World, charge: Charge): void {
  const { id, amount_captured: amount, currency, description } = charge
  charge.balance_transaction = addBalanceTransaction(world, 'charge', {
    amount,
    currency,
    source: id,
    description,
  }).id
  world.objects.save(charge)
}

/** An automatic capture learns its balance transaction a little later, with `charge.updated`. */
export function settleLater(world: World, chargeId: string): void {
  const { body: charge } = world.objects.get<Charge>(chargeId)
  if (charge.balance_transaction !== null) return
  settleCharge(world, charge)
  world.emit('charge.updated', charge, { balance_transaction: null })
}

function outcomeOf(decline: Decline | undefined): Record<string, unknown> {
  const blocked = decline?.declineCode === 'fraudulent'
  return {
    advice_code: decline ? 'try_again_later' : null,
    network_advice_code: null,
    network_decline_code: null,
    network_status: decline
      ? blocked
        ? 'not_sent_to_network'
        : 'declined_by_network'
      : 'approved_by_network',
    reason: decline ? (blocked ? 'highest_risk_level' : decline.declineCode) : null,
    risk_level: blocked ? 'highest' : 'normal',
    risk_score: blocked ? 90 : 10,
    seller_message: decline
      ? 'The bank did not return any further details with this decline.'
      : 'Payment complete.',
    type: decline ? (blocked ? 'blocked' : 'issuer_declined') : 'authorized',
  }
}

function cardDetails(
  intent: PaymentIntent,
  method: PaymentMethod,
  authenticated: boolean,
  held: boolean,
  created: number,
): Record<string, unknown> {
  const { brand, exp_month, exp_year, fingerprint, funding, last4 } = method.card
  const threeDSecure = {
    authentication_flow: 'challenge',
    electronic_commerce_indicator: '05',
    exemption_indicator: null,
    result: 'authenticated',
    result_reason: null,
    transaction_id: newId('3ds', 12),
    version: '2.2.0',
  }
  return {
    amount_authorized: intent.amount,
    authorization_code: null,
    brand,
    ...(held && { capture_before: created + AUTHORIZATION_SECONDS }),
    checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
    country: 'US',
    exp_month,
    exp_year,
    extended_authorization: { status: 'disabled' },
    fingerprint,
    funding,
    incremental_authorization: { status: 'unavailable' },
    installments: null,
    last4,
    mandate: null,
    multicapture: { status: 'unavailable' },
    network: brand,
    network_token: { used: false },
    network_transaction_id: newId('nti', 12).slice(4),
    overcapture: { maximum_amount_capturable: intent.amount, status: 'unavailable' },
    regulated_status: 'unregulated',
    three_d_secure: authenticated ? threeDSecure : null,
    transaction_link_id: null,
    wallet: null,
  }
}
