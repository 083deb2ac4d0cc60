import { idSchema } from '@storewright/kernel/ids'
import { pageInput, pageOf } from '@storewright/kernel/paging'
import { operation, refusals } from '@storewright/rpc/contract'
import { z } from 'zod'

const sku = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, {
  error: 'must be a SKU: letters, digits, dot, dash, underscore',
})

const text = (max: number) =>
  z
    .string()
    .min(1, { error: 'must not be empty' })
    .max(max)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    .regex(/^[^\u0000-\u001f\u007f]*$/, { error: 'must not hold control characters' })

/** No cart line and no planned line holds more than this. */
export const QUANTITY_MAX = 999

/** One delivery's or one count's units of an item: more is a slip of the finger. */
const BOOKED_QUANTITY_MAX = 1_000_000

/** More ranks than anybody has locations. */
const PRIORITY_MAX = 1_000

/** A month: whoever holds for longer has forgotten it. */
export const HOLD_SECONDS_MAX = 30 * 86_400

const requestedLine = z.strictObject({ sku, quantity: z.int().min(1).max(QUANTITY_MAX) })
const plannedLine = z.strictObject({
  sku,
  locationId: idSchema('location'),
  quantity: z.int().min(1).max(QUANTITY_MAX),
})

/** An SKU, or an SKU at a location, stands in one line only: quantities that add up belong together. */
function distinct<Item extends { sku: string; locationId?: string }>(lines: readonly Item[]): boolean {
  return new Set(lines.map(line => `${line.sku}\n${line.locationId ?? ''}`)).size === lines.length
}
const REPEATED = { error: 'must not name the same item twice' }

const missingLine = z.object({ sku: z.string(), requested: z.int(), available: z.int() })

const insufficientStock = {
  'insufficient-stock': {
    status: 409,
    message: 'There is not enough stock for every line.',
    data: z.object({ missing: z.array(missingLine) }),
  },
} as const

const stockSchema = z
  .object({
    sku: z.string(),
    locationId: idSchema('location'),
    locationName: z.string(),
    onHand: z.int(),
    reserved: z.int(),
    allocated: z.int(),
    safety: z.int(),
    backorderLimit: z.int(),
    shortage: z.int().describe('promised but not there: found by a count; the orders at risk'),
    available: z.int(),
  })
  .meta({ id: 'Stock' })

const reservationSchema = z.object({
  reservationId: idSchema('checkout'),
  state: z.enum(['held', 'committed', 'released', 'canceled']),
  expiresAt: z.iso.datetime(),
  lines: z.array(plannedLine),
})

/** Event `inventory.availability-changed`, aggregate type `stock-item`, aggregate id = SKU. */
export const availabilityChangedSchema = z.object({
  sku: z.string(),
  availability: z.enum(['in-stock', 'low-stock', 'sold-out']),
})

export const inventoryContract = {
  getAvailability: operation
    .meta({ access: 'internal' })
    .input(z.strictObject({ skus: z.array(sku).min(1).max(500) }))
    .output(
      z.object({
        items: z.array(
          z.object({
            sku: z.string(),
            available: z.int().min(0),
            availability: z.enum(['in-stock', 'low-stock', 'sold-out']),
          }),
        ),
      }),
    ),

  /** Which locations would supply the lines: fewest parcels first. Reads only; holds nothing. */
  planStock: operation
    .meta({ access: 'internal' })
    .input(z.strictObject({ lines: z.array(requestedLine).min(1).max(200).refine(distinct, REPEATED) }))
    .output(z.object({ plan: z.array(plannedLine), missing: z.array(missingLine) })),

  /** All or nothing. The same reservation id again answers what is held already. */
  reserveStock: operation
    .meta({ access: 'internal' })
    .input(
      z.strictObject({
        reservationId: idSchema('checkout'),
        lines: z.array(plannedLine).min(1).max(500).refine(distinct, REPEATED),
        holdSeconds: z.int().min(1).max(HOLD_SECONDS_MAX),
      }),
    )
    .output(reservationSchema)
    .errors({
      ...insufficientStock,
      'reservation-ended': { status: 409, message: 'This reservation was released; ask with a new id.' },
    }),

  /** Reserved → allocated. A released reservation is refused: its stock may be gone. */
  commitReservation: operation
    .meta({ access: 'internal' })
    .input(z.strictObject({ reservationId: idSchema('checkout') }))
    .output(reservationSchema)
    .errors({
      ...refusals.notFound,
      'reservation-ended': {
        status: 409,
        message: 'This reservation was released before it could be committed.',
      },
    }),

  /** Idempotent: releasing what is released, or never existed, is done already. A committed one is refused. */
  releaseReservation: operation
    .meta({ access: 'internal' })
    .input(z.strictObject({ reservationId: idSchema('checkout') }))
    .output(z.object({ released: z.boolean() }))
    .errors({ 'reservation-committed': { status: 409, message: 'This reservation has become an order.' } }),

  /**
   * Undo of a commit, when an order is canceled: its goods are available again. Idempotent; what was released before
   * is answered as it is. While the checkout has still to commit it is refused: ask again later.
   */
  cancelReservation: operation
    .meta({ access: 'internal' })
    .input(z.strictObject({ reservationId: idSchema('checkout') }))
    .output(reservationSchema)
    .errors({
      ...refusals.notFound,
      'reservation-held': { status: 409, message: 'The checkout has not committed this reservation yet.' },
    }),

  listStock: operation
    .meta({ access: 'staff', rateClass: 'read' })
    .route({
      method: 'GET',
      path: '/admin/stock',
      tags: ['Staff'],
      summary: 'List stock by SKU and location',
    })
    .input(z.strictObject({ sku: sku.optional(), ...pageInput }))
    .output(pageOf(stockSchema))
    .errors({ ...refusals.invalid }),

  setLocation: operation
    .meta({ access: 'staff', rateClass: 'write' })
    .route({
      method: 'PUT',
      path: '/admin/locations/{code}',
      tags: ['Staff'],
      summary: 'Create or rename a location',
    })
    .input(
      z.strictObject({
        code: z.string().regex(/^[a-z0-9-]{1,40}$/),
        name: text(100),
        priority: z.int().min(0).max(PRIORITY_MAX).default(100).describe('lower ships first'),
      }),
    )
    .output(z.object({ locationId: idSchema('location'), code: z.string(), name: z.string() })),

  receiveStock: operation
    .meta({ access: 'staff', rateClass: 'write' })
    .route({
      method: 'POST',
      path: '/admin/stock/receive',
      tags: ['Staff'],
      summary: 'Receive goods at a location',
    })
    .input(
      z.strictObject({
        lines: z
          .array(
            z.strictObject({ sku, location: text(40), quantity: z.int().min(1).max(BOOKED_QUANTITY_MAX) }),
          )
          .min(1)
          .max(1000),
        reference: text(200).describe(
          'delivery note; the same reference is booked once, however often it is sent',
        ),
      }),
    )
    .output(z.object({ received: z.int() }))
    .errors({ ...refusals.invalid }),

  adjustStock: operation
    .meta({ access: 'staff', rateClass: 'write' })
    .route({
      method: 'POST',
      path: '/admin/stock/adjust',
      tags: ['Staff'],
      summary: 'Correct stock, with a reason',
    })
    .input(
      z.strictObject({
        sku,
        location: text(40),
        delta: z
          .int()
          .min(-BOOKED_QUANTITY_MAX)
          .max(BOOKED_QUANTITY_MAX)
          .refine(value => value !== 0, { error: 'must not be zero' }),
        reason: text(200),
        reference: text(200).describe('the same reference is booked once, however often it is sent'),
      }),
    )
    .output(stockSchema)
    .errors({ ...refusals.notFound, ...refusals.invalid }),
}
