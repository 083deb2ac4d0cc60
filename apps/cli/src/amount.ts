import {
  type Currency,
  currencySchema,
  decimalString,
  type Money,
  money,
  zero,
} from '@storewright/kernel/money'
import { UsageError } from './api.ts'

/** "89.5" EUR → 8950 cents; exact, and never more decimals than the currency has. */
export function parseAmount(text: string, currencyText: string): Money {
  const currency = currencySchema.safeParse(currencyText.toUpperCase())
  if (!currency.success)
    throw new UsageError(
      `${currencyText} is not a currency of this store: ${currencySchema.options.join(', ')}`,
    )
  const exponent = exponentOf(currency.data)
  const [, whole, decimals = ''] = /^(\d{1,12})(?:\.(\d+))?$/.exec(text) ?? []
  if (whole === undefined || decimals.length > exponent)
    throw new UsageError(
      `${text} is not an amount in ${currency.data}: it looks like ${exponent === 0 ? '1200' : decimalString(money(8950, currency.data))}`,
    )
  try {
    return money(Number(whole + decimals.padEnd(exponent, '0')), currency.data)
  } catch {
    throw new UsageError(`${text} ${currency.data} is more than any amount may be`)
  }
}

export function showMoney(value: Money): string {
  return `${decimalString(value)} ${value.currency}`
}

function exponentOf(currency: Currency): number {
  return decimalString(zero(currency)).split('.')[1]?.length ?? 0
}
