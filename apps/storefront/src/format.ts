import type { Market } from './markets.ts'
import type { Money } from './store-api.ts'

// Building a formatter costs some 20 µs, using one below 1 µs; a listing formats 24 prices.
const formatters = new Map<string, { format: Intl.NumberFormat; minorUnits: number }>()

/** "€68.00". Whole amounts keep their decimals so that columns of prices line up. */
export function formatPrice(value: Money, market: Market): string {
  const key = `${market.locale} ${value.currency}`
  let entry = formatters.get(key)
  if (!entry) {
    const format = new Intl.NumberFormat(market.locale, { style: 'currency', currency: value.currency })
    entry = { format, minorUnits: 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2) }
    formatters.set(key, entry)
  }
  return entry.format.format(value.amount / entry.minorUnits)
}

/** As schema.org wants it: "68.00". */
export function plainPrice(value: Money): string {
  const digits = new Intl.NumberFormat('en', {
    style: 'currency',
    currency: value.currency,
  }).resolvedOptions().maximumFractionDigits
  return (value.amount / 10 ** (digits ?? 2)).toFixed(digits ?? 2)
}

export function formatDate(instant: string, market: Market): string {
  return new Intl.DateTimeFormat(market.locale, { dateStyle: 'long', timeZone: 'UTC' }).format(
    new Date(instant),
  )
}

export function formatInstant(instant: string, market: Market): string {
  return new Intl.DateTimeFormat(market.locale, {
    dateStyle: 'medium',
    timeStyle: 'short',
    timeZone: 'UTC',
  }).format(new Date(instant))
}

/** 1900 → "19%". */
export function formatRate(basisPoints: number, market: Market): string {
  return new Intl.NumberFormat(market.locale, { style: 'percent', maximumFractionDigits: 2 }).format(
    basisPoints / 10_000,
  )
}

/** "2–4 working days". */
export function formatDays(minDays: number, maxDays: number): string {
  if (minDays === maxDays) return `${maxDays} working ${maxDays === 1 ? 'day' : 'days'}`
  return `${minDays}–${maxDays} working days`
}

export function plural(count: number, one: string, many: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
