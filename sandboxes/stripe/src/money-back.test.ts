import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type Stripe from 'stripe'
import { authorize, openShop, pay, refusalOf, type TestShop } from './test-shop.ts'

let shop: TestShop
let stripe: Stripe
before(async () => {
  shop = await openShop()
  stripe = shop.stripe
})
after(() => shop[Symbol.asyncDispose]())

describe('refunds', () => {
  it('return parts until nothing is left', async () => {
    const { id } = await pay(stripe)
    const first = await stripe.refunds.create({
      payment_intent: id,
      amount: 2000,
      metadata: { refundId: 'r1' },
    })
    assert.equal(first.status, 'succeeded')
    const more = await refusalOf(stripe.refunds.create({ payment_intent: id, amount: 3001 }))
    assert.match(more.message, /greater than unrefunded amount/)
    await stripe.refunds.create({ payment_intent: id })
    const again = await refusalOf(stripe.refunds.create({ payment_intent: id }))
    assert.equal(again.code, 'charge_already_refunded')
    const { data } = await stripe.refunds.list({ payment_intent: id })
    assert.deepEqual(
      data.map(({ amount }) => amount),
      [3000, 2000],
    )
    const transactions = await stripe.balanceTransactions.list({ source: first.id })
    assert.deepEqual(
      transactions.data.map(({ type, amount, net }) => [type, amount, net]),
      [['refund', -2000, -2000]],
    )
    const charge = await stripe.charges.retrieve(String(first.charge), { expand: ['refunds'] })
    assert.equal(charge.refunded, true)
    assert.equal(charge.refunds?.data.length, 2)
  })

  it('need captured money', async () => {
    const { id } = await authorize(stripe)
    const error = await refusalOf(stripe.refunds.create({ payment_intent: id }))
    assert.equal(error.code, 'payment_intent_unexpected_state')
    assert.equal(
      (await refusalOf(stripe.refunds.create({ payment_intent: 'pi_nope' }))).code,
      'resource_missing',
    )
    assert.equal((await refusalOf(stripe.refunds.create({}))).statusCode, 400)
  })

  it('after a partial capture return no more than was captured', async () => {
    const intent = await authorize(stripe)
    await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 1200 })
    assert.equal(
      (await refusalOf(stripe.refunds.create({ payment_intent: intent.id, amount: 1201 }))).statusCode,
      400,
    )
    assert.equal((await stripe.refunds.create({ payment_intent: intent.id })).amount, 1200)
    const [book] = await booksOf(intent.id)
    assert.deepEqual([book?.authorized, book?.captured, book?.refunded], [5000, 1200, 1200])
  })

  it('may fail later, or pend first', async () => {
    const failing = await pay(stripe, 5000, 'pm_card_refundFail')
    const refund = await stripe.refunds.create({ payment_intent: failing.id })
    assert.equal(refund.status, 'succeeded')
    const [failed] = await shop.hooks.until('refund.failed')
    assert.equal((failed?.data.object as Stripe.Refund | undefined)?.id, refund.id)
    assert.equal((await stripe.charges.retrieve(String(refund.charge))).amount_refunded, 0)
    assert.equal((await booksOf(failing.id))[0]?.refunded, 0)
    const pending = await pay(stripe, 5000, 'pm_card_pendingRefund')
    const second = await stripe.refunds.create({ payment_intent: pending.id })
    assert.equal(second.status, 'pending')
    await shop.hooks.until('refund.updated', 2)
    assert.equal((await stripe.refunds.retrieve(second.id)).status, 'succeeded')
  })

  it('of cards cannot be canceled', async () => {
    const { id } = await pay(stripe)
    const refund = await stripe.refunds.create({ payment_intent: id })
    assert.equal((await refusalOf(stripe.refunds.cancel(refund.id))).statusCode, 400)
  })
})

describe('disputes', () => {
  async function disputed(method = 'pm_card_createDispute'): Promise<Stripe.Dispute> {
    const { id } = await pay(stripe, 5000, method)
    for (;;) {
      const { data } = await stripe.disputes.list({ payment_intent: id })
      if (data[0]) return data[0]
    }
  }

  it('withdraw the money and forbid a refund', async () => {
    const dispute = await disputed()
    assert.equal(dispute.status, 'needs_response')
    assert.equal(dispute.balance_transactions[0]?.net, -6500)
    await shop.hooks.until('charge.dispute.created')
    await shop.hooks.until('charge.dispute.funds_withdrawn')
    const error = await refusalOf(stripe.refunds.create({ charge: String(dispute.charge) }))
    assert.equal(error.code, 'charge_disputed')
    assert.equal((await booksOf(String(dispute.payment_intent)))[0]?.disputed, 5000)
  })

  it('are won or lost by the evidence', async () => {
    for (const [text, status, reversals, lost] of [
      ['winning_evidence', 'won', 2, 0],
      ['losing_evidence', 'lost', 1, 5000],
    ] as const) {
      const { id, payment_intent: intent } = await disputed()
      const draft = await stripe.disputes.update(id, {
        evidence: { uncategorized_text: text },
        submit: false,
      })
      assert.equal(draft.status, 'needs_response')
      const sent = await stripe.disputes.update(id, { evidence: { uncategorized_text: text } })
      assert.equal(sent.status, 'under_review')
      await shop.hooks.until('charge.dispute.closed', status === 'won' ? 1 : 2)
      const closed = await stripe.disputes.retrieve(id)
      assert.equal(closed.status, status)
      assert.equal(closed.balance_transactions.length, reversals)
      const [book] = await booksOf(String(intent))
      assert.deepEqual([book?.disputed, book?.disputeLost], [lost, lost])
    }
    await shop.hooks.until('charge.dispute.funds_reinstated')
  })

  it('are lost by giving in, and then closed', async () => {
    const { id } = await disputed('pm_card_createDisputeProductNotReceived')
    assert.equal((await stripe.disputes.close(id)).status, 'lost')
    assert.equal((await refusalOf(stripe.disputes.close(id))).code, 'dispute_already_closed')
  })

  it('begin as inquiries that take nothing', async () => {
    const dispute = await disputed('pm_card_createDisputeInquiry')
    assert.equal(dispute.status, 'warning_needs_response')
    assert.equal(dispute.is_charge_refundable, true)
    assert.deepEqual(dispute.balance_transactions, [])
    assert.equal((await stripe.refunds.create({ charge: String(dispute.charge) })).amount, 5000)
  })
})

interface Book {
  id: string
  authorized: number
  captured: number
  refunded: number
  disputed: number
  disputeLost: number
}

async function booksOf(intent: string): Promise<Book[]> {
  const books: Book[] = []
  let after = ''
  for (;;) {
    const response = await fetch(`${shop.sandbox.url}/_sandbox/books?limit=3${after}`)
    const page = (await response.json()) as { intents: Book[]; next: string | null }
    books.push(...page.intents.filter(({ id }) => id === intent))
    if (page.next === null) return books
    after = `&after=${page.next}`
  }
}
