import { idSchema } from '@storewright/kernel/ids'
import { currencySchema, moneySchema } from '@storewright/kernel/money'
import { operation, refusals } from '@storewright/rpc/contract'
import { z } from 'zod'

/** A cart holds at most this many different lines: it bounds every quote and reservation. */
export const CART_LINES_MAX = 100

/** The most of one SKU in one cart. */
export const CART_QUANTITY_MAX = 99

const sku = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
  error: 'must be a SKU: letters, digits, dot, dash, underscore',
})
const quantity = z
  .int({ error: 'must be a whole number' })
  .min(1, { error: 'must be at least 1' })
  .max(CART_QUANTITY_MAX, { error: `must be at most ${CART_QUANTITY_MAX}` })
const marketId = z
  .string()
  .regex(/^[a-z]{2,10}$/)
  .describe('the market sets the currency')

const cartLineSchema = z
  .object({
    sku: z.string(),
    slug: z.string(),
    title: z.string(),
    variantTitle: z.string(),
    image: z
      .object({ avif: z.string(), jpg: z.string(), width: z.int(), height: z.int(), alt: z.string() })
      .nullable(),
    quantity: z.int(),
    unitPrice: moneySchema.describe('now, read at this view'),
    total: moneySchema,
    availability: z.enum(['in-stock', 'low-stock', 'sold-out']),
    availableQuantity: z.int(),
    notices: z
      .array(z.enum(['price-rose', 'price-fell', 'not-enough-stock', 'sold-out', 'no-longer-sold']))
      .describe('what changed since the line was added'),
    priceWhenAdded: moneySchema,
  })
  .meta({ id: 'CartLine' })

export const cartSchema = z
  .object({
    cartId: idSchema('cart').nullable().describe('null until something is in it'),
    version: z.int(),
    marketId: z.string(),
    currency: currencySchema,
    lines: z.array(cartLineSchema),
    itemCount: z.int(),
    subtotal: moneySchema,
    isPayable: z.boolean().describe('not empty, and every line can be bought as it stands'),
    expiresAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Cart' })

const cartRefusals = {
  ...refusals.invalid,
  ...refusals.idempotency,
  'cart-full': { status: 409, message: `A cart holds at most ${CART_LINES_MAX} different items.` },
} as const

export const cartContract = {
  getCart: operation
    .meta({ access: 'public', identity: 'guest', rateClass: 'read' })
    .route({
      method: 'GET',
      path: '/cart',
      tags: ['Cart'],
      summary: 'Get the cart, with prices and stock as they are now',
    })
    .input(z.strictObject({ marketId: marketId.default('eu') }))
    .output(cartSchema)
    .errors({ ...refusals.invalid }),

  addCartLine: operation
    .meta({ access: 'public', identity: 'guest', rateClass: 'write', idempotency: 'accepted' })
    .route({
      method: 'POST',
      path: '/cart/lines',
      tags: ['Cart'],
      summary: 'Add an item; more of the same adds up',
    })
    .input(z.strictObject({ marketId: marketId.default('eu'), sku, quantity: quantity.default(1) }))
    .output(cartSchema)
    .errors({
      ...cartRefusals,
      'insufficient-stock': {
        status: 409,
        message: 'There is not that much in stock.',
        data: z.object({
          missing: z.array(z.object({ sku: z.string(), requested: z.int(), available: z.int() })),
        }),
      },
    }),

  setCartLine: operation
    .meta({ access: 'public', identity: 'guest', rateClass: 'write', idempotency: 'accepted' })
    .route({
      method: 'PUT',
      path: '/cart/lines/{sku}',
      tags: ['Cart'],
      summary: 'Set the quantity of a line; 0 removes it',
    })
    .input(
      z.strictObject({
        marketId: marketId.default('eu'),
        sku,
        quantity: z.int({ error: 'must be a whole number' }).min(0).max(CART_QUANTITY_MAX),
      }),
    )
    .output(cartSchema)
    .errors({ ...cartRefusals, ...refusals.notFound }),

  /** The lines as stored, for checkout; the actor must own the cart. */
  readCart: operation
    .meta({ access: 'internal' })
    .input(z.strictObject({ cartId: idSchema('cart') }))
    .output(
      z.object({
        cartId: idSchema('cart'),
        version: z.int(),
        state: z.enum(['active', 'completed']),
        marketId: z.string(),
        currency: currencySchema,
        lines: z.array(z.object({ sku: z.string(), quantity: z.int() })),
      }),
    )
    .errors({ ...refusals.notFound, 'cart-expired': { status: 410, message: 'This cart has expired.' } }),

  /**
   * After the order is placed: the cart is done, the next item starts a new one. What was added while the order was
   * being placed, and so is not in `ordered`, moves into a new cart. Idempotent.
   */
  completeCart: operation
    .meta({ access: 'internal' })
    .input(
      z.strictObject({
        cartId: idSchema('cart'),
        ordered: z.array(z.strictObject({ sku, quantity })).max(CART_LINES_MAX),
      }),
    )
    .output(z.object({}))
    .errors(refusals.notFound),
}
