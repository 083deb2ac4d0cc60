import type { Reader } from './parameters.ts'
import { stringOf } from './parameters.ts'
import { badRequest } from './stripe-error.ts'

const ZERO_DECIMAL = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '))
/** Charged with three decimals, the last of which must be 0. */
const THREE_DECIMAL = new Set('bhd jod kwd omr tnd'.split(' '))
/** Have no decimals, but Stripe's amounts have two, for old times' sake: 500 krónur are 50000. */
const TWO_DECIMAL_ZEROES = new Set(['isk', 'ugx'])

/** https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts; others follow from the settlement currency. */
const MINIMUM: Readonly<Record<string, number>> = {
  usd: 50, aed: 200, aud: 50, bgn: 100, brl: 50, cad: 50, chf: 50, czk: 1500, dkk: 250, eur: 50, gbp: 30, hkd: 400,
  huf: 17_500, inr: 50, jpy: 50, mxn: 1000, myr: 200, nok: 300, nzd: 50, pln: 200, ron: 200, sek: 300, sgd: 50,
  thb: 1000, kwd: 150, bhd: 190, omr: 190, jod: 360, tnd: 1500, isk: 10_000, ugx: 200_000, krw: 700, clp: 500,
} // biome-ignore format: a table
const MINIMUM_ELSEWHERE = 50
const AMOUNT_MAX = 99_999_999

const KNOWN = new Set(Intl.supportedValuesOf('currency').map(code => code.toLowerCase()))

export const currency: Reader<string> = {
  read(value, path) {
    const code = stringOf(value, path).toLowerCase()
    if (!KNOWN.has(code)) throw badRequest(`Invalid currency: ${code}.`, { param: path })
    return code
  },
}

/** Whether Stripe would charge this much in this currency. */
export function checkAmount(
  amount: number,
  code: string,
  options: { param?: string; session?: boolean } = {},
): void {
  const { param = 'amount', session = false } = options
  checkPrecision(amount, code, param)
  const minimum = MINIMUM[code] ?? MINIMUM_ELSEWHERE
  if (amount < minimum) {
    const least = formatAmount(minimum, code)
    const message = session
      ? `The Checkout Session's total amount due must add up to at least ${least} ${code}`
      : `Amount must be at least ${least} ${code}`
    throw badRequest(message, { code: 'amount_too_small', ...(!session && { param }) })
  }
  if (amount > AMOUNT_MAX)
    throw badRequest(`Amount must be no more than ${formatAmount(AMOUNT_MAX, code)}`, {
      code: 'amount_too_large',
      param,
    })
}

export function checkPrecision(amount: number, code: string, param: string): void {
  const step = THREE_DECIMAL.has(code) ? 10 : TWO_DECIMAL_ZEROES.has(code) ? 100 : 1
  if (amount % step !== 0)
    throw badRequest(`Invalid amount: ${amount} ${code} must be divisible by ${step}.`, {
      code: 'parameter_invalid_integer',
      param,
    })
}

export function decimalsOf(code: string): number {
  return ZERO_DECIMAL.has(code) ? 0 : THREE_DECIMAL.has(code) ? 3 : 2
}

export function formatAmount(amount: number, code: string, locale = 'en'): string {
  const digits = decimalsOf(code)
  const options = { style: 'currency', currency: code, minimumFractionDigits: digits } as const
  return new Intl.NumberFormat(locale, options).format(amount / 10 ** digits)
}
