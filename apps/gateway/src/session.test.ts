import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem } from '@storewright/kernel/problem'
import { createSigner } from '@storewright/kernel/signed'
import type { CallContext } from '@storewright/rpc/context'
import { refusalCode } from '@storewright/rpc/refusal'
import { openapiExamples } from './openapi-examples.ts'
import { TEST_API_KEY, TEST_SECRET, testGateway } from './testing.ts'

const ORIGIN = 'http://localhost:3000'
const GUEST = 'gst_01kaw3v5e8f6t9r2m4x7c0d1zq'
const token = createSigner(TEST_SECRET, 'guest').sign(GUEST)
const cookie = `theme=dark; storewright_guest=${token}`
const bearer = (value: string) => ({ authorization: `Bearer ${value}` })

/** A gateway whose cart operations tell who called them. */
function watched(options: Parameters<typeof testGateway>[0] = {}) {
  const actors: CallContext['actor'][] = []
  const note = ({ context }: { context: CallContext }) => {
    actors.push(context.actor)
    return openapiExamples['cart.getCart']?.output
  }
  const gateway = testGateway({ ...options, handlers: { 'cart.getCart': note, 'cart.addCartLine': note } })
  const read = (headers: Record<string, string> = {}) =>
    gateway.app.request(`${ORIGIN}/api/cart`, { headers })
  const write = (headers: Record<string, string> = {}, origin = ORIGIN) =>
    gateway.app.request(`${origin}/api/cart/lines`, {
      method: 'POST',
      body: '{"sku":"A"}',
      headers: { 'content-type': 'application/json', ...headers },
    })
  return { gateway, actors, read, write }
}

async function codeOf(response: Response | Promise<Response>): Promise<string> {
  return ((await (await response).json()) as Problem).code
}

test('a reader without identity stays anonymous; a writer becomes a guest who is recognized again', async () => {
  const { actors, read, write } = watched()
  assert.equal((await read()).headers.get('set-cookie'), null)
  const [pair = ''] = ((await write()).headers.get('set-cookie') ?? '').split(';')
  await read({ cookie: pair })
  const [first, second, third] = actors
  assert.deepEqual(first, { kind: 'anonymous' })
  assert.equal(second?.kind, 'guest')
  assert.deepEqual(third, second)
})

test('a forged or foreign-purpose cookie proves nothing and hurts nobody', async () => {
  const { actors, read, write } = watched()
  const forged = [
    `${GUEST}.AAAA`,
    createSigner('another secret', 'guest').sign(GUEST),
    createSigner(TEST_SECRET, 'order-link').sign(GUEST),
    createSigner(TEST_SECRET, 'guest').sign('stf_01kaw3v5e8f6t9r2m4x7c0d1zq'),
    'x'.repeat(3000),
  ]
  for (const value of forged) assert.equal((await read({ cookie: `storewright_guest=${value}` })).status, 200)
  assert.deepEqual(new Set(actors.map(actor => actor.kind)), new Set(['anonymous']))
  assert.equal((await write({ cookie: `storewright_guest=${GUEST}.AAAA` })).status, 200)
  assert.ok(actors.at(-1)?.kind === 'guest' && JSON.stringify(actors.at(-1)) !== JSON.stringify(actors[0]))
})

test('a bearer token is the identity, and ignores no cookie of ours: both at once are refused', async () => {
  const { actors, read, write } = watched()
  await read(bearer(token))
  assert.deepEqual(actors, [{ kind: 'guest', guestId: GUEST }])
  const created = await write(bearer(token))
  assert.equal(created.headers.get('set-cookie'), null)
  const both = await read({ ...bearer(token), cookie })
  assert.equal(both.status, 400)
  assert.equal(await codeOf(both), 'credentials-conflict')
})

test('a token that is not ours is refused with a challenge', async () => {
  const { read } = watched()
  for (const value of [`${GUEST}.AAAA`, `sk_${'x'.repeat(43)}`, 'sk_short', 'nonsense']) {
    const answer = await read(bearer(value))
    assert.equal(answer.status, 401)
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/)
    assert.equal(await codeOf(answer), 'credentials-invalid')
  }
  assert.equal((await read({ authorization: 'Basic dTpw' })).status, 401)
})

test('staff operations: 401 without identity, 403 for guests, open with an API key', async () => {
  const { gateway } = watched()
  const orders = (headers: Record<string, string>) =>
    gateway.app.request(`${ORIGIN}/api/admin/orders`, { headers })
  const anonymous = await orders({})
  assert.equal(anonymous.status, 401)
  assert.match(anonymous.headers.get('www-authenticate') ?? '', /^Bearer/)
  assert.equal(await codeOf(anonymous), 'authentication-required')
  assert.equal(await codeOf(orders({ cookie })), 'forbidden')
  assert.equal(await codeOf(orders(bearer(token))), 'forbidden')
  assert.equal((await orders(bearer(TEST_API_KEY))).status, 200)
})

test('a write with the cookie needs a page of our own', async () => {
  const { write, actors } = watched()
  const refused: Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: 'http://evil.localhost:3000' },
    { 'sec-fetch-site': 'none' },
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:3001' },
    { origin: 'https://localhost:3000' },
    {},
  ]
  for (const headers of refused) {
    const answer = await write({ cookie, ...headers })
    assert.equal(answer.status, 403, JSON.stringify(headers))
    assert.equal(await codeOf(answer), 'cross-origin')
  }
  assert.equal(actors.length, 0)
  for (const headers of [{ 'sec-fetch-site': 'same-origin' }, { origin: ORIGIN }] as Record<string, string>[])
    assert.equal((await write({ cookie, ...headers })).status, 200, JSON.stringify(headers))
})

test('a foreign page cannot make a browser into a new guest either; scripts without cookies can', async () => {
  const { write } = watched()
  const planted = await write({ 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' })
  assert.equal(planted.status, 403)
  assert.equal(planted.headers.get('set-cookie'), null)
  assert.equal((await write({})).status, 200)
  assert.equal((await write({ ...bearer(token), origin: 'https://evil.example' })).status, 200)
})

test('an app on another origin may ask for a guest token: nothing of the browser takes part in it', async () => {
  const { gateway } = watched()
  const ask = (headers: Record<string, string>) =>
    gateway.app.request(`${ORIGIN}/api/guests`, { method: 'POST', headers })
  assert.equal((await ask({ origin: 'https://app.example', 'sec-fetch-site': 'cross-site' })).status, 201)
  assert.equal(await codeOf(ask({ origin: 'https://app.example', cookie })), 'cross-origin')
})

test('in development localhost and 127.0.0.1 are one shop, but only under the name that was asked', async () => {
  const { write } = watched()
  const at = 'http://127.0.0.1:3000'
  assert.equal((await write({ cookie, origin: at, host: '127.0.0.1:3000' }, at)).status, 200)
  assert.equal((await write({ cookie, origin: at, host: 'localhost:3000' })).status, 403)
  assert.equal((await write({ cookie, origin: 'http://evil.test', host: 'evil.test' })).status, 403)
  const live = watched({ publicUrl: 'http://shop.example' })
  assert.equal((await live.write({ cookie, origin: at, host: '127.0.0.1:3000' }, at)).status, 403)
})

test('pages call operations with the identity of their request, and pass on the cookie of a fresh guest', async () => {
  const { gateway, actors } = watched()
  const session = gateway.openSession(new Request(`${ORIGIN}/cart`), { remoteAddress: '192.0.2.1' })
  await session.api.cart.getCart({})
  assert.equal(session.responseHeaders().get('set-cookie'), null)
  await session.api.cart.addCartLine({ sku: 'A' }, { context: { idempotencyKey: 'k' } })
  await session.api.cart.getCart({})
  assert.deepEqual(
    actors.map(actor => actor.kind),
    ['anonymous', 'guest', 'guest'],
  )
  assert.deepEqual(actors[1], actors[2])
  assert.match(session.responseHeaders().get('set-cookie') ?? '', /^storewright_guest=gst_/)
})

test('a page is refused what a request is refused: foreign forms, NUL, missing keys, bad input, staff work', async () => {
  const { gateway, actors } = watched()
  const open = (init: RequestInit) =>
    gateway.openSession(new Request(`${ORIGIN}/cart`, init), { remoteAddress: '192.0.2.1' }).api
  const code = (call: Promise<unknown>) => call.then(() => 'done', refusalCode)
  const foreign = open({ method: 'POST', headers: { cookie, origin: 'https://evil.example' } })
  assert.equal(await code(foreign.cart.addCartLine({ sku: 'A' })), 'cross-origin')
  assert.equal(actors.length, 0)
  const own = open({ method: 'POST', headers: { cookie, origin: ORIGIN } })
  assert.equal(await code(own.cart.addCartLine({ sku: 'A\0' })), 'invalid-input')
  assert.equal(await code(own.checkout.pay({} as never)), 'idempotency-key-required')
  assert.equal(await code(own.order.listOrders({})), 'forbidden')
  const bad = await own.cart.addCartLine({ sku: 'A', quantity: 0 }).catch(error => error)
  assert.equal(bad.code, 'invalid-input')
  assert.deepEqual(bad.data, { errors: [{ field: 'quantity', message: 'must be at least 1' }] })
})

test('a key is looked up once in five seconds, and a revoked one soon stops', async () => {
  let lookups = 0
  let isRevoked = false
  let now = 1_000_000
  const { app } = testGateway({
    clock: { now: () => now },
    handlers: {
      'auth.authenticateApiKey': () => {
        lookups++
        return isRevoked ? null : { staffId: 'stf_01kaw3v5e8f6t9r2m4x7c0d1zq', permissions: ['*'] }
      },
    },
  })
  const ask = async () =>
    (await app.request(`${ORIGIN}/api/admin/orders`, { headers: bearer(TEST_API_KEY) })).status
  assert.deepEqual(await Promise.all([ask(), ask(), ask()]), [200, 200, 200])
  assert.equal(lookups, 1)
  isRevoked = true
  now += 4_999
  assert.equal(await ask(), 200)
  now += 1
  assert.equal(await ask(), 401)
  assert.equal(lookups, 2)
})

test('a password that a proxy asks for does not lock shoppers out of pages', async () => {
  const { gateway, actors } = watched()
  const headers = { authorization: 'Basic dHJpYWw6c2hvcA==', cookie }
  const session = gateway.openSession(new Request(`${ORIGIN}/cart`, { headers }), {
    remoteAddress: '192.0.2.1',
  })
  await session.api.cart.getCart({})
  assert.deepEqual(actors, [{ kind: 'guest', guestId: GUEST }])
  const api = await gateway.app.request(`${ORIGIN}/api/cart`, {
    headers: { authorization: headers.authorization },
  })
  assert.equal(await codeOf(api), 'credentials-invalid')
})

test('what staff do is logged with who did it, what shoppers do is not', async () => {
  const lines: string[] = []
  const { gateway } = watched({ log: line => lines.push(line) })
  await gateway.app.request(`${ORIGIN}/api/admin/orders`, { headers: bearer(TEST_API_KEY) })
  await gateway.app.request(`${ORIGIN}/api/cart`, { headers: { cookie } })
  assert.match(lines[0] ?? '', /"staffId":"stf_\w+"/)
  assert.doesNotMatch(lines[1] ?? '', /gst_|staffId/)
})
