import { countrySchema } from '@storewright/kernel/address'
import { idSchema } from '@storewright/kernel/ids'
import { currencySchema, moneySchema } from '@storewright/kernel/money'
import { operation, refusals } from '@storewright/rpc/contract'
import { z } from 'zod'

/** Tries to pay one checkout: far more than a person has patience for. */
const ATTEMPTS_MAX = 1_000

/** Of one line of the payment page; a cart takes far fewer. */
const PIECES_MAX = 1_000_000

export const paymentMethodSchema = z.enum(['card', 'invoice', 'cash-on-delivery'])

/** `pending`: the shopper has the provider's page. `capture-failed`: authorized, but the money did not come. */
export const paymentStateSchema = z.enum(['pending', 'authorized', 'captured', 'capture-failed', 'voided'])

const paymentSchema = z
  .object({
    paymentId: idSchema('payment'),
    checkoutId: idSchema('checkout'),
    provider: z.enum(['manual', 'stripe']),
    method: paymentMethodSchema,
    state: paymentStateSchema,
    onTerms: z.boolean().describe('goods may leave before the money is here'),
    amount: moneySchema,
    capturedAmount: moneySchema,
    refundedAmount: moneySchema.describe('asked for or paid back'),
    disputedAmount: moneySchema.describe('taken by open and lost disputes'),
    card: z.object({ brand: z.string(), last4: z.string() }).nullable(),
    captureBefore: z.iso.datetime().nullable().describe('an authorization ends by itself then'),
    failure: z.string().nullable().describe("the provider's last refusal"),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Payment' })

/** Payload of every `payment.*` event; aggregate type `payment`, aggregate id = payment id. */
export const paymentEventSchema = paymentSchema

/**
 * Payload of `attempt.ended`; aggregate type `payment-attempt`, aggregate id = payment id: an attempt at the provider was
 * paid or is over. What became of it: ask `syncPayment`. Apart from `payment`, so that who waits for a page does not hear
 * of every invoice.
 */
export const attemptEndedSchema = z.object({ checkoutId: idSchema('checkout') })

export const paymentPageSchema = z
  .object({
    url: z.string().describe("the provider's page, where the shopper pays"),
    expiresAt: z.iso.datetime(),
  })
  .meta({ id: 'PaymentPage' })

/** A card's PaymentMethod at Stripe, made by its own script or app: `pm_…`. Never a card number. */
export const paymentTokenSchema = z
  .string()
  .max(255)
  .regex(/^pm_[A-Za-z0-9_]+$/, 'must be the id of a PaymentMethod: pm_…')

/** Why a card was refused, as the provider says it. */
export const declineSchema = z.object({
  reason: z.string(),
  declineCode: z.string().nullable().describe('https://docs.stripe.com/declines/codes'),
})

const attemptSchema = paymentSchema.extend({
  decline: declineSchema.nullable().describe('the card that came with the order was refused'),
})

const refundSchema = z
  .object({
    refundId: idSchema('refund'),
    paymentId: idSchema('payment'),
    amount: moneySchema,
    reason: z.string(),
    state: z.enum(['pending', 'succeeded', 'failed']),
    failure: z.string().nullable(),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Refund' })

const paymentRefusals = {
  ...refusals.notFound,
  'payment-state': {
    status: 409,
    message: 'The payment is not in a state that allows this.',
    data: z.object({ state: z.string() }),
  },
} as const

const providerRefused = {
  'provider-refused': {
    status: 409,
    message: 'The payment provider refused this.',
    data: z.object({ reason: z.string() }),
  },
} as const

const methodNotOffered = {
  'method-not-offered': {
    status: 400,
    message: 'This way to pay is not offered for the country or currency.',
  },
} as const

export const paymentDeclined = {
  'payment-declined': { status: 409, message: 'The card was declined.', data: declineSchema },
} as const

const captureOnSchema = z.enum(['placement', 'shipment']).describe('when the money is taken')

const attemptOf = { checkoutId: idSchema('checkout'), attempt: z.int().min(1).max(ATTEMPTS_MAX) }

export const paymentContract = {
  listPaymentMethods: operation
    .meta({ access: 'public', rateClass: 'read' })
    .route({ method: 'GET', path: '/payment-methods', tags: ['Checkout'], summary: 'List ways to pay' })
    .input(z.strictObject({ currency: currencySchema, country: countrySchema }))
    .output(
      z.object({
        items: z.array(z.object({ method: paymentMethodSchema, title: z.string(), description: z.string() })),
      }),
    ),

  /** One live authorization per checkout. The same key answers the same payment; the amount is compared. */
  authorizePayment: operation
    .meta({ access: 'internal' })
    .input(
      z.strictObject({
        ...attemptOf,
        method: paymentMethodSchema,
        amount: moneySchema,
        country: countrySchema,
      }),
    )
    .output(paymentSchema)
    .errors({
      ...methodNotOffered,
      'payment-state': paymentRefusals['payment-state'],
      ...refusals.idempotency,
    }),

  /**
   * Where the shopper pays: the provider's page, open for 31 minutes. The same attempt answers the same page. What
   * becomes of it is said by `attempt.ended`, and by `syncPayment`.
   */
  openPaymentPage: operation
    .meta({ access: 'internal' })
    .input(
      z.strictObject({
        ...attemptOf,
        amount: moneySchema,
        email: z.string(),
        lines: z
          .array(
            z.object({
              title: z.string(),
              detail: z.string(),
              unitPrice: moneySchema,
              quantity: z.int().min(1).max(PIECES_MAX),
            }),
          )
          .min(1)
          .describe('what the page lists; their sum is the amount'),
        returnUrl: z.string(),
        leaveUrl: z.string(),
      }),
    )
    .output(
      z.object({
        payment: paymentSchema,
        page: paymentPageSchema,
        captureOn: captureOnSchema,
      }),
    )
    .errors({
      ...methodNotOffered,
      'payment-state': paymentRefusals['payment-state'],
      ...providerRefused,
    }),

  /**
   * Authorizes a card that the caller brings. `page` is where its holder must say yes first (3-D Secure); what becomes of
   * it is learned as with `openPaymentPage`. A declined attempt is over, and always answers its decline.
   */
  confirmPayment: operation
    .meta({ access: 'internal' })
    .input(
      z.strictObject({
        ...attemptOf,
        amount: moneySchema,
        paymentToken: paymentTokenSchema,
        returnUrl: z.string(),
      }),
    )
    .output(
      z.object({ payment: paymentSchema, page: paymentPageSchema.nullable(), captureOn: captureOnSchema }),
    )
    .errors({
      ...methodNotOffered,
      'payment-state': paymentRefusals['payment-state'],
      ...paymentDeclined,
      ...providerRefused,
    }),

  /** Asks the provider how an attempt stands. Changes nothing that has not happened there. */
  syncPayment: operation
    .meta({ access: 'internal' })
    .input(z.strictObject(attemptOf))
    .output(attemptSchema)
    .errors(refusals.notFound),

  /** Ends the page of an attempt, or its pending authorization. Answers `voided`; or `authorized`, when the shopper was faster. */
  closePaymentPage: operation
    .meta({ access: 'internal' })
    .input(z.strictObject(attemptOf))
    .output(attemptSchema)
    .errors(refusals.notFound),

  /** Takes the authorized money. A definite refusal of the provider answers `capture-failed`; it may be tried again. */
  capturePayment: operation
    .meta({ access: 'staff', rateClass: 'write', idempotency: 'accepted' })
    .route({
      method: 'POST',
      path: '/admin/payments/{paymentId}/capture',
      tags: ['Staff'],
      summary: 'Take the authorized money, or a part of it; the rest is given up',
    })
    .input(z.strictObject({ paymentId: idSchema('payment'), amount: moneySchema.optional() }))
    .output(paymentSchema)
    .errors({ ...paymentRefusals, ...refusals.invalid }),

  refundPayment: operation
    .meta({ access: 'staff', rateClass: 'write', idempotency: 'required' })
    .route({
      method: 'POST',
      path: '/admin/payments/{paymentId}/refunds',
      tags: ['Staff'],
      summary: 'Give money back',
      description:
        'Never more than was captured and not yet refunded. The same Idempotency-Key always answers for the same refund.',
    })
    .input(
      z.strictObject({
        paymentId: idSchema('payment'),
        amount: moneySchema,
        reason: z.string().trim().min(1).max(200),
      }),
    )
    .output(refundSchema)
    .errors({ ...paymentRefusals, ...refusals.invalid, ...refusals.idempotency, ...providerRefused }),

  getPayment: operation
    .meta({ access: 'staff', rateClass: 'read' })
    .route({
      method: 'GET',
      path: '/admin/payments/{paymentId}',
      tags: ['Staff'],
      summary: 'Get a payment with its refunds, disputes, ledger and calls to the provider',
    })
    .input(z.strictObject({ paymentId: idSchema('payment') }))
    .output(
      paymentSchema.extend({
        providerReference: z.string().nullable().describe('of the payment in the books of the provider'),
        refunds: z.array(refundSchema),
        disputes: z.array(
          z.object({
            providerReference: z.string(),
            amount: moneySchema,
            state: z.enum(['open', 'won', 'lost']),
            reason: z.string(),
          }),
        ),
        ledger: z.array(
          z.object({ kind: z.string(), account: z.string(), amount: moneySchema, at: z.iso.datetime() }),
        ),
        calls: z.array(
          z.object({
            kind: z.string(),
            state: z.enum(['sent', 'done', 'refused', 'faulted']),
            detail: z.string().nullable(),
            at: z.iso.datetime(),
          }),
        ),
      }),
    )
    .errors(refusals.notFound),

  /** A provider's webhook as it came. Stored before it is answered; worked off after. */
  receiveWebhook: operation
    .meta({ access: 'internal' })
    .input(z.strictObject({ provider: z.literal('stripe'), body: z.string(), signature: z.string() }))
    .output(z.object({ known: z.boolean().describe('this event had come before') }))
    .errors({
      'webhook-refused': {
        status: 400,
        message: 'The signature does not fit, or the event is too old.',
      },
      ...refusals.notFound,
    }),

  /** Undo of authorizePayment, openPaymentPage and confirmPayment, for the same attempt: also refuses one that arrives after it. */
  voidPayment: operation
    .meta({ access: 'internal' })
    .input(z.strictObject(attemptOf))
    .output(
      z.object({
        voided: z.boolean().describe('false: there was nothing to void, and now there never will be'),
      }),
    )
    .errors(paymentRefusals),

  /**
   * The order was canceled: what is authorized is voided, what the provider captured is refunded as far as it was not
   * yet. Idempotent; answers the payment. Money that the merchant collected himself is given back by himself, and what
   * an open dispute holds is decided by the bank.
   */
  giveBackPayment: operation
    .meta({ access: 'internal' })
    .input(z.strictObject({ paymentId: idSchema('payment') }))
    .output(paymentSchema)
    .errors(refusals.notFound),

  recordPayment: operation
    .meta({ access: 'staff', rateClass: 'write', idempotency: 'accepted' })
    .route({
      method: 'POST',
      path: '/admin/payments/{paymentId}/record',
      tags: ['Staff'],
      summary: 'Record that an invoice or a cash-on-delivery amount was paid',
    })
    .input(z.strictObject({ paymentId: idSchema('payment'), amount: moneySchema }))
    .output(paymentSchema)
    .errors({ ...paymentRefusals, ...refusals.invalid, ...refusals.idempotency }),
}
