import { decimalsOf } from './currency.ts'
import { newId, type StripeObject } from './objects.ts'
import type { World } from './world.ts'

export interface BalanceTransaction extends StripeObject {
  amount: number
  fee: number
  net: number
  type: string
  created: number
}

/** Stripe's list price in the US: 2.9% and 30 cents; a dispute costs 15 dollars. Whole currencies pay in units. */
const FEE_SHARE = 0.029
const FEE_FIXED_CENTS = 30
const DISPUTE_FEE_CENTS = 1500
/** Card payments in the US become available after two days. */
const AVAILABLE_AFTER_SECONDS = 2 * 86_400

type Kind = {
  readonly type: 'charge' | 'refund' | 'adjustment' | 'refund_failure'
  readonly category: string
  readonly fee: (amount: number, currency: string) => number
}

const KINDS = {
  charge: { type: 'charge', category: 'charge', fee: chargeFee },
  refund: { type: 'refund', category: 'refund', fee: () => 0 },
  refundFailure: { type: 'refund_failure', category: 'refund_failure', fee: () => 0 },
  dispute: { type: 'adjustment', category: 'dispute', fee: disputeFee },
  disputeReversal: {
    type: 'adjustment',
    category: 'dispute_reversal',
    fee: (amount, currency) => -disputeFee(amount, currency),
  },
} as const satisfies Record<string, Kind>

/** What happened to the account's balance. `amount` is signed: what goes to the merchant is positive. */
export function addBalanceTransaction(
  world: World,
  kind: keyof typeof KINDS,
  entry: { amount: number; currency: string; source: string; description: string | null },
): BalanceTransaction {
  const { type, category, fee: feeOf }: Kind = KINDS[kind]
  const { amount, currency, source, description } = entry
  const fee = feeOf(amount, currency)
  const detail = {
    amount: fee,
    application: null,
    currency,
    description: type === 'charge' ? 'Stripe processing fees' : 'Dispute fee',
    type: 'stripe_fee',
  }
  const created = world.now()
  return world.objects.insert({
    id: newId('txn'),
    object: 'balance_transaction',
    amount,
    available_on: created + AVAILABLE_AFTER_SECONDS,
    balance_type: 'payments',
    created,
    currency,
    description,
    exchange_rate: null,
    fee,
    fee_details: fee === 0 ? [] : [detail],
    net: amount - fee,
    reporting_category: category,
    source,
    status: 'pending',
    type,
  })
}

function chargeFee(amount: number, currency: string): number {
  return Math.min(amount, Math.round(amount * FEE_SHARE) + fixed(FEE_FIXED_CENTS, currency))
}

function disputeFee(_amount: number, currency: string): number {
  return fixed(DISPUTE_FEE_CENTS, currency)
}

/** No exchange rates here: 30 cents are 0.30 of any currency with decimals, and 30 of one without. */
function fixed(cents: number, currency: string): number {
  return decimalsOf(currency) === 3 ? cents * 10 : cents
}
