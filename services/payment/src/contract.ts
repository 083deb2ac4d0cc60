import { countrySchema } from '@storewright/kernel/address'
import { idSchema } from '@storewright/kernel/ids'
import { currencySchema, moneySchema } from '@storewright/kernel/money'
import { operation, refusals } from '@storewright/rpc/contract'
import { z } from 'zod'

/** Tries to pay one checkout: far more than a person has patience for. */
const ATTEMPTS_MAX = 1_000

export const paymentMethodSchema = z.enum(['invoice', 'cash-on-delivery'])

const paymentSchema = z
  .object({
    paymentId: idSchema('payment'),
    checkoutId: idSchema('checkout'),
    provider: z.literal('manual'),
    method: paymentMethodSchema,
    state: z.enum(['authorized', 'captured', 'voided']),
    onTerms: z.boolean().describe('goods may leave before the money is here'),
    amount: moneySchema,
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Payment' })

/** Payload of every `payment.*` event; aggregate type `payment`, aggregate id = payment id. */
export const paymentEventSchema = paymentSchema

const paymentRefusals = {
  ...refusals.notFound,
  'payment-state': {
    status: 409,
    message: 'The payment is not in a state that allows this.',
    data: z.object({ state: z.string() }),
  },
} as const

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
        checkoutId: idSchema('checkout'),
        attempt: z.int().min(1).max(ATTEMPTS_MAX),
        method: paymentMethodSchema,
        amount: moneySchema,
        country: countrySchema,
      }),
    )
    .output(paymentSchema)
    .errors({
      'method-not-offered': {
        status: 400,
        message: 'This way to pay is not offered for the country or currency.',
      },
      'payment-state': paymentRefusals['payment-state'],
      ...refusals.idempotency,
    }),

  /** Undo of authorizePayment, for the same attempt: also refuses an authorization that arrives after it. */
  voidPayment: operation
    .meta({ access: 'internal' })
    .input(z.strictObject({ checkoutId: idSchema('checkout'), attempt: z.int().min(1).max(ATTEMPTS_MAX) }))
    .output(
      z.object({
        voided: z.boolean().describe('false: there was nothing to void, and now there never will be'),
      }),
    )
    .errors(paymentRefusals),

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
