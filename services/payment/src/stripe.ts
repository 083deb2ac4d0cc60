import Stripe from 'stripe'
import type { Decline, ProviderDispute, ProviderRefund, ProviderState } from './domain.ts'
import {
  type Confirmation,
  type IntentRequest,
  intentParameters,
  type PageRequest,
  pageParameters,
} from './stripe-parameters.ts'

/** A call that takes longer is unknown, and asked again with the same key; shorter than a saga's step. */
const TIMEOUT_MS = 7_000

export interface OpenedPage {
  readonly sessionId: string
  readonly url: string | null
}

/** The provider said no, and will say it again: a decline, or a state that does not allow what was asked. */
export class ProviderRefusal extends Error {
  override readonly name = 'ProviderRefusal'
}

/** The provider's own failure: whether it took effect is not known, and the same key is answered the same again. */
export class ProviderFault extends Error {
  override readonly name = 'ProviderFault'
}

/**
 * Stripe through its own SDK. Every command carries an idempotency key (https://docs.stripe.com/api/idempotent_requests):
 * a lost answer is asked for again, not guessed. Rejects with ProviderRefusal for a definite no, with ProviderFault for a
 * failure over there; anything else means that no answer came.
 */
export interface StripeProvider {
  openPage(request: PageRequest, key: string): Promise<OpenedPage>
  /** Ends the page unless it was paid or has ended; either way `readState` tells what is true. */
  closePage(sessionId: string): Promise<void>
  /** An intent that no card belongs to yet: by itself it comes to nothing. Answers its id. */
  createIntent(request: IntentRequest, key: string): Promise<string>
  /** Authorizes a card on an intent, or is told that its holder has to say yes on a page of his bank. */
  confirmIntent(confirmation: Confirmation, key: string): Promise<void>
  readState(at: { sessionId: string | null; intentId: string | null }): Promise<ProviderState>
  capture(intentId: string, amount: number, key: string): Promise<void>
  cancel(intentId: string, key: string): Promise<void>
  refund(request: { intentId: string; amount: number; refundId: string }, key: string): Promise<void>
  /** The event in a webhook's raw body; rejects when no secret fits or it is older than 300 s. */
  verifyWebhook(body: string, signature: string): Promise<Stripe.Event>
}

export function createStripeProvider(options: {
  readonly secretKey: string
  /** All that are active, so that a secret can be changed without losing an event. */
  readonly webhookSecrets: readonly string[]
  /** Another origin than Stripe's: the sandbox. */
  readonly apiUrl?: string | undefined
}): StripeProvider {
  const stripe = new Stripe(options.secretKey, {
    timeout: TIMEOUT_MS,
    // The saga and the sweeper repeat, with the same key and within their own deadlines.
    maxNetworkRetries: 0,
    telemetry: false,
    appInfo: { name: 'Storewright' },
    ...originOf(options.apiUrl),
  })
  return {
    async openPage(request, key) {
      const session = await definite(
        stripe.checkout.sessions.create(pageParameters(request), { idempotencyKey: key }),
      )
      return { sessionId: session.id, url: session.url }
    },
    async closePage(sessionId) {
      await definite(stripe.checkout.sessions.expire(sessionId)).catch(error => {
        if (!(error instanceof ProviderRefusal)) throw error
      })
    },
    async createIntent(request, key) {
      const parameters = intentParameters(request)
      const intent = await definite(stripe.paymentIntents.create(parameters, { idempotencyKey: key }))
      return intent.id
    },
    async confirmIntent({ intentId, paymentToken, returnUrl }, key) {
      const parameters = { payment_method: paymentToken, return_url: returnUrl }
      const call = stripe.paymentIntents.confirm(intentId, parameters, { idempotencyKey: key })
      await definite(call).catch(error => {
        if (!(error instanceof ProviderRefusal)) throw error
        // Stripe repeats the token when it does not know it; the text is stored, logged and shown.
        throw new ProviderRefusal(error.message.replaceAll(paymentToken, 'pm_…'))
      })
    },
    readState: at => readState(stripe, at),
    async capture(intentId, amount, key) {
      await definite(
        stripe.paymentIntents.capture(intentId, { amount_to_capture: amount }, { idempotencyKey: key }),
      )
    },
    async cancel(intentId, key) {
      await definite(
        stripe.paymentIntents.cancel(intentId, { cancellation_reason: 'abandoned' }, { idempotencyKey: key }),
      )
    },
    async refund({ intentId, amount, refundId }, key) {
      const parameters = { payment_intent: intentId, amount, metadata: { refundId } }
      await definite(stripe.refunds.create(parameters, { idempotencyKey: key }))
    },
    async verifyWebhook(body, signature) {
      let fault: unknown = new Error('there is no webhook secret')
      for (const secret of options.webhookSecrets) {
        try {
          return await stripe.webhooks.constructEventAsync(body, signature, secret)
        } catch (error) {
          fault = error
        }
      }
      throw fault
    },
  }
}

async function readState(
  stripe: Stripe,
  at: { sessionId: string | null; intentId: string | null },
): Promise<ProviderState> {
  const session = at.sessionId
    ? await stripe.checkout.sessions.retrieve(at.sessionId, { expand: ['payment_intent.latest_charge'] })
    : undefined
  const intent = session
    ? (session.payment_intent as Stripe.PaymentIntent | null)
    : at.intentId
      ? await stripe.paymentIntents.retrieve(at.intentId, { expand: ['latest_charge'] })
      : null
  const charge = (intent?.latest_charge ?? null) as Stripe.Charge | null
  const [refunds, disputes] = await Promise.all([
    intent && charge?.captured ? stripe.refunds.list({ payment_intent: intent.id, limit: 100 }) : undefined,
    intent && charge?.disputed ? stripe.disputes.list({ payment_intent: intent.id, limit: 100 }) : undefined,
  ])
  return {
    status: statusOf(session, intent),
    intentId: intent?.id ?? null,
    checkoutId: (intent ?? session)?.metadata?.checkoutId ?? null,
    amount: intent?.amount ?? session?.amount_total ?? 0,
    currency: (intent ?? session)?.currency?.toUpperCase() ?? '',
    capturedAmount: intent?.amount_received ?? 0,
    captureBefore: captureBeforeOf(charge),
    card: cardOf(charge),
    failure: intent?.last_payment_error?.message ?? null,
    // On Stripe's own page the shopper is told there, and tries another card.
    decline: intent && !session ? declineOf(intent) : null,
    actionUrl: (session ? null : intent?.next_action?.redirect_to_url?.url) ?? null,
    refunds: refunds?.data.filter(refund => !isRelease(refund)).map(refundOf) ?? [],
    // An inquiry has taken no money (https://docs.stripe.com/disputes/how-disputes-work#inquiries).
    disputes: disputes?.data.filter(({ status }) => !status.startsWith('warning')).map(disputeOf) ?? [],
  }
}

/** https://docs.stripe.com/payments/paymentintents/lifecycle */
function statusOf(
  session: Stripe.Checkout.Session | undefined,
  intent: Stripe.PaymentIntent | null,
): ProviderState['status'] {
  if (intent?.status === 'requires_capture') return 'authorized'
  if (intent?.status === 'succeeded') return 'captured'
  if (intent?.status === 'canceled') return 'voided'
  // An expired page cannot be paid any more, whatever its intent was waiting for.
  return session?.status === 'expired' ? 'voided' : 'pending'
}

function declineOf({
  status,
  last_payment_error: error,
  next_action: action,
}: Stripe.PaymentIntent): Decline | null {
  if (status === 'requires_payment_method' && error)
    return {
      reason: error.message ?? 'The card was declined.',
      declineCode: error.decline_code ?? error.code ?? null,
    }
  if (status === 'requires_action' && !action?.redirect_to_url)
    return { reason: 'The card asks for a step that has no page.', declineCode: 'authentication_required' }
  return null
}

function captureBeforeOf(charge: Stripe.Charge | null): Date | null {
  const seconds = charge?.payment_method_details?.card?.capture_before
  return seconds && !charge.captured ? new Date(seconds * 1000) : null
}

function cardOf(charge: Stripe.Charge | null): ProviderState['card'] {
  const card = charge?.payment_method_details?.card
  return card ? { brand: card.brand ?? 'card', last4: card.last4 ?? '????' } : null
}

/** What was authorized and never captured is listed among refunds too; no money has moved for it. */
function isRelease(refund: Stripe.Refund): boolean {
  return refund.balance_transaction === null && !refund.metadata?.refundId && refund.status === 'succeeded'
}

function refundOf(refund: Stripe.Refund): ProviderRefund {
  const hasFailed = refund.status === 'failed' || refund.status === 'canceled'
  return {
    providerRefundId: refund.id,
    refundId: refund.metadata?.refundId ?? null,
    amount: refund.amount,
    state: hasFailed ? 'failed' : refund.status === 'succeeded' ? 'succeeded' : 'pending',
    failure: refund.failure_reason ?? null,
  }
}

function disputeOf(dispute: Stripe.Dispute): ProviderDispute {
  const { id, amount, reason, status } = dispute
  const state = status === 'won' ? 'won' : status === 'lost' ? 'lost' : 'open'
  return { providerDisputeId: id, amount, reason, state }
}

/** A definite no of Stripe as ProviderRefusal, its 5xx as ProviderFault; timeouts, 429 and conflicts stay unknown. */
async function definite<Result>(call: Promise<Result>): Promise<Result> {
  try {
    return await call
  } catch (error) {
    const isNo =
      error instanceof Stripe.errors.StripeCardError ||
      (error instanceof Stripe.errors.StripeInvalidRequestError && error.statusCode !== 409)
    if (isNo) throw new ProviderRefusal(error.message, { cause: error })
    if (error instanceof Stripe.errors.StripeAPIError && (error.statusCode ?? 0) >= 500)
      throw new ProviderFault(error.message, { cause: error })
    throw error
  }
}

function originOf(apiUrl: string | undefined): Stripe.StripeConfig {
  if (!apiUrl) return {}
  const url = new URL(apiUrl)
  return {
    host: url.hostname,
    protocol: url.protocol === 'https:' ? 'https' : 'http',
    ...(url.port && { port: Number(url.port) }),
  }
}
