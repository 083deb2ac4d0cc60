import { deadLetterOperations, receiveEvents } from '@storewright/events/contract'
import { addressSchema } from '@storewright/kernel/address'
import { idSchema } from '@storewright/kernel/ids'
import { INT4_MAX } from '@storewright/kernel/integer'
import { currencySchema, moneySchema } from '@storewright/kernel/money'
import { pageInput, pageOf } from '@storewright/kernel/paging'
import { paymentMethodSchema } from '@storewright/payment/contract'
import { operation, refusals } from '@storewright/rpc/contract'
import { z } from 'zod'

/** What was agreed to was bounded where it came in; here it must only fit the columns. */
const whole = z.int().min(0).max(INT4_MAX)

/** The most that one line can hold; see the cart. */
const REFUND_QUANTITY_MAX = 10_000

/** A sentence for colleagues, not a letter. */
const REASON_MAX = 200

const image = z
  .object({ avif: z.string(), jpg: z.string(), width: whole, height: whole, alt: z.string() })
  .nullable()

const totals = z.object({
  subtotal: moneySchema,
  shipping: moneySchema,
  tax: moneySchema,
  total: moneySchema,
  taxIncluded: z.boolean(),
})

const taxLine = z.object({ name: z.string(), rateBasisPoints: whole, amount: moneySchema })

const orderLineSnapshot = z.object({
  sku: z.string(),
  slug: z.string(),
  title: z.string(),
  variantTitle: z.string(),
  image,
  quantity: whole.min(1),
  unitPrice: moneySchema,
  total: moneySchema,
  tax: moneySchema,
  taxRateBasisPoints: whole,
  vendorId: idSchema('vendor'),
})

const shippingChoice = z.object({
  shippingRateId: z.string(),
  title: z.string(),
  price: moneySchema,
  tax: moneySchema,
  minDays: whole,
  maxDays: whole,
})

const paymentChoice = z.object({
  paymentId: idSchema('payment'),
  method: paymentMethodSchema,
  onTerms: z.boolean(),
})

export const orderSchema = z
  .object({
    orderId: idSchema('order'),
    number: z.string().describe('for people; not an id'),
    checkoutId: idSchema('checkout'),
    marketId: z.string(),
    status: z.enum(['open', 'canceled', 'completed']),
    paymentStatus: z.enum([
      'due',
      'authorized',
      'paid',
      'capture-failed',
      'partly-refunded',
      'refunded',
      'voided',
    ]),
    fulfillmentStatus: z.enum(['unfulfilled', 'partly-fulfilled', 'fulfilled', 'delivered']),
    currency: currencySchema,
    email: z.string(),
    lines: z.array(orderLineSnapshot.extend({ orderLineId: idSchema('orderLine') })),
    totals,
    taxLines: z.array(taxLine),
    shipping: shippingChoice,
    payment: paymentChoice,
    shippingAddress: addressSchema,
    billingAddress: addressSchema,
    note: z.string().nullable(),
    placedAt: z.iso.datetime(),
    timeline: z.array(z.object({ type: z.string(), title: z.string(), at: z.iso.datetime() })),
  })
  .meta({ id: 'Order' })

export type Order = z.infer<typeof orderSchema>

/** Payload of `order.placed`; aggregate type `order`, aggregate id = order id. */
export const orderPlacedSchema = z.object({
  order: orderSchema,
  trackingUrl: z.string().describe('absolute; opens the order without a login'),
})

/** Payload of `order.payment-changed`. */
export const orderPaymentChangedSchema = z.object({ orderId: idSchema('order'), paymentStatus: z.string() })

/** Payload of `order.canceled`. Goods and payment are given back by calls, not by who hears this. */
export const orderCanceledSchema = z.object({ orderId: idSchema('order'), reason: z.string() })

export const placedOrderSchema = z
  .object({
    orderId: idSchema('order'),
    number: z.string(),
    total: moneySchema,
    trackingToken: z.string().describe('pass as token to read the order without an account'),
  })
  .meta({ id: 'PlacedOrder' })

export const orderRefundSchema = z
  .object({
    orderRefundId: idSchema('orderRefund'),
    orderId: idSchema('order'),
    amount: moneySchema,
    lines: z.array(z.object({ orderLineId: idSchema('orderLine'), quantity: z.int() })),
    shipping: z.boolean(),
    reason: z.string(),
    state: z
      .enum(['pending', 'done', 'refused'])
      .describe(
        '`pending`: the payment service or provider could not be reached; it is asked again by itself',
      ),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'OrderRefund' })

export const orderContract = {
  /** The pivot of a checkout. Idempotent by checkout id; answers a list from day one (one per vendor group). */
  placeOrder: operation
    .meta({ access: 'internal' })
    .input(
      z.strictObject({
        checkoutId: idSchema('checkout'),
        owner: z.string().describe('principal of the shopper'),
        marketId: z.string(),
        currency: currencySchema,
        email: z.string(),
        lines: z.array(orderLineSnapshot).min(1).max(200),
        totals,
        taxLines: z.array(taxLine),
        shipping: shippingChoice,
        payment: paymentChoice,
        shippingAddress: addressSchema,
        billingAddress: addressSchema,
        note: z.string().nullable(),
      }),
    )
    .output(z.object({ orders: z.array(placedOrderSchema) })),

  getOrder: operation
    .meta({ access: 'public', rateClass: 'read' })
    .route({
      method: 'GET',
      path: '/orders/{orderId}',
      tags: ['Orders'],
      summary: 'Get an order by its tracking token, as its owner, or as staff',
    })
    .input(z.strictObject({ orderId: idSchema('order'), token: z.string().max(200).optional() }))
    .output(orderSchema)
    .errors(refusals.notFound),

  listOrders: operation
    .meta({ access: 'staff', rateClass: 'read' })
    .route({ method: 'GET', path: '/admin/orders', tags: ['Staff'], summary: 'List orders, newest first' })
    .input(z.strictObject({ status: z.enum(['open', 'canceled', 'completed']).optional(), ...pageInput }))
    .output(
      pageOf(
        orderSchema.pick({
          orderId: true,
          number: true,
          status: true,
          paymentStatus: true,
          fulfillmentStatus: true,
          email: true,
          placedAt: true,
          totals: true,
          payment: true,
        }),
      ),
    )
    .errors({ ...refusals.invalid }),

  /** Goods and payment follow: at once if they can be reached, else later, by a sweeper. */
  cancelOrder: operation
    .meta({ access: 'staff', rateClass: 'write' })
    .route({
      method: 'POST',
      path: '/admin/orders/{orderId}/cancel',
      tags: ['Staff'],
      summary: 'Cancel an order of which nothing has been shipped',
      description:
        'Its goods can be bought again; what was authorized is given up, what the payment provider captured is refunded. ' +
        'Money that you collected yourself you give back yourself. An order that is canceled already is answered as it is.',
    })
    .input(z.strictObject({ orderId: idSchema('order'), reason: z.string().trim().min(1).max(REASON_MAX) }))
    .output(orderSchema)
    .errors({
      ...refusals.notFound,
      'order-state': {
        status: 409,
        message: 'The order is not in a state that allows this.',
        data: z.object({ status: z.string(), fulfillmentStatus: z.string() }),
      },
    }),

  refundOrder: operation
    .meta({ access: 'staff', rateClass: 'write', idempotency: 'required' })
    .route({
      method: 'POST',
      path: '/admin/orders/{orderId}/refunds',
      tags: ['Staff'],
      summary: 'Give money back for pieces of lines, for shipping, or any amount',
      description:
        'Lines and shipping are refunded at what was paid for them, tax included, and each piece once. An amount of your own goes alone. The same Idempotency-Key always answers for the same refund.',
    })
    .input(
      z
        .strictObject({
          orderId: idSchema('order'),
          lines: z
            .array(
              z.strictObject({
                orderLineId: idSchema('orderLine'),
                quantity: z.int().min(1).max(REFUND_QUANTITY_MAX),
              }),
            )
            .min(1)
            .max(200)
            .optional(),
          shipping: z.boolean().optional(),
          amount: moneySchema.optional(),
          reason: z.string().trim().min(1).max(REASON_MAX),
        })
        .refine(({ lines, shipping, amount }) => lines || shipping || amount, {
          error: 'is needed where neither lines nor shipping are named',
          path: ['amount'],
        })
        .refine(({ lines, shipping, amount }) => !amount || !(lines || shipping), {
          error: 'goes alone, without lines and shipping',
          path: ['amount'],
        }),
    )
    .output(orderRefundSchema)
    .errors({
      ...refusals.notFound,
      ...refusals.invalid,
      ...refusals.idempotency,
      'payment-state': {
        status: 409,
        message: 'The payment is not in a state that allows this.',
        data: z.object({ state: z.string() }),
      },
      'provider-refused': {
        status: 409,
        message: 'The payment provider refused this.',
        data: z.object({ reason: z.string() }),
      },
    }),

  receiveEvents,
  ...deadLetterOperations('order'),
}
