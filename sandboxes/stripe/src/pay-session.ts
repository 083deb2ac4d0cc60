import { cardByNumber, hasCheckDigit } from './cards.ts'
import {
  type CheckoutSession,
  chooseShipping,
  completeSession,
  customerDetails,
  returnAddress,
  type SessionSecrets,
} from './checkout-sessions.ts'
import { authenticateIntent, confirmIntent } from './confirm-intent.ts'
import { formatAmount } from './currency.ts'
import { isEmail } from './payment-fields.ts'
import { createIntent, type IntentSecrets, type PaymentIntent } from './payment-intents.ts'
import { newCardMethod } from './payment-methods.ts'
import type { StripeError } from './stripe-error.ts'
import type { World } from './world.ts'

export interface PaymentForm {
  readonly email: string
  readonly number: string
  readonly expiry: string
  readonly cvc: string
  readonly name: string
  readonly shippingRate: string
  /** The total that stood on the page; '' where nobody looked at one. */
  readonly shownTotal: string
  /** Only the shipping changes. */
  readonly update: boolean
}

/** Where to go next, or what to say on the page; `status` is the page's. */
export type PaymentStep =
  | { readonly kind: 'go'; readonly to: string }
  | { readonly kind: 'error'; readonly message: string; readonly field?: keyof PaymentForm }
  | { readonly kind: 'over' }

/** The customer presses "Pay". Two tabs: the first decides, for the session is read inside the transaction. */
export function paySession(world: World, sessionId: string, form: PaymentForm): PaymentStep {
  const { body: session, hidden } = world.objects.get<CheckoutSession, SessionSecrets>(sessionId)
  if (session.status !== 'open') return { kind: 'over' }
  const rate = hidden.rates.find(each => each.id === form.shippingRate)
  if (rate) chooseShipping(session, rate)
  if (form.update || (form.shownTotal !== '' && form.shownTotal !== String(session.amount_total))) {
    // Without a script the page cannot follow a choice: nobody pays a total that they have not seen.
    world.objects.save(session)
    const total = formatAmount(session.amount_total, session.currency)
    return { kind: 'error', message: `The total is now ${total}.`, field: 'shippingRate' }
  }
  const email = session.customer_email ?? form.email.trim()
  if (!isEmail(email)) return { kind: 'error', message: 'Your email address is incomplete.', field: 'email' }
  session.customer_details = customerDetails(email, form.name.trim() || null)
  if (session.amount_total === 0) {
    completeSession(world, session, true)
    return { kind: 'go', to: returnAddress(session, hidden) }
  }
  const fault = cardFault(world, form)
  if (fault) return fault
  const intent = intentOf(world, session, hidden)
  const [month = 0, year = 0] = expiryOf(form.expiry) ?? []
  const method = newCardMethod(world, cardByNumber(digitsOf(form.number)), {
    billing: { email, name: form.name.trim() },
    expMonth: month,
    expYear: year,
  })
  confirmIntent(world, intent, { method, returnUrl: world.link(`/c/pay/${session.id}`) })
  return afterConfirmation(world, session, hidden, intent)
}

/** After 3-D Secure, or when the customer closes its page by going back. */
export function finishAuthentication(
  world: World,
  intentId: string,
  challenge: string,
  passed: boolean,
): PaymentStep {
  const stored = world.objects.find<PaymentIntent, IntentSecrets>(intentId, 'payment_intent')
  if (!stored || stored.hidden.challenge !== challenge || stored.body.status !== 'requires_action')
    return { kind: 'over' }
  const { body: intent, hidden } = stored
  authenticateIntent(world, intent, passed)
  if (hidden.session !== undefined) {
    const session = world.objects.get<CheckoutSession, SessionSecrets>(hidden.session)
    return afterConfirmation(world, session.body, session.hidden, intent)
  }
  return { kind: 'go', to: apiReturnAddress(intent, hidden.returnUrl, passed) }
}

/** Where an authentication ends that a decline followed. */
export function addressAfterDecline(world: World, intentId: string): string {
  const { body: intent, hidden } = world.objects.get<PaymentIntent, IntentSecrets>(intentId)
  if (hidden.session !== undefined) return `${world.baseUrl}/c/pay/${hidden.session}`
  return apiReturnAddress(intent, hidden.returnUrl, false)
}

export function isDecline(error: StripeError): boolean {
  return error.status === 402
}

function afterConfirmation(
  world: World,
  session: CheckoutSession,
  secrets: SessionSecrets,
  intent: PaymentIntent,
): PaymentStep {
  if (intent.status === 'requires_action') {
    const address = intent.next_action?.redirect_to_url as { url: string }
    return { kind: 'go', to: address.url }
  }
  if (intent.status === 'requires_payment_method')
    return { kind: 'go', to: world.link(`/c/pay/${session.id}`) }
  completeSession(world, session)
  return { kind: 'go', to: returnAddress(session, secrets) }
}

/** Made at the first attempt, used by all: the amount may change with the shipping that is chosen. */
function intentOf(world: World, session: CheckoutSession, secrets: SessionSecrets): PaymentIntent {
  if (session.payment_intent !== null) {
    const { body: intent } = world.objects.get<PaymentIntent>(session.payment_intent)
    intent.amount = session.amount_total
    world.objects.save(session)
    return intent
  }
  const { amount_total: amount, currency } = session
  const intent = createIntent(world, { ...secrets.intent, amount, currency, session: session.id })
  session.payment_intent = intent.id
  world.objects.save(session)
  return intent
}

function cardFault(world: World, form: PaymentForm): PaymentStep | undefined {
  const wrong = (message: string, field: keyof PaymentForm): PaymentStep => ({
    kind: 'error',
    message,
    field,
  })
  const number = digitsOf(form.number)
  if (number === '') return wrong('Your card number is incomplete.', 'number')
  if (!hasCheckDigit(number)) return wrong('Your card number is invalid.', 'number')
  const expiry = expiryOf(form.expiry)
  if (!expiry) return wrong("Your card's expiration date is incomplete.", 'expiry')
  const [month, year] = expiry
  if (Date.UTC(year, month) <= world.nowMs())
    return wrong("Your card's expiration date is in the past.", 'expiry')
  const cvc = form.cvc.trim()
  if (!/^\d{3,4}$/.test(cvc) || (/^3[47]/.test(number) && cvc.length !== 4))
    return wrong("Your card's security code is incomplete.", 'cvc')
  if (form.name.trim() === '') return wrong('Please fill in the name on the card.', 'name')
  return undefined
}

function digitsOf(number: string): string {
  return number.replace(/[\s-]/g, '')
}

function expiryOf(text: string): [month: number, year: number] | undefined {
  const match = /^\s*(0?[1-9]|1[0-2])\s*\/\s*(\d{2}|20\d{2})\s*$/.exec(text)
  if (!match) return undefined
  const year = Number(match[2])
  return [Number(match[1]), year < 100 ? 2000 + year : year]
}

function apiReturnAddress(intent: PaymentIntent, returnUrl: string | undefined, passed: boolean): string {
  if (returnUrl === undefined) return '/'
  const url = new URL(returnUrl)
  url.searchParams.set('payment_intent', intent.id)
  url.searchParams.set('payment_intent_client_secret', intent.client_secret)
  url.searchParams.set('redirect_status', passed ? 'succeeded' : 'failed')
  return url.href
}
