import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { adminUrlOf, openAudit } from '../harness/audit.ts'
import { newCardBuyer, openPageOf } from '../harness/card-buyer.ts'
import { stockLimitedProduct } from '../harness/limited-product.ts'
import { brokenBooks, CARDS, controlStripe, payWithoutBrowser } from '../harness/payment-page.ts'
import { freePort, type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import { newStaff, type Shopper } from '../harness/shopper.ts'
import { type StripeBeside, startStripeBeside } from '../harness/stripe-beside.ts'

const SKU = 'AT-THE-EDGE'
/** A part, so that a second refund would go through. */
const REFUND = 500

/** The shop's own patience with Stripe is 7 s: the kill must come while it still waits. */
const ARRIVES_WITHIN_MS = 6_000

interface House {
  platform: PlatformProcess
  readonly staff: Shopper
  readonly stripe: StripeBeside
}

/** A payment that is about to make the call. */
interface Subject {
  /** The call as the sandbox's faults name it; of this payment alone, wherever the path can say so. */
  readonly call: string
  /** Makes the shop send the call; answered only if the kill came too late. */
  act(): Promise<unknown>
  /** By the provider's books. A question has no effect. */
  hasHappened?(): Promise<boolean>
  /** As the person does whose answer was cut off. */
  goOn(): Promise<unknown>
}

interface Boundary {
  readonly name: string
  readonly prepare: (house: House) => Promise<Subject>
  readonly ends: 'paid' | 'nothing' | 'refunded'
}

/** Every call to Stripe that an order by card makes, and those that undo it. */
const BOUNDARIES: readonly Boundary[] = [
  { name: 'opening the page', prepare: openingPage, ends: 'paid' },
  { name: 'reading what was paid', prepare: readingState, ends: 'paid' },
  { name: 'the capture', prepare: capturing, ends: 'paid' },
  { name: 'closing the page', prepare: closingPage, ends: 'nothing' },
  { name: 'giving an authorization up', prepare: canceling, ends: 'nothing' },
  { name: 'a refund', prepare: refunding, ends: 'refunded' },
]

test('kill -9 at each call to Stripe, before and after its effect: one order and one capture, or nothing at all', {
  timeout: 300_000,
}, async t => {
  const port = await freePort()
  const stripe = await startStripeBeside(port)
  const platform = await startPlatformProcess({ port, env: stripe.env })
  const staff = await newStaff(platform.url, platform.adminLink)
  const house: House = { platform, staff, stripe }
  try {
    await stockLimitedProduct(staff, SKU, 1000)
    // Each call then has one cause, the person who is watched. That hints are enough is shown elsewhere.
    await controlStripe(stripe.url, 'webhooks', { drop: true })
    for (const effect of ['before', 'after'] as const) {
      const cutOff: Subject[] = []
      for (const boundary of BOUNDARIES)
        await t.test(`${effect} ${boundary.name}`, async () => {
          cutOff.push(await killAt(house, boundary, effect))
        })
      await Promise.all(cutOff.map(subject => subject.goOn()))
      assert.deepEqual(await brokenBooks(adminUrlOf(house.platform.dataDir), stripe.url), [])
    }
    await assertEnds(house)
  } finally {
    await house.platform.stop()
    await stripe.close()
  }
})

/** Holds the answer to one call and kills the platform while it waits for it. */
async function killAt(house: House, boundary: Boundary, effect: 'before' | 'after'): Promise<Subject> {
  const { stripe } = house
  const subject = await boundary.prepare(house)
  await controlStripe(stripe.url, 'faults', { match: subject.call, effect, answer: 'timeout' })
  const acting = subject.act().then(
    () => 'answered',
    () => 'cut off',
  )
  const deadline = Date.now() + ARRIVES_WITHIN_MS
  // A fault that is used up has been met: the call has arrived, and its effect with it.
  while ((await readJson<unknown[]>(`${stripe.url}/_sandbox/faults`)).length > 0) {
    assert.ok(Date.now() < deadline, `${subject.call} never arrived`)
    await sleep(20)
  }
  await house.platform.kill()
  assert.equal(await acting, 'cut off')
  if (subject.hasHappened) assert.equal(await subject.hasHappened(), effect === 'after')
  house.platform = await house.platform.restart()
  return subject
}

async function openingPage({ platform, stripe }: House): Promise<Subject> {
  const buyer = await newCardBuyer(platform.url, SKU)
  const sessions = async () =>
    (await stripe.ask<{ data: unknown[] }>('/v1/checkout/sessions?limit=100')).data.length
  const before = await sessions()
  return {
    call: 'POST /v1/checkout/sessions',
    act: buyer.pay,
    hasHappened: async () => (await sessions()) > before,
    goOn: buyer.untilOrdered,
  }
}

async function readingState(house: House): Promise<Subject> {
  const { buyer, sessionId } = await paidOnPage(house)
  return { call: `GET /v1/checkout/sessions/${sessionId}`, act: buyer.resume, goOn: buyer.untilOrdered }
}

async function capturing(house: House): Promise<Subject> {
  const { buyer, intentId, intent } = await paidOnPage(house)
  return {
    call: `POST /v1/payment_intents/${intentId}/capture`,
    act: buyer.resume,
    hasHappened: async () => (await intent()).status === 'succeeded',
    goOn: buyer.untilOrdered,
  }
}

async function closingPage(house: House): Promise<Subject> {
  const { buyer, sessionId } = await onPage(house)
  return {
    call: `POST /v1/checkout/sessions/${sessionId}/expire`,
    act: buyer.leave,
    hasHappened: async () => (await sessionOf(house.stripe, sessionId)).status === 'expired',
    async goOn() {
      await buyer.leave()
      await buyer.untilFailed()
    },
  }
}

/**
 * The saga gives an authorization up only when it was refused something while the shopper paid. That moment is made
 * by hand: the checkout is to be undone, and nobody has heard yet that the page was paid.
 */
async function canceling(house: House): Promise<Subject> {
  const { buyer, checkoutId, intentId, intent } = await paidOnPage(house)
  return {
    call: `POST /v1/payment_intents/${intentId}/cancel`,
    async act() {
      const failure = { code: 'payment-not-completed', detail: 'refused', during: 'awaiting-payment' }
      await query(
        house,
        `update checkout.checkout set state = 'undoing', failure = $2, lease_until = now() where checkout_id = $1`,
        [checkoutId, JSON.stringify(failure)],
      )
      await buyer.untilFailed()
    },
    hasHappened: async () => (await intent()).status === 'canceled',
    goOn: buyer.untilFailed,
  }
}

async function refunding(house: House): Promise<Subject> {
  const { buyer, checkoutId, intentId } = await paidOnPage(house)
  await buyer.untilOrdered()
  const [payment] = await query<{ payment_id: string }>(
    house,
    'select payment_id from payment.payment where checkout_id = $1',
    [checkoutId],
  )
  const key = randomUUID()
  const refund = () =>
    house.staff.send<{ state: string }>(
      'POST',
      `/admin/payments/${payment?.payment_id}/refunds`,
      { amount: { amount: REFUND, currency: 'EUR' }, reason: 'came back' },
      key,
    )
  return {
    call: 'POST /v1/refunds',
    act: refund,
    hasHappened: async () =>
      (await house.stripe.ask<{ data: unknown[] }>(`/v1/refunds?payment_intent=${intentId}`)).data.length > 0,
    async goOn() {
      const again = await refund()
      assert.deepEqual([again.status, again.body.state], [200, 'succeeded'])
    },
  }
}

/** A buyer whom the shop has sent to the provider's page. */
async function onPage(house: House) {
  const buyer = await newCardBuyer(house.platform.url, SKU)
  const { checkoutId, pageUrl } = await openPageOf(buyer)
  const [payment] = await query<{ session_id: string }>(
    house,
    'select session_id from payment.payment where checkout_id = $1',
    [checkoutId],
  )
  assert.ok(payment)
  return { buyer, checkoutId, pageUrl, sessionId: payment.session_id }
}

/** He has paid there, and has not come back. */
async function paidOnPage(house: House) {
  const page = await onPage(house)
  assert.ok(await payWithoutBrowser(page.pageUrl, CARDS.visa))
  const { payment_intent: intentId } = await sessionOf(house.stripe, page.sessionId)
  const intent = () => house.stripe.ask<{ status: string }>(`/v1/payment_intents/${intentId}`)
  return { ...page, intentId, intent }
}

function sessionOf(stripe: StripeBeside, sessionId: string) {
  return stripe.ask<{ status: string; payment_intent: string }>(`/v1/checkout/sessions/${sessionId}`)
}

/** The provider's books and our orders, by how each boundary was to end. */
async function assertEnds(house: House): Promise<void> {
  const perEffect = (ends: Boundary['ends'][]) => 2 * BOUNDARIES.filter(one => ends.includes(one.ends)).length
  const { intents } = await readJson<{
    intents: { captured: number; refunded: number; authorized: number }[]
  }>(`${house.stripe.url}/_sandbox/books`)
  const orders = await query(house, 'select order_id from "order".orders', [])
  assert.equal(orders.length, perEffect(['paid', 'refunded']))
  assert.equal(intents.filter(({ captured }) => captured > 0).length, orders.length)
  const given = intents.map(({ refunded }) => refunded).filter(refunded => refunded > 0)
  assert.deepEqual(given, Array(perEffect(['refunded'])).fill(REFUND))
  // Nobody's card was asked twice, and nobody had two pages.
  const { data: charges } = await house.stripe.ask<{ data: unknown[] }>('/v1/charges?limit=100')
  assert.equal(charges.length, intents.length)
  const { data: pages } = await house.stripe.ask<{ data: unknown[] }>('/v1/checkout/sessions?limit=100')
  assert.equal(pages.length, 2 * BOUNDARIES.length)
}

/** A connection of its own: the database ends with the platform that started it. */
async function query<Row extends object>(
  house: House,
  sql: string,
  values: readonly unknown[],
): Promise<Row[]> {
  const audit = openAudit(adminUrlOf(house.platform.dataDir))
  try {
    return await audit.query<Row>(sql, values)
  } finally {
    await audit.close()
  }
}

async function readJson<Body>(url: string): Promise<Body> {
  return (await (await fetch(url)).json()) as Body
}
