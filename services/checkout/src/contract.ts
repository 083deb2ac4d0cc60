import { deadLetterOperations, receiveEvents } from '@storewright/events/contract'
import { addressSchema, countrySchema, emailSchema } from '@storewright/kernel/address'
import { idSchema } from '@storewright/kernel/ids'
import { currencySchema, moneySchema } from '@storewright/kernel/money'
import { placedOrderSchema } from '@storewright/order/contract'
import {
  paymentDeclined,
  paymentMethodSchema,
  paymentPageSchema,
  paymentTokenSchema,
} from '@storewright/payment/contract'
import { shippingOptionSchema, taxLineSchema, totalsSchema } from '@storewright/pricing/contract'
import { operation, refusals } from '@storewright/rpc/contract'
import { z } from 'zod'

const missing = z.array(z.object({ sku: z.string(), requested: z.int(), available: z.int() }))

export const quoteSchema = z
  .object({
    hash: z.string().describe('send it as quoteHash with pay: it says what the shopper agreed to'),
    expiresAt: z.iso.datetime(),
    cartId: idSchema('cart'),
    cartVersion: z.int(),
    marketId: z.string(),
    currency: currencySchema,
    country: countrySchema,
    lines: z.array(
      z.object({
        sku: z.string(),
        slug: z.string(),
        title: z.string(),
        variantTitle: z.string(),
        image: z
          .object({ avif: z.string(), jpg: z.string(), width: z.int(), height: z.int(), alt: z.string() })
          .nullable(),
        quantity: z.int(),
        unitPrice: moneySchema,
        total: moneySchema,
        tax: moneySchema,
        taxRateBasisPoints: z.int(),
      }),
    ),
    shippingOptions: z.array(shippingOptionSchema),
    shippingRateId: z.string(),
    paymentMethods: z.array(
      z.object({ method: paymentMethodSchema, title: z.string(), description: z.string() }),
    ),
    taxLines: z.array(taxLineSchema),
    totals: totalsSchema,
  })
  .meta({ id: 'Quote' })

export const checkoutStateSchema = z.enum([
  'reserving',
  'authorizing',
  'awaiting-payment',
  'placing',
  'committing',
  'capturing',
  'completed',
  'undoing',
  'failed',
])

/** What the shopper sent with pay; his own, for a form that is shown again. Not his card's token. */
const requestSchema = {
  email: emailSchema,
  shippingAddress: addressSchema,
  billingAddress: addressSchema.optional().describe('the shipping address when left out'),
  shippingRateId: z.string().min(1).max(40),
  paymentMethod: paymentMethodSchema,
  note: z.string().trim().max(500).optional(),
}

const checkoutSchema = z
  .object({
    checkoutId: idSchema('checkout'),
    marketId: z.string(),
    state: checkoutStateSchema,
    paymentPage: paymentPageSchema
      .nullable()
      .describe('where the shopper pays, while the state is `awaiting-payment`'),
    request: z.object(requestSchema),
    orders: z.array(placedOrderSchema).describe('empty until placed'),
    failure: z.object({ code: z.string(), detail: z.string() }).nullable(),
  })
  .meta({ id: 'Checkout' })

const cartRefusals = {
  ...refusals.invalid,
  ...refusals.notFound,
  'cart-empty': { status: 409, message: 'The cart is empty.' },
  'cart-expired': { status: 410, message: 'This cart has expired.' },
  'cart-completed': { status: 409, message: 'This cart has been ordered already.' },
  'insufficient-stock': {
    status: 409,
    message: 'There is not enough stock for every line.',
    data: z.object({ missing }),
  },
  'no-longer-sold': {
    status: 409,
    message: 'Some items are no longer sold.',
    data: z.object({ skus: z.array(z.string()) }),
  },
} as const

export const checkoutContract = {
  quoteCheckout: operation
    .meta({ access: 'public', identity: 'guest', rateClass: 'checkout' })
    .route({
      method: 'POST',
      path: '/checkout/quote',
      tags: ['Checkout'],
      summary: 'Compute what a cart costs at an address',
      description: 'Holds nothing and changes nothing. Prices, tax, shipping and stock are read now.',
    })
    .input(
      z.strictObject({
        cartId: idSchema('cart'),
        country: countrySchema,
        shippingRateId: z.string().max(40).optional(),
      }),
    )
    .output(quoteSchema)
    .errors(cartRefusals),

  pay: operation
    .meta({ access: 'public', identity: 'guest', rateClass: 'checkout', idempotency: 'required' })
    .route({
      method: 'POST',
      path: '/checkout/pay',
      tags: ['Checkout'],
      summary: 'Place the order',
      description:
        'Computes the quote again and refuses with `total-changed` when it differs from `quoteHash`. Reserves the stock, authorizes the payment, places the order. With a card the answer is `awaiting-payment`: send the shopper to `paymentPage.url`; the order is placed when he has paid. With a card and its `paymentToken` the order is placed in this request, unless its holder must say yes first (3-D Secure): then the answer is `awaiting-payment` too, and after that page `resumeCheckout` places it. The same Idempotency-Key always answers for the same order.',
    })
    .input(
      z
        .strictObject({
          cartId: idSchema('cart'),
          quoteHash: z.string().min(1).max(100),
          ...requestSchema,
          paymentToken: paymentTokenSchema
            .optional()
            .describe(
              "a card that was given to the payment provider before: its PaymentMethod's id, `pm_…`. Only with `card`; without it the shopper pays on the provider's page.",
            ),
        })
        .refine(({ paymentToken, paymentMethod }) => paymentToken === undefined || paymentMethod === 'card', {
          path: ['paymentToken'],
          message: 'goes only with the paymentMethod `card`',
        }),
    )
    .output(checkoutSchema)
    .errors({
      ...cartRefusals,
      ...refusals.idempotency,
      'total-changed': {
        status: 409,
        message: 'The total has changed since it was shown.',
        data: z.object({ quote: quoteSchema }),
      },
      'checkout-in-progress': {
        status: 409,
        message: 'This cart is being paid for right now.',
        data: z.object({ checkoutId: idSchema('checkout') }),
      },
      'method-not-offered': {
        status: 400,
        message: 'This way to pay is not offered for the country or currency.',
      },
      ...paymentDeclined,
      'payment-not-completed': {
        status: 409,
        message: 'The payment was not completed.',
      },
      'provider-refused': {
        status: 409,
        message: 'The payment provider refused this.',
        data: z.object({ reason: z.string() }),
      },
      'too-many-open-checkouts': {
        status: 429,
        message: 'Too many unfinished checkouts; finish or leave one first.',
      },
    }),

  getCheckout: operation
    .meta({ access: 'public', identity: 'guest', rateClass: 'read' })
    .route({
      method: 'GET',
      path: '/checkouts/{checkoutId}',
      tags: ['Checkout'],
      summary: 'Get how a checkout stands',
    })
    .input(z.strictObject({ checkoutId: idSchema('checkout') }))
    .output(checkoutSchema)
    .errors(refusals.notFound),

  resumeCheckout: operation
    .meta({ access: 'public', identity: 'guest', rateClass: 'read' })
    .route({
      method: 'POST',
      path: '/checkouts/{checkoutId}/resume',
      tags: ['Checkout'],
      summary: 'Look whether a checkout was paid, and go on with it',
      description:
        'For the return from the payment page: asks the payment provider and places the order when it was paid. Changes nothing else; may be repeated.',
    })
    .input(z.strictObject({ checkoutId: idSchema('checkout') }))
    .output(checkoutSchema)
    .errors(refusals.notFound),

  leaveCheckout: operation
    .meta({ access: 'public', identity: 'guest', rateClass: 'checkout' })
    .route({
      method: 'POST',
      path: '/checkouts/{checkoutId}/leave',
      tags: ['Checkout'],
      summary: 'Give up paying',
      description:
        'Ends the payment page and gives the stock back. A page that was paid in the same moment is an order, and is answered as one.',
    })
    .input(z.strictObject({ checkoutId: idSchema('checkout') }))
    .output(checkoutSchema)
    .errors(refusals.notFound),

  ...deadLetterOperations('checkout'),

  receiveEvents,
}
