import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import Stripe from 'stripe'
import { startStripeSandbox } from './sandbox.ts'
import { authorize, clientOf, control, openShop, refusalOf, SECRET_KEY, WEBHOOK_SECRET } from './test-shop.ts'

describe('an idempotency key', () => {
  const wanted = { amount: 1000, currency: 'usd' } as const

  it('gets the first reply again, whatever became of the object', async () => {
    await using shop = await openShop()
    const { stripe } = shop
    const first = await stripe.paymentIntents.create(wanted, { idempotencyKey: 'k1' })
    await stripe.paymentIntents.cancel(first.id)
    const again = await stripe.paymentIntents.create(wanted, { idempotencyKey: 'k1' })
    assert.equal(again.id, first.id)
    assert.equal(again.status, 'requires_payment_method')
    assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true')
    assert.equal((await stripe.paymentIntents.list()).data.length, 1)
  })

  it('belongs to one request', async () => {
    await using shop = await openShop()
    const { stripe } = shop
    const { id } = await stripe.paymentIntents.create(wanted, { idempotencyKey: 'k1' })
    for (const other of [
      stripe.paymentIntents.create({ ...wanted, amount: 1001 }, { idempotencyKey: 'k1' }),
      stripe.paymentIntents.cancel(id, {}, { idempotencyKey: 'k1' }),
    ]) {
      const error = await refusalOf(other)
      assert.ok(error instanceof Stripe.errors.StripeIdempotencyError)
      assert.equal(error.statusCode, 400)
    }
  })

  it('keeps a decline, but not a mistake', async () => {
    await using shop = await openShop()
    const { stripe } = shop
    const paying = () =>
      stripe.paymentIntents.create(
        {
          ...wanted,
          confirm: true,
          payment_method: 'pm_card_visa_chargeDeclined',
          automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
        },
        { idempotencyKey: 'k1' },
      )
    const [first, second] = [await refusalOf(paying()), await refusalOf(paying())]
    assert.equal(first.payment_intent?.id, second.payment_intent?.id)
    assert.equal((await stripe.charges.list()).data.length, 1)
    await refusalOf(stripe.paymentIntents.create({ ...wanted, amount: 3 }, { idempotencyKey: 'k2' }))
    await stripe.paymentIntents.create(wanted, { idempotencyKey: 'k2' })
  })

  it('is in use while its first request runs', async () => {
    await using shop = await openShop()
    const { stripe } = shop
    await shop.control('faults', { match: 'POST /v1/payment_intents', answer: 'slow', delayMs: 300 })
    const first = stripe.paymentIntents.create(wanted, { idempotencyKey: 'k1' })
    await new Promise(resolve => setTimeout(resolve, 100))
    const error = await refusalOf(stripe.paymentIntents.create(wanted, { idempotencyKey: 'k1' }))
    assert.equal(error.statusCode, 409)
    assert.equal(error.code, 'idempotency_key_in_use')
    const { id } = await first
    assert.equal((await stripe.paymentIntents.create(wanted, { idempotencyKey: 'k1' })).id, id)
  })
})

describe('faults on request', () => {
  it('before the effect nothing has happened, after it everything has', async () => {
    await using shop = await openShop()
    const { stripe } = shop
    const intent = await authorize(stripe)
    const match = 'POST /v1/payment_intents/*/capture'
    const capture = (key: string) =>
      stripe.paymentIntents.capture(intent.id, {}, { idempotencyKey: key, timeout: 200 })
    for (const answer of [500, 'timeout', 'reset']) {
      // The library repeats a request once by itself when its connection was reset.
      await shop.control('faults', { match, effect: 'before', answer, times: answer === 'reset' ? 2 : 1 })
      await refusalOf(capture('c1'))
      assert.equal((await stripe.paymentIntents.retrieve(intent.id)).status, 'requires_capture')
    }
    await shop.control('faults', { match, effect: 'after', answer: 'timeout' })
    assert.ok((await refusalOf(capture('c1'))) instanceof Stripe.errors.StripeConnectionError)
    assert.equal((await stripe.paymentIntents.retrieve(intent.id)).status, 'succeeded')
    assert.equal((await capture('c1')).status, 'succeeded')
  })

  it('a failure after the effect is replayed as a failure, as at Stripe', async () => {
    await using shop = await openShop()
    const { stripe } = shop
    const intent = await authorize(stripe)
    await shop.control('faults', {
      match: 'POST /v1/payment_intents/*/cancel',
      effect: 'after',
      answer: 500,
      times: 1,
    })
    const cancel = () => stripe.paymentIntents.cancel(intent.id, {}, { idempotencyKey: 'c1' })
    assert.equal((await refusalOf(cancel())).statusCode, 500)
    assert.equal((await refusalOf(cancel())).statusCode, 500)
    assert.equal((await stripe.paymentIntents.retrieve(intent.id)).status, 'canceled')
  })

  it('an authorization that is not captured in time ends', async () => {
    await using shop = await openShop()
    const { id } = await authorize(shop.stripe)
    await shop.control('clock', { advanceSeconds: 7 * 86_400 + 60 })
    const ended = await shop.stripe.paymentIntents.retrieve(id)
    assert.deepEqual([ended.status, ended.cancellation_reason], ['canceled', 'automatic'])
    await shop.hooks.until('charge.expired')
    await shop.hooks.until('payment_intent.canceled')
  })

  it('nonsense is refused', async () => {
    await using shop = await openShop()
    for (const [path, body] of [
      ['faults', { match: 'everything', answer: 500 }],
      ['faults', { match: 'GET /v1/account', answer: 200 }],
      ['clock', { advanceSeconds: -1 }],
      ['webhooks', { drop: 5 }],
    ] as const)
      await assert.rejects(shop.control(path, body))
  })
})

describe('a sandbox that is killed', () => {
  async function start(dir: string, hookUrl: string) {
    const main = fileURLToPath(new URL('main.ts', import.meta.url))
    const options = [
      '--dir',
      dir,
      '--secret-key',
      SECRET_KEY,
      '--webhook-url',
      hookUrl,
      '--webhook-secret',
      WEBHOOK_SECRET,
    ]
    const child = spawn(process.execPath, [main, '--port', '0', ...options], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const { port } = JSON.parse(line.toString()) as { port: number }
    return { child, port, url: `http://127.0.0.1:${port}` }
  }

  it('knows everything again and delivers what was left', async () => {
    await using shop = await openShop()
    const dir = await mkdtemp(join(tmpdir(), 'stripe-sandbox-kill-'))
    try {
      const first = await start(dir, shop.hooks.url)
      await control(first.url, 'webhooks', { delayMs: 500 })
      const intent = await authorize(clientOf(first.port))
      const key = { idempotencyKey: 'c1' }
      await clientOf(first.port).paymentIntents.capture(intent.id, {}, key)
      first.child.kill('SIGKILL')
      await once(first.child, 'exit')
      const second = await start(dir, shop.hooks.url)
      const again = await clientOf(second.port).paymentIntents.capture(intent.id, {}, key)
      assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true')
      assert.equal(again.status, 'succeeded')
      const events = await shop.hooks.until('payment_intent.succeeded')
      assert.equal((events[0]?.data.object as { id: string } | undefined)?.id, intent.id)
      second.child.stdin.end()
      const [code] = await once(second.child, 'exit')
      assert.equal(code, 0)
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  })

  it('takes no live key', async () => {
    await assert.rejects(
      startStripeSandbox({ port: 0, dir: tmpdir(), secretKey: 'sk_live_1' }),
      /test keys only/,
    )
  })
})
