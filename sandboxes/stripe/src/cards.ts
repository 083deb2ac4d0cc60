import { createHash } from 'node:crypto'

export interface Decline {
  readonly code: string
  readonly declineCode: string
  readonly message: string
}

export interface CardBehavior {
  readonly decline?: Decline
  /** 3-D Secure; a decline, if any, comes after it. */
  readonly authenticates?: boolean
  readonly dispute?: { readonly reason: string; readonly inquiry?: boolean }
  readonly refunds?: 'fail' | 'pend'
}

export interface TestCard extends CardBehavior {
  readonly number: string
  /** After `pm_card_`; the first is the one in Stripe's present documentation. */
  readonly names: readonly string[]
  readonly brand: string
  readonly shows: string
}

const declined = (
  declineCode: string,
  message = 'Your card was declined.',
  code = 'card_declined',
): Decline => ({
  code,
  declineCode,
  message,
})
const INSUFFICIENT = declined('insufficient_funds', 'Your card has insufficient funds.')
const GENERIC = declined('generic_decline')

const card = (number: string, names: string, shows: string, behavior: CardBehavior = {}): TestCard => ({
  number,
  names: names.split(' '),
  brand: brandOf(number),
  shows,
  ...behavior,
})

/** https://docs.stripe.com/testing, as far as cards and this sandbox go. */
export const TEST_CARDS: readonly TestCard[] = [
  card('4242424242424242', 'visa', 'Pays'),
  card('4000056655665556', 'visa_debit', 'Pays (debit)'),
  card('5555555555554444', 'mastercard', 'Pays'),
  card('378282246310005', 'amex', 'Pays'),
  card('6011111111111117', 'discover', 'Pays'),
  card('3566002020360505', 'jcb', 'Pays'),
  card('4000000000000077', 'bypassPending', 'Pays'),
  card('4000000000000002', 'visa_chargeDeclined chargeDeclined', 'Declined', { decline: GENERIC }),
  card(
    '4000000000009995',
    'visa_chargeDeclinedInsufficientFunds chargeDeclinedInsufficientFunds',
    'Declined: insufficient funds',
    { decline: INSUFFICIENT },
  ),
  card('4000000000009987', 'visa_chargeDeclinedLostCard', 'Declined: lost', {
    decline: declined('lost_card'),
  }),
  card('4000000000009979', 'visa_chargeDeclinedStolenCard', 'Declined: stolen', {
    decline: declined('stolen_card'),
  }),
  card('4000000000000069', 'chargeDeclinedExpiredCard', 'Declined: expired', {
    decline: declined('expired_card', 'Your card has expired.', 'expired_card'),
  }),
  card('4000000000000127', 'chargeDeclinedIncorrectCvc', 'Declined: wrong CVC', {
    decline: declined('incorrect_cvc', "Your card's security code is incorrect.", 'incorrect_cvc'),
  }),
  card('4000000000000119', 'chargeDeclinedProcessingError', 'Declined: processing error', {
    decline: declined(
      'processing_error',
      'An error occurred while processing your card. Try again in a little bit.',
      'processing_error',
    ),
  }),
  card('4000000000006975', 'visa_chargeDeclinedVelocityLimitExceeded', 'Declined: too often', {
    decline: declined(
      'card_velocity_exceeded',
      'Your card was declined for making repeated attempts too frequently or exceeding its amount limit.',
    ),
  }),
  card('4100000000000019', 'radarBlock', 'Blocked as fraud', { decline: declined('fraudulent') }),
  card('4000000000003220', 'threeDSecure2Required', '3-D Secure', { authenticates: true }),
  card('4000000000003063', 'threeDSecureRequired', '3-D Secure', { authenticates: true }),
  card('4000002760003184', 'authenticationRequired', '3-D Secure', { authenticates: true }),
  card('4000008400001629', 'threeDSecureRequiredChargeDeclined', '3-D Secure, then declined', {
    authenticates: true,
    decline: GENERIC,
  }),
  card(
    '4000008260003178',
    'authenticationRequiredChargeDeclinedInsufficientFunds',
    '3-D Secure, then insufficient funds',
    { authenticates: true, decline: INSUFFICIENT },
  ),
  card('4000000000000259', 'createDispute', 'Pays, then disputed as fraud', {
    dispute: { reason: 'fraudulent' },
  }),
  card('4000000000002685', 'createDisputeProductNotReceived', 'Pays, then disputed as not received', {
    dispute: { reason: 'product_not_received' },
  }),
  card('4000000000001976', 'createDisputeInquiry', 'Pays, then an inquiry', {
    dispute: { reason: 'fraudulent', inquiry: true },
  }),
  card('4000000000007726', 'pendingRefund', 'Pays; refunds pend first', { refunds: 'pend' }),
  card('4000000000005126', 'refundFail', 'Pays; refunds fail later', { refunds: 'fail' }),
]

const LIVE_CARD = declined(
  'test_mode_live_card',
  'Your card was declined. Your request was in test mode, but used a non test card.',
)

export function cardByName(name: string): TestCard | undefined {
  return TEST_CARDS.find(({ names }) => names.includes(name))
}

/** Any other number is refused as Stripe's test mode refuses it; nothing but its last four digits is kept. */
export function cardByNumber(number: string): TestCard {
  return (
    TEST_CARDS.find(each => each.number === number) ?? {
      ...card(number, '', 'Declined: not a test card', { decline: LIVE_CARD }),
      number: `000000000000${number.slice(-4)}`,
    }
  )
}

export function hasCheckDigit(number: string): boolean {
  let sum = 0
  for (let index = 0; index < number.length; index++) {
    const digit = Number(number[number.length - 1 - index])
    sum += index % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2
  }
  return /^\d{13,19}$/.test(number) && sum % 10 === 0
}

export function fingerprintOf(number: string): string {
  return createHash('sha256')
    .update(`sandbox ${number}`)
    .digest('base64url')
    .replace(/[-_]/g, '0')
    .slice(0, 16)
}

function brandOf(number: string): string {
  if (/^3[47]/.test(number)) return 'amex'
  if (/^(5[1-5]|2[2-7])/.test(number)) return 'mastercard'
  if (/^6011|^65/.test(number)) return 'discover'
  return /^35/.test(number) ? 'jcb' : /^4/.test(number) ? 'visa' : 'unknown'
}
