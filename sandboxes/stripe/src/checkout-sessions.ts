import { cancelIntent } from './capture-intent.ts'
import type { LineItem, ShippingRate } from './line-items.ts'
import { newId, type StripeObject } from './objects.ts'
import type { NewIntent, PaymentIntent } from './payment-intents.ts'
import { refused } from './stripe-error.ts'
import type { World } from './world.ts'

export interface CheckoutSession extends StripeObject {
  amount_subtotal: number
  amount_total: number
  cancel_url: string | null
  client_reference_id: string | null
  created: number
  currency: string
  customer_details: Record<string, unknown> | null
  customer_email: string | null
  expires_at: number
  locale: string | null
  metadata: Record<string, string>
  payment_intent: string | null
  payment_status: 'no_payment_required' | 'paid' | 'unpaid'
  shipping_cost: Record<string, unknown> | null
  status: 'complete' | 'expired' | 'open'
  submit_type: string | null
  success_url: string | null
  total_details: { amount_discount: number; amount_shipping: number; amount_tax: number }
  ui_mode: 'elements' | 'embedded_page' | 'hosted_page'
  url: string | null
}

export interface SessionSecrets {
  readonly items: readonly LineItem[]
  readonly rates: readonly ShippingRate[]
  readonly intent: Omit<NewIntent, 'amount' | 'currency' | 'session'>
  readonly returnUrl: string | null
}

export interface NewSession {
  readonly currency: string
  readonly secrets: SessionSecrets
  readonly cancelUrl: string | null
  readonly successUrl: string | null
  readonly clientReferenceId: string | null
  readonly customerEmail: string | null
  readonly expiresAt: number
  readonly locale: string | null
  readonly metadata: Record<string, string>
  readonly submitType: string | null
  readonly uiMode: CheckoutSession['ui_mode']
  readonly customerCreation: string | null
}

/** As in all versions since 2022-08-01, the PaymentIntent is made when the customer pays. */
export function createSession(world: World, wanted: NewSession): CheckoutSession {
  const id = newId('cs_test', 58)
  const { items, rates } = wanted.secrets
  const hosted = wanted.uiMode === 'hosted_page'
  const session: CheckoutSession = {
    id,
    object: 'checkout.session',
    ...EMPTY_SESSION,
    amount_subtotal: items.reduce((sum, item) => sum + item.amount_total, 0),
    amount_total: 0,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    cancel_url: wanted.cancelUrl,
    client_reference_id: wanted.clientReferenceId,
    client_secret: hosted ? null : `${id}_${newId('secret', 32)}`,
    created: world.now(),
    currency: wanted.currency,
    customer_creation: wanted.customerCreation,
    customer_details: wanted.customerEmail === null ? null : customerDetails(wanted.customerEmail, null),
    customer_email: wanted.customerEmail,
    expires_at: wanted.expiresAt,
    locale: wanted.locale,
    metadata: wanted.metadata,
    ...(!hosted && { return_url: wanted.secrets.returnUrl, redirect_on_completion: 'always' }),
    shipping_options: rates.map(rate => ({
      shipping_amount: rate.fixed_amount.amount,
      shipping_rate: rate.id,
    })),
    shipping_cost: null,
    status: 'open',
    submit_type: wanted.submitType,
    success_url: wanted.successUrl,
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: wanted.uiMode,
    url: hosted ? world.link(`/c/pay/${id}`) : null,
  }
  chooseShipping(session, rates[0])
  return session
}

const EMPTY_SESSION = {
  adaptive_pricing: { enabled: false },
  after_expiration: null,
  allow_promotion_codes: null,
  billing_address_collection: null,
  collected_information: null,
  consent: null,
  consent_collection: null,
  currency_conversion: null,
  custom_fields: [],
  custom_text: {
    after_submit: null,
    shipping_address: null,
    submit: null,
    terms_of_service_acceptance: null,
  },
  customer: null,
  customer_account: null,
  discounts: [],
  integration_identifier: null,
  invoice: null,
  invoice_creation: {
    enabled: false,
    invoice_data: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: null,
      metadata: {},
      rendering_options: null,
    },
  },
  livemode: false,
  managed_payments: null,
  mode: 'payment',
  origin_context: null,
  payment_intent: null,
  payment_link: null,
  payment_method_collection: 'if_required',
  payment_method_configuration_details: null,
  payment_method_options: { card: { request_three_d_secure: 'automatic' } },
  payment_method_types: ['card'],
  payment_status: 'unpaid',
  permissions: null,
  phone_number_collection: { enabled: false },
  recovered_from: null,
  saved_payment_method_options: null,
  setup_intent: null,
  shipping_address_collection: null,
  subscription: null,
  wallet_options: null,
} as const

export function chooseShipping(session: CheckoutSession, rate: ShippingRate | undefined): void {
  const amount = rate?.fixed_amount.amount ?? 0
  session.shipping_cost = rate
    ? { amount_subtotal: amount, amount_tax: 0, amount_total: amount, shipping_rate: rate.id }
    : null
  session.total_details.amount_shipping = amount
  session.amount_total = session.amount_subtotal + amount
}

export function customerDetails(email: string, name: string | null): Record<string, unknown> {
  const address = { city: null, country: null, line1: null, line2: null, postal_code: null, state: null }
  return {
    address,
    business_name: null,
    email,
    individual_name: null,
    name,
    phone: null,
    tax_exempt: 'none',
    tax_ids: [],
  }
}

export function expireSession(world: World, session: CheckoutSession): void {
  if (session.status !== 'open')
    throw refused(
      `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of \`${session.status}\`.`,
    )
  session.status = 'expired'
  session.url = null
  world.objects.save(session)
  // A card was tried and declined, or is being authenticated: it must not be charged any more.
  if (session.payment_intent !== null) {
    const { body: intent } = world.objects.get<PaymentIntent>(session.payment_intent)
    if (intent.status !== 'canceled') cancelIntent(world, intent, null)
  }
  world.emit('checkout.session.expired', session)
}

export function expireDueSession(world: World, sessionId: string): void {
  const { body: session } = world.objects.get<CheckoutSession>(sessionId)
  if (session.status === 'open') expireSession(world, session)
}

export function completeSession(world: World, session: CheckoutSession, free = false): void {
  session.status = 'complete'
  session.payment_status = free ? 'no_payment_required' : 'paid'
  session.url = null
  world.objects.save(session)
  world.emit('checkout.session.completed', session)
}

/** Where the customer goes: with the session's id where the shop asked for it. */
export function returnAddress(session: CheckoutSession, secrets: SessionSecrets): string {
  const address = session.success_url ?? secrets.returnUrl ?? ''
  return address.replaceAll('{CHECKOUT_SESSION_ID}', session.id)
}
