import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import type { Id } from '@storewright/kernel/ids'
import { asSystem, refusalOf } from '@storewright/rpc/testing'
import { startWithStripe, until, WEBHOOK_SECRET } from './test-stripe.ts'

const OLD_SECRET = 'whsec_beforetherotation'
let shop: Awaited<ReturnType<typeof startWithStripe>>

before(async () => {
  shop = await startWithStripe({ STRIPE_WEBHOOK_SECRET: `${WEBHOOK_SECRET},${OLD_SECRET}` })
})
after(() => shop.stop())

/** As the provider signs: https://docs.stripe.com/webhooks#verify-manually */
function signed(event: object, { secret = WEBHOOK_SECRET, at = Date.now() } = {}) {
  const body = JSON.stringify(event)
  const t = Math.floor(at / 1000)
  const v1 = createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')
  return { provider: 'stripe' as const, body, signature: `t=${t},v1=${v1}` }
}

let events = 0
const paidEvent = (checkoutId: string) => ({
  id: `evt_${++events}`,
  object: 'event',
  type: 'payment_intent.amount_capturable_updated',
  data: { object: { id: `pi_${events}`, object: 'payment_intent', metadata: { checkoutId } } },
})

const receive = (webhook: ReturnType<typeof signed>) => shop.client.receiveWebhook(webhook, asSystem())
const stateOf = async (paymentId: Id<'payment'>) =>
  (await shop.client.getPayment({ paymentId }, asSystem())).state

test('makes the provider be asked: what it answers counts, not what the event says', async () => {
  const { page, payment } = await shop.open()
  // A lie: nothing was paid.
  await receive(signed(paidEvent(payment.checkoutId)))
  await shop.payOn((await shop.open()).page.url)
  assert.equal(await stateOf(payment.paymentId), 'pending')

  await shop.payOn(page.url)
  // The provider's id is not known here yet: found by the checkout in its metadata.
  await receive(signed(paidEvent(payment.checkoutId)))
  await until(async () => (await stateOf(payment.paymentId)) === 'authorized', 'the webhook is applied')
})

test('delivered five times at once and in any order changes a payment once', async () => {
  const { page, payment } = await shop.open()
  await shop.payOn(page.url)
  const [first, second] = [signed(paidEvent(payment.checkoutId)), signed(paidEvent(payment.checkoutId))]
  const answers = await Promise.all([second, first, second, first, second].map(receive))
  assert.equal(answers.filter(({ known }) => !known).length, 2)
  await until(async () => (await stateOf(payment.paymentId)) === 'authorized', 'the webhook is applied')
  assert.deepEqual(await shop.events(payment.paymentId), ['payment.authorized'])
})

test('is refused without, with a wrong, an old and a foreign signature, and when a byte changed', async () => {
  const event = paidEvent('chk_of_nobody')
  const good = signed(event)
  const bad = [
    { ...good, signature: '' },
    { ...good, signature: 'nonsense' },
    { ...good, signature: good.signature.replace(/v1=.{4}/, 'v1=0000') },
    signed(event, { secret: 'whsec_of_another_endpoint' }),
    signed(event, { at: Date.now() - 301_000 }),
    { ...good, body: good.body.replace('evt_', 'evt-') },
  ]
  for (const webhook of bad) assert.equal(await refusalOf(receive(webhook)), 'webhook-refused')
  const stored = await shop.database.query('select 1 from webhook_event where event_id = $1', [event.id])
  assert.equal(stored.length, 0)
})

test('is accepted with any active secret, so that one can be changed', async () => {
  assert.deepEqual(await receive(signed(paidEvent('chk_x'), { secret: OLD_SECRET })), { known: false })
})

test('about something that is not ours is put aside, one that cannot be applied is tried again', async () => {
  const foreign = paidEvent('chk_of_another_shop')
  await receive(signed(foreign))
  const { page, payment } = await shop.open()
  await shop.payOn(page.url)
  await shop.fault({ match: 'GET /v1/checkout/sessions/*', effect: 'before', answer: 500, times: 1 })
  const event = paidEvent(payment.checkoutId)
  await receive(signed(event))
  await until(async () => (await stateOf(payment.paymentId)) === 'authorized', 'the second try')
  const rows = await shop.database.query<{ event_id: string; attempts: number }>(
    'select event_id, attempts from webhook_event where processed_at is not null and event_id = any ($1)',
    [[foreign.id, event.id]],
  )
  assert.deepEqual(
    new Map(rows.map(({ event_id, attempts }) => [event_id, attempts])),
    new Map([
      [foreign.id, 1],
      [event.id, 2],
    ]),
  )
})

test('that never comes is not needed: the sweep finds a paid page, and a refund that was never sent', async () => {
  const { page, payment } = await shop.open()
  const { paymentId } = payment
  await shop.payOn(page.url)
  // A minute has passed.
  await shop.database.query('update payment set sweep_at = now() where payment_id = $1', [paymentId])
  await until(async () => (await stateOf(paymentId)) === 'authorized', 'the sweep')

  await shop.client.capturePayment({ paymentId }, asSystem())
  await shop.fault({ match: 'POST /v1/refunds', effect: 'before', answer: 500, times: 1 })
  await assert.rejects(shop.refund(paymentId, 700))
  await shop.database.query(`update refund set created_at = created_at - interval '1 minute'`)
  await shop.database.query('update payment set sweep_at = now() where payment_id = $1', [paymentId])
  await until(async () => {
    const { refunds } = await shop.client.getPayment({ paymentId }, asSystem())
    return refunds[0]?.state === 'succeeded'
  }, 'the sweep sends the refund')
  assert.deepEqual(await shop.books(paymentId), { ledger: 3500, provider: 3500 })
})

test('is forgotten when the provider cannot send it again', async () => {
  const [old, young] = [paidEvent('chk_old'), paidEvent('chk_young')]
  for (const event of [old, young]) await receive(signed(event))
  const find = (condition: string) =>
    shop.database.query<{ event_id: string }>(
      `select event_id from webhook_event where event_id = any ($1) and ${condition}`,
      [[old.id, young.id]],
    )
  await until(async () => (await find('processed_at is not null')).length === 2, 'both are worked off')
  await shop.database.query(
    `update webhook_event set processed_at = now() - interval '36 days' where event_id = $1`,
    [old.id],
  )
  assert.equal(await shop.service.forget?.(), false)
  assert.deepEqual(await find('true'), [{ event_id: young.id }])
})
