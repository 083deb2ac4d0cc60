import { cardByName, cardByNumber, fingerprintOf, type TestCard } from './cards.ts'
import { newId, type StripeObject } from './objects.ts'
import { noSuch, StripeError } from './stripe-error.ts'
import type { World } from './world.ts'

export interface BillingDetails {
  readonly email?: string | null
  readonly name?: string | null
}

export interface PaymentMethod extends StripeObject {
  card: {
    brand: string
    last4: string
    exp_month: number
    exp_year: number
    funding: string
    fingerprint: string
  }
  billing_details: Record<string, unknown>
  created: number
}

interface MethodSecret {
  /** Which test card it is: its first name, or the number shown as `…1234` of one that is none. */
  readonly number: string
}

/** Like Stripe, `pm_card_visa` is not an object: each use makes one. */
export function methodNamed(world: World, id: string, param = 'payment_method'): PaymentMethod {
  if (id.startsWith('pm_card_')) {
    const card = cardByName(id.slice('pm_card_'.length))
    if (!card) throw noSuch('PaymentMethod', id, param)
    return newCardMethod(world, card)
  }
  return world.objects.demand<PaymentMethod>('payment_method', id, param).body
}

export function methodOfToken(world: World, token: string, param: string): PaymentMethod {
  const card = token.startsWith('tok_') ? cardByName(token.slice('tok_'.length)) : undefined
  if (!card) throw noSuch('token', token, param)
  return newCardMethod(world, card)
}

export function newCardMethod(
  world: World,
  card: TestCard,
  details: { billing?: BillingDetails; expMonth?: number; expYear?: number } = {},
): PaymentMethod {
  const nextYear = new Date(world.nowMs()).getUTCFullYear() + 1
  const method = {
    id: newId('pm'),
    object: 'payment_method',
    allow_redisplay: 'unspecified',
    billing_details: billingDetails(details.billing),
    card: {
      brand: card.brand,
      checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'unchecked' },
      country: 'US',
      display_brand: card.brand,
      exp_month: details.expMonth ?? 12,
      exp_year: details.expYear ?? nextYear,
      fingerprint: fingerprintOf(card.number),
      funding: card.names[0]?.includes('debit') ? 'debit' : 'credit',
      generated_from: null,
      last4: card.number.slice(-4),
      networks: { available: [card.brand], preferred: null },
      regulated_status: 'unregulated',
      three_d_secure_usage: { supported: true },
      wallet: null,
    },
    created: world.now(),
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: 'card',
  }
  const secret: MethodSecret = { number: card.number }
  return world.objects.insert(method, secret)
}

export function testCardOf(world: World, method: PaymentMethod): TestCard {
  return cardByNumber(world.objects.get<PaymentMethod, MethodSecret>(method.id).hidden.number)
}

export function billingDetails(details: BillingDetails = {}): Record<string, unknown> {
  return {
    address: { city: null, country: null, line1: null, line2: null, postal_code: null, state: null },
    email: details.email ?? null,
    name: details.name ?? null,
    phone: null,
    tax_id: null,
  }
}

/** 402, as Stripe answers accounts that were not given raw card data APIs. */
export function refuseRawCard(): never {
  throw new StripeError(
    402,
    'Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you use test tokens ' +
      'that map to the test card you are using, see https://stripe.com/docs/testing.',
    {},
    { beforeExecution: true },
  )
}
