import { checkPrecision, currency } from './currency.ts'
import { newId, type StripeObject } from './objects.ts'
import {
  changedMetadata,
  flag,
  foreign,
  hash,
  integer,
  list,
  metadata,
  missing,
  oneOf,
  type Read,
  required,
  text,
} from './parameters.ts'
import { badRequest, noSuch } from './stripe-error.ts'
import type { World } from './world.ts'

const taxBehavior = oneOf('exclusive', 'inclusive', 'unspecified')

const productFields = {
  name: required(text({ max: 1500 })),
  description: text(),
  images: list(text({ max: 2048 }), 8),
  metadata,
  tax_code: text(),
  unit_label: text({ max: 12 }),
} as const

const priceFields = {
  currency: required(currency),
  product_data: hash(productFields),
  tax_behavior: taxBehavior,
  unit_amount: integer(),
  unit_amount_decimal: text({ pattern: /^\d{1,12}(\.0{1,12})?$/ }),
  ...foreign('product', 'recurring'),
} as const

const lineItem = hash({
  adjustable_quantity: hash({ enabled: required(flag), maximum: integer(), minimum: integer() }),
  metadata,
  price: text(),
  price_data: hash(priceFields),
  quantity: integer({ min: 1, max: 999_999 }),
  ...foreign('tax_rates', 'dynamic_tax_rates'),
})

/** As many as Stripe takes in payment mode. */
export const lineItemsField = list(lineItem, 100)
type LineItemInput = ReturnType<(typeof lineItem)['read']>

const day = oneOf('business_day', 'day', 'hour', 'month', 'week')
const estimateEnd = hash({ unit: required(day), value: required(integer({ min: 1 })) })

const shippingRateFields = {
  delivery_estimate: hash({ maximum: estimateEnd, minimum: estimateEnd }),
  display_name: required(text({ max: 100 })),
  fixed_amount: hash({
    amount: required(integer()),
    currency: required(currency),
    ...foreign('currency_options'),
  }),
  metadata,
  tax_behavior: taxBehavior,
  tax_code: text(),
  type: oneOf('fixed_amount'),
} as const

const shippingOption = hash({ shipping_rate: text(), shipping_rate_data: hash(shippingRateFields) })
export const shippingOptionsField = list(shippingOption, 5)
type ShippingRateInput = Read<typeof shippingRateFields>

export interface LineItem extends StripeObject {
  amount_total: number
  currency: string
  description: string
  quantity: number
}

export interface ShippingRate extends StripeObject {
  display_name: string
  fixed_amount: { amount: number; currency: string }
}

export function makeLineItems(world: World, inputs: readonly LineItemInput[]): LineItem[] {
  return inputs.map((input, index) => {
    const path = `line_items[${index}]`
    if (input.price !== undefined) throw noSuch('price', input.price, `${path}[price]`)
    if (!input.price_data) throw missing(`${path}[price_data]`)
    if (input.quantity === undefined) throw missing(`${path}[quantity]`)
    if (input.adjustable_quantity?.enabled)
      throw badRequest('The Stripe sandbox does not support adjustable quantities.', {
        code: 'sandbox_unsupported',
        param: `${path}[adjustable_quantity]`,
      })
    return lineItemOf(world, input, input.price_data, input.quantity, path)
  })
}

function lineItemOf(
  world: World,
  input: LineItemInput,
  price: Read<typeof priceFields>,
  quantity: number,
  path: string,
): LineItem {
  const product = price.product_data
  if (!product) throw missing(`${path}[price_data][product_data]`)
  const unit =
    price.unit_amount ?? (price.unit_amount_decimal && Math.round(Number(price.unit_amount_decimal)))
  if (unit === undefined || unit === '') throw missing(`${path}[price_data][unit_amount]`)
  checkPrecision(unit, price.currency, `${path}[price_data][unit_amount]`)
  const total = unit * quantity
  return {
    id: newId('li'),
    object: 'item',
    adjustable_quantity: null,
    amount_discount: 0,
    amount_subtotal: total,
    amount_tax: 0,
    amount_total: total,
    currency: price.currency,
    description: product.name,
    metadata: changedMetadata({}, input.metadata),
    price: {
      id: newId('price'),
      object: 'price',
      active: false,
      billing_scheme: 'per_unit',
      created: world.now(),
      currency: price.currency,
      custom_unit_amount: null,
      livemode: false,
      lookup_key: null,
      metadata: {},
      nickname: null,
      product: newId('prod', 14),
      recurring: null,
      tax_behavior: price.tax_behavior ?? 'unspecified',
      tiers_mode: null,
      transform_quantity: null,
      type: 'one_time',
      unit_amount: unit,
      unit_amount_decimal: String(unit),
    },
    quantity,
  }
}

export function makeShippingRates(
  world: World,
  options: NonNullable<ReturnType<typeof shippingOptionsField.read>>,
  code: string,
): ShippingRate[] {
  return options.map((option, index) => {
    const path = `shipping_options[${index}]`
    if (option.shipping_rate !== undefined)
      throw noSuch('shipping rate', option.shipping_rate, `${path}[shipping_rate]`)
    if (!option.shipping_rate_data) throw missing(`${path}[shipping_rate_data]`)
    return shippingRateOf(world, option.shipping_rate_data, code, `${path}[shipping_rate_data]`)
  })
}

function shippingRateOf(world: World, input: ShippingRateInput, code: string, path: string): ShippingRate {
  const fixed = input.fixed_amount
  if (!fixed) throw missing(`${path}[fixed_amount]`)
  if (fixed.currency !== code)
    throw badRequest('The shipping rate must have the currency of the line items.', {
      param: `${path}[fixed_amount][currency]`,
    })
  checkPrecision(fixed.amount, code, `${path}[fixed_amount][amount]`)
  return world.objects.insert({
    id: newId('shr'),
    object: 'shipping_rate',
    active: true,
    created: world.now(),
    delivery_estimate: estimateOf(input.delivery_estimate),
    display_name: input.display_name,
    fixed_amount: { amount: fixed.amount, currency: fixed.currency },
    livemode: false,
    metadata: changedMetadata({}, input.metadata),
    tax_behavior: input.tax_behavior ?? 'unspecified',
    tax_code: input.tax_code ?? null,
    type: 'fixed_amount',
  })
}

function estimateOf(input: ShippingRateInput['delivery_estimate']): unknown {
  return input ? { maximum: input.maximum ?? null, minimum: input.minimum ?? null } : null
}
