import { z } from 'zod'

/**
 * An amount of money in integer minor units (cents for EUR, yen for JPY, fils for KWD).
 * ISO 4217 gives each currency's exponent. Amounts stay within Number.MAX_SAFE_INTEGER, checked at every sum.
 */
export interface Money {
  readonly amount: number
  readonly currency: Currency
}

/** ISO 4217 alphabetic code → number of minor-unit digits. */
const EXPONENTS = { EUR: 2, GBP: 2, JPY: 0, KWD: 3, USD: 2 } as const

export type Currency = keyof typeof EXPONENTS

export const currencySchema = z
  .enum(Object.keys(EXPONENTS) as [Currency, ...Currency[]])
  .describe('ISO 4217 currency code')

/** The largest amount a single sum may reach: one trillion minor units, far below 2^53. */
export const AMOUNT_MAX = 1_000_000_000_000

export const moneySchema = z
  .strictObject({
    amount: z.int().min(-AMOUNT_MAX).max(AMOUNT_MAX).describe('integer minor units'),
    currency: currencySchema,
  })
  .meta({ id: 'Money', description: 'An amount in integer minor units of its currency.' })

/**
 * The most that one unit may cost. A full cart (100 lines of 99, see cart's contract) of such units, with half of it
 * again as tax, stays below AMOUNT_MAX: no sum that a shopper can bring about is too large.
 */
export const PRICE_MAX = 50_000_000

/** What staff may set as the price of one unit. */
export const priceSchema = z
  .strictObject({
    amount: z
      .int()
      .min(0, { error: 'must not be negative' })
      .max(PRICE_MAX, { error: `must be at most ${PRICE_MAX}` })
      .describe('integer minor units'),
    currency: currencySchema,
  })
  .meta({ id: 'Price', description: 'The price of one unit, in integer minor units of its currency.' })

export function money(amount: number, currency: Currency): Money {
  if (!Number.isSafeInteger(amount) || Math.abs(amount) > AMOUNT_MAX)
    throw new RangeError(`money amount ${amount} is not an integer within ±${AMOUNT_MAX}`)
  return { amount: amount === 0 ? 0 : amount, currency }
}

export function zero(currency: Currency): Money {
  return { amount: 0, currency }
}

export function add(a: Money, b: Money): Money {
  return money(a.amount + b.amount, same(a, b))
}

/** Sum of a list; `currency` makes the empty list well defined. */
export function sum(list: readonly Money[], currency: Currency): Money {
  return list.reduce(add, zero(currency))
}

/** A whole number of units, such as a cart line's quantity. */
export function times(unit: Money, quantity: number): Money {
  if (!Number.isSafeInteger(quantity)) throw new RangeError(`quantity ${quantity} is not an integer`)
  return money(unit.amount * quantity, unit.currency)
}

/** `value × numerator ÷ denominator`, rounded half to even (IEEE 754 roundTiesToEven); exact through BigInt. */
export function multiplyRatio(value: Money, numerator: number, denominator: number): Money {
  const product = BigInt(value.amount) * BigInt(numerator)
  return money(Number(divideHalfEven(product, BigInt(denominator))), value.currency)
}

/**
 * Splits a total into parts proportional to `weights` by largest remainder: the parts always sum to the total.
 * Ties go to the earlier part. All-zero weights split evenly.
 */
export function allocate(total: Money, weights: readonly number[]): Money[] {
  if (weights.length === 0) throw new RangeError('allocate needs at least one weight')
  const all = weights.reduce((a, b) => a + b, 0)
  if (all === 0)
    return allocate(
      total,
      weights.map(() => 1),
    )
  const sign = total.amount < 0 ? -1n : 1n
  const size = BigInt(Math.abs(total.amount))
  const parts = weights.map((weight, index) => {
    const product = size * BigInt(weight)
    return { index, whole: product / BigInt(all), rest: product % BigInt(all) }
  })
  let left = size - parts.reduce((a, part) => a + part.whole, 0n)
  for (const part of [...parts].sort((a, b) => Number(b.rest - a.rest) || a.index - b.index)) {
    if (left === 0n) break
    part.whole += 1n
    left -= 1n
  }
  return parts.map(part => money(Number(sign * part.whole), total.currency))
}

/** Making a formatter costs a hundred times as much as using it. */
const formatters = new Map<string, Intl.NumberFormat>()

/** For people: "€68.00", "¥1,200". */
export function formatMoney(value: Money, locale: string): string {
  const key = `${locale}:${value.currency}`
  const formatter =
    formatters.get(key) ?? new Intl.NumberFormat(locale, { style: 'currency', currency: value.currency })
  formatters.set(key, formatter)
  return formatter.format(value.amount / 10 ** EXPONENTS[value.currency])
}

/** As a plain decimal string: "68.00", "1200", "1.250". Exact: no floating point. */
export function decimalString(value: Money): string {
  const exponent = EXPONENTS[value.currency]
  const digits = Math.abs(value.amount)
    .toString()
    .padStart(exponent + 1, '0')
  const sign = value.amount < 0 ? '-' : ''
  if (exponent === 0) return sign + digits
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`
}

function same(a: Money, b: Money): Currency {
  if (a.currency !== b.currency) throw new RangeError(`cannot combine ${a.currency} with ${b.currency}`)
  return a.currency
}

function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  if (denominator <= 0n) throw new RangeError('denominator must be positive')
  const negative = numerator < 0n
  const size = negative ? -numerator : numerator
  const whole = size / denominator
  const twiceRest = (size % denominator) * 2n
  const up = twiceRest > denominator || (twiceRest === denominator && whole % 2n === 1n)
  const rounded = up ? whole + 1n : whole
  return negative ? -rounded : rounded
}
