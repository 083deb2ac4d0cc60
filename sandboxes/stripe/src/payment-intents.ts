import { newId, type StripeObject } from './objects.ts'
import { refused } from './stripe-error.ts'
import type { World } from './world.ts'

export type IntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'requires_capture'
  | 'processing'
  | 'succeeded'
  | 'canceled'

export interface PaymentIntent extends StripeObject {
  amount: number
  amount_capturable: number
  amount_received: number
  canceled_at: number | null
  cancellation_reason: string | null
  capture_method: 'automatic' | 'automatic_async' | 'manual'
  client_secret: string
  created: number
  currency: string
  description: string | null
  last_payment_error: Record<string, unknown> | null
  latest_charge: string | null
  metadata: Record<string, string>
  next_action: Record<string, unknown> | null
  payment_method: string | null
  receipt_email: string | null
  shipping: unknown
  statement_descriptor_suffix: string | null
  status: IntentStatus
}

export interface IntentSecrets {
  /** The checkout session it belongs to: while that is open, only its page may touch it. */
  readonly session?: string | undefined
  /** Of the 3-D Secure page that counts; an older one is stale. */
  readonly challenge?: string | undefined
  readonly returnUrl?: string | undefined
}

export interface NewIntent {
  readonly amount: number
  readonly currency: string
  readonly captureMethod?: PaymentIntent['capture_method'] | undefined
  readonly metadata?: Record<string, string> | undefined
  readonly description?: string | undefined
  readonly receiptEmail?: string | undefined
  readonly shipping?: unknown
  readonly statementDescriptorSuffix?: string | undefined
  readonly setupFutureUsage?: string | undefined
  readonly allowRedirects?: 'always' | 'never' | undefined
  readonly methodTypes?: readonly string[] | undefined
  readonly allowedTypes?: readonly string[] | undefined
  readonly session?: string | undefined
}

export function createIntent(world: World, wanted: NewIntent): PaymentIntent {
  const id = newId('pi')
  const automatic =
    wanted.methodTypes === undefined
      ? { allow_redirects: wanted.allowRedirects ?? 'always', enabled: true }
      : null
  const intent: PaymentIntent = {
    id,
    object: 'payment_intent',
    allowed_payment_method_types: wanted.allowedTypes ?? null,
    amount: wanted.amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: automatic,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: wanted.captureMethod ?? 'automatic_async',
    client_secret: `${id}_${newId('secret', 25)}`,
    confirmation_method: 'automatic',
    created: world.now(),
    currency: wanted.currency,
    customer: null,
    customer_account: null,
    description: wanted.description ?? null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: wanted.metadata ?? {},
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: {
      card: { installments: null, mandate_options: null, network: null, request_three_d_secure: 'automatic' },
    },
    payment_method_types: ['card'],
    processing: null,
    receipt_email: wanted.receiptEmail ?? null,
    review: null,
    setup_future_usage: wanted.setupFutureUsage ?? null,
    shipping: wanted.shipping ?? null,
    statement_descriptor: null,
    statement_descriptor_suffix: wanted.statementDescriptorSuffix ?? null,
    status: 'requires_payment_method',
    transfer_data: null,
    transfer_group: null,
  }
  const secrets: IntentSecrets = { session: wanted.session }
  world.objects.insert(intent, secrets)
  world.emit('payment_intent.created', intent)
  return intent
}

/** As Stripe words it: which states would have done. */
export function wrongState(intent: PaymentIntent, verb: string, allowed: readonly IntentStatus[]): Error {
  return refused(
    `This PaymentIntent could not be ${verb} because it has a status of ${intent.status}. ` +
      `Only a PaymentIntent with one of the following statuses may be ${verb}: ${allowed.join(', ')}.`,
    { code: 'payment_intent_unexpected_state', payment_intent: intent },
  )
}

export function saveIntent(world: World, intent: PaymentIntent, secrets?: IntentSecrets): void {
  world.objects.save(intent, secrets)
}
