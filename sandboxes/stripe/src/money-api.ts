import type { Charge } from './charges.ts'
import { acceptDispute, changeDispute, type Dispute, EVIDENCE_FILES, EVIDENCE_TEXTS } from './disputes.ts'
import { listFields, listObjects } from './lists.ts'
import { type Operation, operation } from './operation.ts'
import {
  changedMetadata,
  flag,
  foreign,
  hash,
  integer,
  metadata,
  oneOf,
  type Read,
  type Reader,
  text,
} from './parameters.ts'
import type { PaymentIntent } from './payment-intents.ts'
import { type Refund, refundCharge } from './refunds.ts'
import { badRequest, noSuch, refused } from './stripe-error.ts'
import type { World } from './world.ts'

const ofPayment = { ...listFields, payment_intent: text(), charge: text() } as const
const charges = { ...listFields, payment_intent: text(), ...foreign('customer', 'transfer_group') } as const

const refundFields = {
  amount: integer({ min: 1 }),
  charge: text(),
  payment_intent: text(),
  metadata,
  reason: oneOf('duplicate', 'fraudulent', 'requested_by_customer'),
  ...foreign(
    'currency',
    'customer',
    'instructions_email',
    'origin',
    'refund_application_fee',
    'reverse_transfer',
  ),
} as const

/** '' takes a text back. All of them together may have 150,000 characters at Stripe; one here. */
const evidenceText: Reader<string> = {
  read: (value, path) => (value === '' ? '' : text({ max: 150_000 }).read(value, path)),
}
const evidence = hash({
  ...Object.fromEntries(EVIDENCE_TEXTS.map(name => [name, evidenceText])),
  ...foreign('enhanced_evidence', ...EVIDENCE_FILES),
})

export const MONEY_OPERATIONS: readonly Operation[] = [
  operation('GET', '/v1/charges', charges, (world, input) =>
    listObjects(world, '/v1/charges', { type: 'charge', payment_intent: input.payment_intent }, input),
  ),
  operation(
    'GET',
    '/v1/charges/:id',
    {},
    (world, _input, id) => world.objects.demand('charge', id, 'charge').body,
  ),
  operation('POST', '/v1/refunds', refundFields, createRefund),
  operation('GET', '/v1/refunds', ofPayment, (world, input) => {
    const { payment_intent, charge } = input
    return listObjects(world, '/v1/refunds', { type: 'refund', payment_intent, charge }, input)
  }),
  operation(
    'GET',
    '/v1/refunds/:id',
    {},
    (world, _input, id) => world.objects.demand('refund', id, 'refund').body,
  ),
  operation('POST', '/v1/refunds/:id', { metadata }, (world, input, id) => {
    const { body: refund } = world.objects.demand<Refund>('refund', id, 'refund')
    refund.metadata = changedMetadata(refund.metadata, input.metadata)
    world.objects.save(refund)
    world.emit('refund.updated', refund)
    return refund
  }),
  operation('POST', '/v1/refunds/:id/cancel', {}, (world, _input, id) => {
    const { body: refund } = world.objects.demand<Refund>('refund', id, 'refund')
    throw refused(
      `You cannot cancel this refund because it has a status of ${refund.status}. Only a refund that requires action may be canceled.`,
    )
  }),
  operation('GET', '/v1/disputes', ofPayment, (world, input) => {
    const { payment_intent, charge } = input
    return listObjects(world, '/v1/disputes', { type: 'dispute', payment_intent, charge }, input)
  }),
  operation('GET', '/v1/disputes/:id', {}, (world, _input, id) => demandDispute(world, id)),
  operation('POST', '/v1/disputes/:id', { evidence, metadata, submit: flag }, (world, input, id) => {
    const dispute = demandDispute(world, id)
    changeDispute(world, dispute, {
      evidence: Object.fromEntries(
        Object.entries(input.evidence ?? {}).filter(
          (entry): entry is [string, string] => typeof entry[1] === 'string',
        ),
      ),
      metadata: changedMetadata(dispute.metadata, input.metadata),
      submit: input.submit ?? true,
    })
    return dispute
  }),
  operation('POST', '/v1/disputes/:id/close', {}, (world, _input, id) => {
    const dispute = demandDispute(world, id)
    acceptDispute(world, dispute)
    return dispute
  }),
  operation(
    'GET',
    '/v1/balance_transactions',
    { ...listFields, source: text(), type: text(), currency: text(), ...foreign('payout') },
    (world, input) =>
      listObjects(
        world,
        '/v1/balance_transactions',
        { type: 'balance_transaction', source: input.source },
        input,
        ({ type, currency }) =>
          (input.type === undefined || input.type === type) &&
          (input.currency === undefined || input.currency.toLowerCase() === currency),
      ),
  ),
  operation(
    'GET',
    '/v1/balance_transactions/:id',
    {},
    (world, _input, id) => world.objects.demand('balance_transaction', id, 'id').body,
  ),
]

function createRefund(world: World, input: Read<typeof refundFields>): Refund {
  if (input.charge === undefined && input.payment_intent === undefined)
    throw badRequest(
      'One of the following params should be provided for this request: payment_intent or charge.',
    )
  const charge = chargeToRefund(world, input)
  return refundCharge(world, charge, {
    amount: input.amount,
    reason: input.reason,
    metadata: changedMetadata({}, input.metadata),
  })
}

function chargeToRefund(world: World, input: Read<typeof refundFields>): Charge {
  if (input.charge !== undefined) {
    const { body: charge } = world.objects.demand<Charge>('charge', input.charge, 'charge')
    if (input.payment_intent !== undefined && input.payment_intent !== charge.payment_intent)
      throw noSuch('charge', input.charge, 'charge')
    return charge
  }
  const { body: intent } = world.objects.demand<PaymentIntent>(
    'payment_intent',
    input.payment_intent ?? '',
    'payment_intent',
  )
  if (intent.latest_charge === null)
    throw refused(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`, {
      code: 'payment_intent_unexpected_state',
    })
  return world.objects.get<Charge>(intent.latest_charge).body
}

function demandDispute(world: World, id: string): Dispute {
  return world.objects.demand<Dispute>('dispute', id, 'dispute').body
}
