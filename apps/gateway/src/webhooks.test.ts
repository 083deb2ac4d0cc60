import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ORPCError } from '@orpc/server'
import type { CallContext } from '@storewright/rpc/context'
import { testGateway } from './testing.ts'

const URL = 'http://localhost:3000/api/webhooks/stripe'
/** Spacing, order of keys and escapes as they came: a signature covers bytes, not meanings. */
const BODY = '{ "id":"evt_1",\n  "b": 1, "a":"\\u00e9" }'

function gateway(answer: () => object = () => ({ known: false })) {
  const seen: { input: { body: string; signature: string }; context: CallContext }[] = []
  const { app } = testGateway({
    handlers: {
      'payment.receiveWebhook': options => {
        seen.push(options)
        return answer()
      },
    },
  })
  const send = (init: RequestInit & { url?: string } = {}) =>
    app.request(init.url ?? URL, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'stripe-signature': 't=1,v1=abc' },
      body: BODY,
      ...init,
    })
  return { send, seen }
}

test('passes a webhook on byte for byte, and answers when it is stored', async () => {
  const { send, seen } = gateway()
  const answer = await send()
  assert.equal(answer.status, 204)
  assert.equal(seen[0]?.input.body, BODY)
  assert.equal(seen[0]?.input.signature, 't=1,v1=abc')
  assert.deepEqual(seen[0]?.context.actor, { kind: 'system', service: 'webhooks' })
})

test('a cookie or a key of whoever sends it counts for nothing', async () => {
  const { send, seen } = gateway()
  const headers = { authorization: 'Bearer sk_nonsense', cookie: 'guest=1', origin: 'https://elsewhere.test' }
  assert.equal((await send({ headers })).status, 204)
  assert.equal(seen[0]?.input.signature, '')
})

test('refusals and faults are problems, so that the provider sends it again', async () => {
  const refused = gateway(() => {
    throw new ORPCError('webhook-refused', { status: 400, message: 'no', defined: true })
  })
  const bad = await refused.send()
  assert.equal(bad.status, 400)
  assert.equal(((await bad.json()) as { code: string }).code, 'webhook-refused')
  const down = gateway(() => {
    throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  })
  assert.equal((await down.send()).status, 503)
})

test('only as POST, only of providers that there are, and not without end', async () => {
  const { send, seen } = gateway()
  assert.equal((await send({ method: 'GET', body: null })).status, 405)
  assert.equal((await send({ url: `${URL}x` })).status, 404)
  assert.equal((await send({ url: URL.replace('/stripe', '/') })).status, 404)
  assert.equal((await send({ body: 'x'.repeat(300_000) })).status, 413)
  assert.equal(seen.length, 0)
})
