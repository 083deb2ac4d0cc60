import type { pricingContract } from '@storewright/pricing/contract'
import type { z } from 'zod'

export type DemoMarket = z.input<NonNullable<(typeof pricingContract.setMarket)['~orpc']['inputSchema']>>

/** Standard and reduced VAT in percent, as of 2026; reduced is the rate of books. Examples: check before you sell. */
const EUROPE = [
  ['AT', 'Austria', 20, 10],
  ['BE', 'Belgium', 21, 6],
  ['DE', 'Germany', 19, 7],
  ['ES', 'Spain', 21, 4],
  ['FI', 'Finland', 25.5, 13.5],
  ['FR', 'France', 20, 5.5],
  ['IE', 'Ireland', 23, 0],
  ['IT', 'Italy', 22, 4],
  ['LU', 'Luxembourg', 17, 3],
  ['NL', 'Netherlands', 21, 9],
  ['PT', 'Portugal', 23, 6],
  ['SE', 'Sweden', 25, 6],
] as const

export const demoMarkets: readonly DemoMarket[] = [
  {
    marketId: 'eu',
    name: 'Europe',
    currency: 'EUR',
    locale: 'en-IE',
    taxIncluded: true,
    defaultCountry: 'DE',
    countries: EUROPE.map(([code, name, standard, reduced]) => ({
      code,
      name,
      taxName: 'VAT',
      standardRateBasisPoints: standard * 100,
      reducedRateBasisPoints: reduced * 100,
    })),
    shippingRates: shippingRates({ standard: 590, freeFrom: 9000, express: 1490, pickup: 350 }),
  },
  {
    marketId: 'us',
    name: 'United States',
    currency: 'USD',
    locale: 'en-US',
    taxIncluded: false,
    defaultCountry: 'US',
    countries: [
      {
        code: 'US',
        name: 'United States',
        taxName: 'Sales tax',
        // Depends on state, county and goods, and is due only where a seller has nexus.
        standardRateBasisPoints: 0,
        reducedRateBasisPoints: 0,
      },
    ],
    shippingRates: shippingRates({ standard: 790, freeFrom: 10_000, express: 2490, pickup: 490 }),
  },
  {
    marketId: 'uk',
    name: 'United Kingdom',
    currency: 'GBP',
    locale: 'en-GB',
    taxIncluded: true,
    defaultCountry: 'GB',
    countries: [
      {
        code: 'GB',
        name: 'United Kingdom',
        taxName: 'VAT',
        standardRateBasisPoints: 2000,
        reducedRateBasisPoints: 500,
      },
    ],
    shippingRates: shippingRates({ standard: 490, freeFrom: 8000, express: 1290, pickup: 290 }),
  },
]

/** Minor units. */
function shippingRates(price: { standard: number; freeFrom: number; express: number; pickup: number }) {
  return [
    {
      shippingRateId: 'standard',
      title: 'Standard',
      description: 'To your door, with tracking.',
      amount: price.standard,
      freeFromAmount: price.freeFrom,
      minDays: 2,
      maxDays: 4,
    },
    {
      shippingRateId: 'express',
      title: 'Express',
      description: 'To your door on the next working days.',
      amount: price.express,
      freeFromAmount: null,
      minDays: 1,
      maxDays: 2,
    },
    {
      shippingRateId: 'pickup-point',
      title: 'Pickup point',
      description: 'To a parcel shop or locker near you.',
      amount: price.pickup,
      freeFromAmount: price.freeFrom,
      minDays: 3,
      maxDays: 5,
    },
  ]
}
