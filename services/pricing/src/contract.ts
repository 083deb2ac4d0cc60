import { countrySchema } from '@storewright/kernel/address'
import { INT4_MAX } from '@storewright/kernel/integer'
import { AMOUNT_MAX, currencySchema, moneySchema } from '@storewright/kernel/money'
import { operation, refusals } from '@storewright/rpc/contract'
import { z } from 'zod'

/** 50 %: no country taxes sales higher. */
export const TAX_BASIS_POINTS_MAX = 5_000

/** One parcel of 10,000.00: what costs more is not shipped at a rate of a table. */
export const SHIPPING_AMOUNT_MAX = 1_000_000

/** A quarter: nobody waits longer without a word. */
const SHIPPING_DAYS_MAX = 90

/** Far above what a cart may hold of one item (cart's contract says how many). */
const QUANTITY_MAX = 1_000_000

export const marketIdSchema = z.string().regex(/^[a-z]{2,10}$/, { error: 'must be a market id such as eu' })

const marketSchema = z
  .object({
    marketId: z.string(),
    name: z.string(),
    currency: currencySchema,
    locale: z.string().describe('BCP 47'),
    taxIncluded: z.boolean().describe('prices shown include tax'),
    taxNames: z.array(z.string()).describe('taxes that are charged; none when every rate is zero'),
    countries: z.array(z.object({ code: countrySchema, name: z.string() })),
    defaultCountry: countrySchema,
  })
  .meta({ id: 'Market' })

export const taxLineSchema = z
  .object({
    name: z.string(),
    rateBasisPoints: z.int().describe('1900 = 19 %'),
    amount: moneySchema,
  })
  .meta({ id: 'TaxLine' })

export const shippingOptionSchema = z
  .object({
    shippingRateId: z.string(),
    title: z.string(),
    description: z.string(),
    price: moneySchema,
    minDays: z.int(),
    maxDays: z.int(),
  })
  .meta({ id: 'ShippingOption' })

export const totalsSchema = z
  .object({
    subtotal: moneySchema,
    shipping: moneySchema,
    tax: moneySchema,
    total: moneySchema,
    taxIncluded: z
      .boolean()
      .describe('true: tax is part of subtotal and shipping; false: it is added to them'),
  })
  .meta({ id: 'Totals' })

const pricedLineSchema = z.object({
  sku: z.string(),
  quantity: z.int(),
  unitPrice: moneySchema,
  total: moneySchema,
  tax: moneySchema,
  taxRateBasisPoints: z.int(),
})

export const pricingContract = {
  listMarkets: operation
    .meta({ access: 'public', rateClass: 'read' })
    .route({
      method: 'GET',
      path: '/markets',
      tags: ['Catalog'],
      summary: 'List markets with their currency and countries',
    })
    .input(z.strictObject({}).optional())
    .output(z.object({ items: z.array(marketSchema) })),

  setMarket: operation
    .meta({ access: 'staff', rateClass: 'write' })
    .route({
      method: 'PUT',
      path: '/admin/markets/{marketId}',
      tags: ['Staff'],
      summary: 'Create or change a market: currency, countries with tax rates, shipping rates',
    })
    .input(
      z.strictObject({
        marketId: marketIdSchema,
        name: z.string().min(1).max(60),
        currency: currencySchema,
        locale: z.string().min(2).max(20),
        taxIncluded: z.boolean(),
        defaultCountry: countrySchema,
        countries: z
          .array(
            z.strictObject({
              code: countrySchema,
              name: z.string().min(1).max(60),
              taxName: z.string().min(1).max(40),
              standardRateBasisPoints: z.int().min(0).max(TAX_BASIS_POINTS_MAX),
              reducedRateBasisPoints: z.int().min(0).max(TAX_BASIS_POINTS_MAX),
            }),
          )
          .min(1)
          .max(250),
        shippingRates: z
          .array(
            z.strictObject({
              shippingRateId: z.string().regex(/^[a-z0-9-]{1,40}$/),
              title: z.string().min(1).max(60),
              description: z.string().max(200),
              amount: z.int().min(0).max(SHIPPING_AMOUNT_MAX),
              freeFromAmount: z
                .int()
                .min(0)
                .max(AMOUNT_MAX)
                .nullable()
                .describe('subtotal from which it costs nothing'),
              minDays: z.int().min(0).max(SHIPPING_DAYS_MAX),
              maxDays: z.int().min(0).max(SHIPPING_DAYS_MAX),
            }),
          )
          .min(1)
          .max(20),
      }),
    )
    .output(z.object({ marketId: z.string() }))
    .errors({ ...refusals.invalid }),

  /** The one place where totals are computed. Pure but for reading rates: the same input gives the same answer. */
  calculateQuote: operation
    .meta({ access: 'internal' })
    .input(
      z.strictObject({
        marketId: marketIdSchema,
        country: countrySchema,
        shippingRateId: z.string().max(40).optional().describe("the market's first when left out"),
        lines: z
          .array(
            z.strictObject({
              sku: z.string(),
              quantity: z.int().min(1).max(QUANTITY_MAX),
              unitPrice: moneySchema,
              taxClass: z.enum(['standard', 'reduced', 'zero']),
              weightGrams: z.int().min(0).max(INT4_MAX),
            }),
          )
          .min(1)
          .max(200),
      }),
    )
    .output(
      z.object({
        lines: z.array(pricedLineSchema),
        shippingOptions: z.array(shippingOptionSchema),
        shippingRateId: z.string(),
        shippingTax: moneySchema,
        taxLines: z.array(taxLineSchema),
        totals: totalsSchema,
      }),
    )
    .errors({ ...refusals.invalid }),
}
