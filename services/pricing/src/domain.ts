import { AMOUNT_MAX, type Currency, type Money, money, multiplyRatio } from '@storewright/kernel/money'
import type { FieldError } from '@storewright/kernel/problem'
import type { z } from 'zod'
import type { pricingContract } from './contract.ts'

type InputOf<Operation extends keyof typeof pricingContract> = z.output<
  NonNullable<(typeof pricingContract)[Operation]['~orpc']['inputSchema']>
>
type OutputOf<Operation extends keyof typeof pricingContract> = z.output<
  NonNullable<(typeof pricingContract)[Operation]['~orpc']['outputSchema']>
>

export type NewMarket = InputOf<'setMarket'>
export type QuoteRequest = InputOf<'calculateQuote'>
export type Quote = OutputOf<'calculateQuote'>

export interface ShippingRate {
  readonly shippingRateId: string
  readonly title: string
  readonly description: string
  /** Minor units of the market's currency. */
  readonly amount: number
  /** Subtotal in minor units from which it costs nothing; null: never. */
  readonly freeFromAmount: number | null
  readonly minDays: number
  readonly maxDays: number
}

/** What a quote needs to know of a market, for one country of it. */
export interface QuoteRules {
  readonly currency: Currency
  readonly taxIncluded: boolean
  readonly taxName: string
  readonly standardRateBasisPoints: number
  readonly reducedRateBasisPoints: number
  /** In the order in which the market lists them; at least one. */
  readonly shippingRates: readonly ShippingRate[]
}

/** 100 % in basis points. */
const WHOLE = 10_000

/**
 * Totals of a cart under a market's rules, or the fields that make it impossible. Tax is rounded half to even once
 * per line and once for shipping, and every total is a sum of those: parts always add up, in whatever order.
 */
export function calculateQuote(
  rules: QuoteRules,
  request: QuoteRequest,
): { quote: Quote } | { errors: FieldError[] } {
  const errors = request.lines.flatMap((line, index) => lineErrors(rules, line, `lines.${index}`))
  if (errors.length > 0) return { errors }
  const lines = request.lines.map(line => priceLine(rules, line))
  const subtotal = total(lines.map(line => line.total.amount))
  if (subtotal > AMOUNT_MAX) return { errors: [TOO_MUCH] }

  const shippingOptions = rules.shippingRates.map(rate => shippingOption(rules.currency, rate, subtotal))
  const chosen = chooseShipping(shippingOptions, request.shippingRateId)
  if (!chosen)
    return { errors: [{ field: 'shippingRateId', message: 'is not a shipping rate of this market' }] }
  const shippingTax = taxOf(rules, chosen.price, rules.standardRateBasisPoints)
  const tax = total(lines.map(line => line.tax.amount)) + shippingTax.amount
  const sum = subtotal + chosen.price.amount + (rules.taxIncluded ? 0 : tax)
  if (sum > AMOUNT_MAX) return { errors: [TOO_MUCH] }

  const inCurrency = (amount: number) => money(amount, rules.currency)
  return {
    quote: {
      lines,
      shippingOptions,
      shippingRateId: chosen.shippingRateId,
      shippingTax,
      taxLines: groupTaxes(rules, [
        ...lines.map(line => ({ rate: line.taxRateBasisPoints, amount: line.tax.amount })),
        // Free shipping must not bring a line "19 %: 0" to a cart that holds only reduced goods.
        ...(chosen.price.amount > 0
          ? [{ rate: rules.standardRateBasisPoints, amount: shippingTax.amount }]
          : []),
      ]),
      totals: {
        subtotal: inCurrency(subtotal),
        shipping: chosen.price,
        tax: inCurrency(tax),
        total: inCurrency(sum),
        taxIncluded: rules.taxIncluded,
      },
    },
  }
}

/** Why a market cannot be as given; empty when it can. */
export function marketErrors(market: NewMarket): FieldError[] {
  return [
    ...duplicates(market.countries, 'countries', 'code', country => country.code),
    ...duplicates(market.shippingRates, 'shippingRates', 'shippingRateId', rate => rate.shippingRateId),
    ...market.shippingRates.flatMap((rate, index) =>
      rate.minDays > rate.maxDays
        ? [{ field: `shippingRates.${index}.minDays`, message: 'must not be more than maxDays' }]
        : [],
    ),
    ...(market.countries.some(country => country.code === market.defaultCountry)
      ? []
      : [{ field: 'defaultCountry', message: 'must be one of the countries' }]),
    ...(isLocale(market.locale) ? [] : [{ field: 'locale', message: 'must be a BCP 47 language tag' }]),
  ]
}

const TOO_MUCH: FieldError = { field: 'lines', message: `come to more than ${AMOUNT_MAX} minor units` }

type RequestedLine = QuoteRequest['lines'][number]

function lineErrors(rules: QuoteRules, line: RequestedLine, field: string): FieldError[] {
  const { amount, currency } = line.unitPrice
  if (currency !== rules.currency)
    return [{ field: `${field}.unitPrice.currency`, message: `must be ${rules.currency}, as the market's` }]
  if (amount < 0) return [{ field: `${field}.unitPrice.amount`, message: 'must not be negative' }]
  // BigInt: the product of two safe integers need not be one.
  if (BigInt(amount) * BigInt(line.quantity) > BigInt(AMOUNT_MAX))
    return [{ field: `${field}.quantity`, message: 'makes the line larger than any sum may be' }]
  return []
}

function priceLine(rules: QuoteRules, line: RequestedLine): Quote['lines'][number] {
  const lineTotal = money(line.unitPrice.amount * line.quantity, rules.currency)
  const rate = rateOf(rules, line.taxClass)
  return {
    sku: line.sku,
    quantity: line.quantity,
    unitPrice: line.unitPrice,
    total: lineTotal,
    tax: taxOf(rules, lineTotal, rate),
    taxRateBasisPoints: rate,
  }
}

function rateOf(rules: QuoteRules, taxClass: RequestedLine['taxClass']): number {
  switch (taxClass) {
    case 'standard':
      return rules.standardRateBasisPoints
    case 'reduced':
      return rules.reducedRateBasisPoints
    case 'zero':
      return 0
  }
}

/** Included: the part of `amount` that is tax. Not included: what comes on top of it. */
function taxOf(rules: QuoteRules, amount: Money, rateBasisPoints: number): Money {
  return multiplyRatio(amount, rateBasisPoints, rules.taxIncluded ? WHOLE + rateBasisPoints : WHOLE)
}

function shippingOption(
  currency: Currency,
  rate: ShippingRate,
  subtotal: number,
): Quote['shippingOptions'][number] {
  const free = rate.freeFromAmount !== null && subtotal >= rate.freeFromAmount
  return {
    shippingRateId: rate.shippingRateId,
    title: rate.title,
    description: rate.description,
    price: money(free ? 0 : rate.amount, currency),
    minDays: rate.minDays,
    maxDays: rate.maxDays,
  }
}

/** The one asked for; without a wish the market's first: the merchant's order says which is usual. */
function chooseShipping(
  options: Quote['shippingOptions'],
  wanted: string | undefined,
): Quote['shippingOptions'][number] | undefined {
  return wanted === undefined ? options[0] : options.find(option => option.shippingRateId === wanted)
}

/** One line per rate, highest first. All carry the country's one tax name. */
function groupTaxes(
  rules: QuoteRules,
  taxes: readonly { rate: number; amount: number }[],
): Quote['taxLines'] {
  const byRate = new Map<number, number>()
  for (const { rate, amount } of taxes) byRate.set(rate, (byRate.get(rate) ?? 0) + amount)
  return [...byRate]
    .sort(([a], [b]) => b - a)
    .map(([rateBasisPoints, amount]) => ({
      name: rules.taxName,
      rateBasisPoints,
      amount: money(amount, rules.currency),
    }))
}

/** At most 200 amounts of at most 10^12: far below 2^53. */
function total(amounts: readonly number[]): number {
  return amounts.reduce((a, b) => a + b, 0)
}

function duplicates<Item>(
  items: readonly Item[],
  list: string,
  key: string,
  keyOf: (item: Item) => string,
): FieldError[] {
  const seen = new Set<string>()
  return items.flatMap((item, index) => {
    if (seen.has(keyOf(item))) return [{ field: `${list}.${index}.${key}`, message: 'is given twice' }]
    seen.add(keyOf(item))
    return []
  })
}

function isLocale(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1
  } catch {
    return false
  }
}
