import { addBalanceTransaction, type BalanceTransaction } from './balance.ts'
import type { Charge } from './charges.ts'
import { newId, type StripeObject } from './objects.ts'
import { type PaymentMethod, testCardOf } from './payment-methods.ts'
import { refused } from './stripe-error.ts'
import type { World } from './world.ts'

export interface Dispute extends StripeObject {
  amount: number
  balance_transactions: BalanceTransaction[]
  charge: string
  created: number
  currency: string
  evidence: Record<string, unknown>
  evidence_details: { due_by: number; has_evidence: boolean; past_due: boolean; submission_count: number }
  is_charge_refundable: boolean
  metadata: Record<string, string>
  payment_intent: string
  status: string
}

/** Texts of a person; files cannot be uploaded here. */
export const EVIDENCE_TEXTS = [
  'access_activity_log',
  'billing_address',
  'cancellation_policy_disclosure',
  'cancellation_rebuttal',
  'customer_email_address',
  'customer_name',
  'customer_purchase_ip',
  'duplicate_charge_explanation',
  'duplicate_charge_id',
  'product_description',
  'refund_policy_disclosure',
  'refund_refusal_explanation',
  'service_date',
  'shipping_address',
  'shipping_carrier',
  'shipping_date',
  'shipping_tracking_number',
  'uncategorized_text',
] as const

export const EVIDENCE_FILES = [
  'cancellation_policy',
  'customer_communication',
  'customer_signature',
  'duplicate_charge_documentation',
  'receipt',
  'refund_policy',
  'service_documentation',
  'shipping_documentation',
  'uncategorized_file',
] as const

const EVIDENCE_DUE_SECONDS = 9 * 86_400
const NETWORK_REASONS: Readonly<Record<string, string>> = { fraudulent: '10.4', product_not_received: '13.1' }

/** The cardholder complains: the money goes back at once, except for an inquiry. */
export function openDispute(world: World, chargeId: string): void {
  const { body: charge } = world.objects.get<Charge>(chargeId)
  const method = world.objects.get<PaymentMethod>(charge.payment_method).body
  const { dispute: cause } = testCardOf(world, method)
  const amount = charge.amount_captured - refundedOf(charge)
  if (!cause || amount <= 0) return
  const { reason, inquiry = false } = cause
  const dispute = newDispute(world, charge, { amount, reason, inquiry, brand: method.card.brand })
  if (!inquiry) dispute.balance_transactions = [move(world, 'dispute', dispute)]
  world.objects.insert(dispute)
  charge.disputed = true
  world.objects.save(charge)
  world.emit('charge.dispute.created', dispute)
  if (!inquiry) world.emit('charge.dispute.funds_withdrawn', dispute)
}

export function changeDispute(
  world: World,
  dispute: Dispute,
  change: { evidence: Record<string, string>; metadata: Record<string, string>; submit: boolean },
): void {
  const texts = Object.keys(change.evidence)
  if (texts.length > 0 && !isOpen(dispute))
    throw refused('This dispute is already closed.', { code: 'dispute_already_closed' })
  dispute.metadata = change.metadata
  const set = texts.map(name => [name, change.evidence[name] === '' ? null : change.evidence[name]])
  dispute.evidence = { ...dispute.evidence, ...Object.fromEntries(set) }
  const details = dispute.evidence_details
  details.has_evidence = EVIDENCE_TEXTS.some(name => typeof dispute.evidence[name] === 'string')
  if (texts.length > 0 && change.submit && details.has_evidence) {
    details.submission_count++
    dispute.status = isInquiry(dispute) ? 'warning_under_review' : 'under_review'
    world.scheduleAftermath('decide-dispute', dispute.id)
  }
  world.objects.save(dispute)
  world.emit('charge.dispute.updated', dispute)
}

/** The bank's verdict on evidence, as Stripe's test mode has it: by the text. Any other text stays under review. */
export function decideDispute(world: World, disputeId: string): void {
  const { body: dispute } = world.objects.get<Dispute>(disputeId)
  if (!isOpen(dispute)) return
  const verdict = dispute.evidence.uncategorized_text
  if (verdict !== 'losing_evidence' && verdict !== 'winning_evidence') return
  if (isInquiry(dispute)) end(world, dispute, 'warning_closed')
  else if (verdict === 'losing_evidence') end(world, dispute, 'lost')
  else {
    dispute.balance_transactions = [...dispute.balance_transactions, move(world, 'disputeReversal', dispute)]
    end(world, dispute, 'won')
    world.emit('charge.dispute.funds_reinstated', dispute)
  }
}

/** The merchant gives in. */
export function acceptDispute(world: World, dispute: Dispute): void {
  if (!isOpen(dispute)) throw refused('This dispute is already closed.', { code: 'dispute_already_closed' })
  end(world, dispute, isInquiry(dispute) ? 'warning_closed' : 'lost')
}

function end(world: World, dispute: Dispute, status: string): void {
  dispute.status = status
  world.objects.save(dispute)
  world.emit('charge.dispute.closed', dispute)
}

function isOpen(dispute: Dispute): boolean {
  return /needs_response$|under_review$/.test(dispute.status)
}

function isInquiry(dispute: Dispute): boolean {
  return dispute.status.startsWith('warning_')
}

function refundedOf(charge: Charge): number {
  return Math.max(0, charge.amount_refunded - (charge.amount - charge.amount_captured))
}

function move(world: World, kind: 'dispute' | 'disputeReversal', dispute: Dispute): BalanceTransaction {
  const amount = kind === 'dispute' ? -dispute.amount : dispute.amount
  const description = kind === 'dispute' ? 'Chargeback withdrawal' : 'Chargeback reversal'
  return addBalanceTransaction(world, kind, {
    amount,
    currency: dispute.currency,
    source: dispute.id,
    description: `${description} for ${dispute.charge}`,
  })
}

function newDispute(
  world: World,
  charge: Charge,
  cause: { amount: number; reason: string; inquiry: boolean; brand: string },
): Dispute {
  const created = world.now()
  const { amount, reason, inquiry, brand } = cause
  return {
    id: newId('du'),
    object: 'dispute',
    amount,
    balance_transactions: [],
    charge: charge.id,
    created,
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: {
      ...Object.fromEntries([...EVIDENCE_TEXTS, ...EVIDENCE_FILES].map(name => [name, null])),
      enhanced_evidence: {},
    },
    evidence_details: {
      due_by: created + EVIDENCE_DUE_SECONDS,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
    } as Dispute['evidence_details'],
    is_charge_refundable: inquiry,
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    payment_method_details: {
      card: {
        brand,
        case_type: inquiry ? 'inquiry' : 'chargeback',
        network: brand,
        network_reason_code: NETWORK_REASONS[reason] ?? '10.4',
      },
      type: 'card',
    },
    reason,
    status: inquiry ? 'warning_needs_response' : 'needs_response',
  }
}
