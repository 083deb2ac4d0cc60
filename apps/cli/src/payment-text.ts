import type { InferContractRouterOutputs } from '@orpc/contract'
import type { storeContract } from '@storewright/gateway/store-contract'
import { showMoney } from './amount.ts'
import { formatFields, formatTable } from './table.ts'

type Payment = InferContractRouterOutputs<typeof storeContract>['payment']['getPayment']

type Captured = InferContractRouterOutputs<typeof storeContract>['payment']['capturePayment']

export function captureText({ paymentId, state, capturedAmount, failure }: Captured): string {
  return `${paymentId} is ${state}: ${showMoney(capturedAmount)} taken${failure ? `: ${failure}` : ''}`
}

/** A payment and all that happened to it, for people. */
export function paymentText(payment: Payment): string {
  const fields = {
    payment: payment.paymentId,
    state: payment.state,
    method: payment.card ? `${payment.card.brand} …${payment.card.last4}` : payment.method,
    provider: [payment.provider, payment.providerReference].filter(Boolean).join(' '),
    amount: showMoney(payment.amount),
    captured: showMoney(payment.capturedAmount),
    refunded: showMoney(payment.refundedAmount),
    disputed: showMoney(payment.disputedAmount),
    'capture before': payment.captureBefore ?? '–',
    failure: payment.failure ?? '–',
  }
  const tables = [
    formatTable(
      ['REFUND', 'CREATED', 'AMOUNT', 'STATE', 'REASON', 'FAILURE'],
      payment.refunds.map(refund => [
        refund.refundId,
        refund.createdAt,
        showMoney(refund.amount),
        refund.state,
        refund.reason,
        refund.failure,
      ]),
    ),
    formatTable(
      ['DISPUTE', 'AMOUNT', 'STATE', 'REASON'],
      payment.disputes.map(({ providerReference, amount, state, reason }) => [
        providerReference,
        showMoney(amount),
        state,
        reason,
      ]),
    ),
    formatTable(
      ['LEDGER', 'AT', 'ACCOUNT', 'AMOUNT'],
      payment.ledger.map(({ kind, at, account, amount }) => [kind, at, account, showMoney(amount)]),
    ),
    formatTable(
      ['CALL', 'AT', 'STATE', 'DETAIL'],
      payment.calls.map(({ kind, at, state, detail }) => [kind, at, state, detail]),
    ),
  ]
  const lists = [payment.refunds, payment.disputes, payment.ledger, payment.calls]
  return [formatFields(fields), ...tables.filter((_, index) => lists[index]?.length)].join('\n\n')
}
