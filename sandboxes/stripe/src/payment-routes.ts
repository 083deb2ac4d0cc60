import type { Context, Hono } from 'hono'
import { type CheckoutSession, returnAddress, type SessionSecrets } from './checkout-sessions.ts'
import { formatAmount } from './currency.ts'
import { notice } from './layout.ts'
import {
  addressAfterDecline,
  finishAuthentication,
  type PaymentForm,
  type PaymentStep,
  paySession,
} from './pay-session.ts'
import type { IntentSecrets, PaymentIntent } from './payment-intents.ts'
import type { PaymentMethod } from './payment-methods.ts'
import { authenticationPage, BLANK, overPage, type PageState, paymentPage } from './payment-page.ts'
import { StripeError } from './stripe-error.ts'
import type { World } from './world.ts'

const UNKNOWN = () => notice('Not here', 'There is no such payment in this sandbox.')
/** A name, a number and a date. */
const FORM_MAX_BYTES = 8 * 1024

export function addPaymentPages(app: Hono, world: World): void {
  app.get('/c/pay/:id', context => {
    const found = sessionOf(world, context.req.param('id'))
    if (!found) return context.html(UNKNOWN(), 404)
    return showSession(context, world, found, afterFailure(world, found.body))
  })
  app.post('/c/pay/:id', async context => {
    const id = context.req.param('id')
    if (!sessionOf(world, id)) return context.html(UNKNOWN(), 404)
    const form = await paymentForm(context)
    const step = attempt(world, () => paySession(world, id, form))
    // Read again: the attempt may have changed it.
    const found = sessionOf(world, id)
    if (!found) return context.html(UNKNOWN(), 404)
    if (step.kind === 'go') return context.redirect(at(world, step.to), 303)
    const error = step.kind === 'error' ? step : undefined
    return showSession(context, world, found, { form, error: error?.message, field: error?.field })
  })
  app.get('/3ds/:intent/:challenge', context => {
    const { intent: id, challenge } = context.req.param()
    const found = world.objects.find<PaymentIntent, IntentSecrets>(id, 'payment_intent')
    if (!found || found.hidden.challenge !== challenge || found.body.status !== 'requires_action')
      return context.html(stale(), 410)
    const { body: intent } = found
    const { card } = world.objects.get<PaymentMethod>(intent.payment_method ?? '').body
    const amount = formatAmount(intent.amount, intent.currency)
    allowForm(context, addressesOf(world, found))
    return context.html(authenticationPage(context.req.path, amount, card.last4))
  })
  app.post('/3ds/:intent/:challenge', async context => {
    const { intent, challenge } = context.req.param()
    const passed = (await fieldsOf(context)).get('decision') === 'complete'
    const step = attempt(world, () => finishAuthentication(world, intent, challenge, passed))
    if (step.kind === 'go') return context.redirect(at(world, step.to), 303)
    if (step.kind === 'over') return context.html(stale(), 410)
    return context.redirect(at(world, addressAfterDecline(world, intent)), 303)
  })
}

/** A decline is written and told; anything else that is thrown is a fault. */
function attempt(world: World, work: () => PaymentStep): PaymentStep {
  try {
    return world.db.transaction(work, error => error instanceof StripeError && error.keepsEffect)
  } catch (error) {
    if (!(error instanceof StripeError)) throw error
    return { kind: 'error', message: error.message, field: 'number' }
  }
}

type FoundSession = NonNullable<ReturnType<typeof sessionOf>>

function sessionOf(world: World, id: string) {
  return world.objects.find<CheckoutSession, SessionSecrets>(id, 'checkout.session')
}

function showSession(context: Context, world: World, found: FoundSession, state: PageState) {
  const { body: session, hidden } = found
  allowForm(context, [returnAddress(session, hidden)])
  if (session.status !== 'open') {
    const shop = session.status === 'complete' ? returnAddress(session, hidden) : ''
    return context.html(overPage(session, at(world, shop)), session.status === 'expired' ? 410 : 200)
  }
  return context.html(
    paymentPage(session, hidden, state),
    state.error === undefined || context.req.method === 'GET' ? 200 : 402,
  )
}

/** After 3-D Secure the customer comes back to the page, which says what went wrong. */
function afterFailure(world: World, session: CheckoutSession): PageState {
  if (session.status !== 'open' || session.payment_intent === null) return BLANK
  const { last_payment_error: error } = world.objects.get<PaymentIntent>(session.payment_intent).body
  return error ? { ...BLANK, error: String(error.message) } : BLANK
}

/** A browser applies `form-action` to redirects too: the shop that waits for the customer is allowed. */
function allowForm(context: Context, addresses: readonly string[]): void {
  const origins = addresses.flatMap(address => (URL.canParse(address) ? [new URL(address).origin] : []))
  context.set('formTargets', origins.join(' '))
}

function addressesOf(world: World, { hidden }: { hidden: IntentSecrets }): string[] {
  const session = hidden.session === undefined ? undefined : sessionOf(world, hidden.session)
  return session ? [returnAddress(session.body, session.hidden)] : [hidden.returnUrl ?? '']
}

async function paymentForm(context: Context): Promise<PaymentForm> {
  const fields = await fieldsOf(context)
  const get = (name: string) => fields.get(name) ?? ''
  return {
    email: get('email'),
    number: get('card_number'),
    expiry: get('expiry'),
    cvc: get('cvc'),
    name: get('name'),
    shippingRate: get('shipping_rate'),
    shownTotal: get('shown_total'),
    update: get('update') !== '',
  }
}

async function fieldsOf(context: Context): Promise<URLSearchParams> {
  const text = await context.req.text()
  return new URLSearchParams(text.length > FORM_MAX_BYTES ? '' : text)
}

/** Links of stored objects lead to this process. */
function at(world: World, address: string): string {
  return address.replace(world.link(''), world.baseUrl)
}

function stale() {
  return notice('This confirmation is over', 'It was answered already, or a newer attempt took its place.')
}
