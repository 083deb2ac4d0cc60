import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Problem } from '@storewright/kernel/problem'
import type { CallContext } from '@storewright/rpc/context'
import { operations } from './operations.ts'
import { createRouteTable } from './route-table.ts'
import { testGateway } from './testing.ts'

const ORIGIN = 'http://localhost:3000'
const json = { 'content-type': 'application/json' }
const LINE = '{"sku":"LAMP-OAK","quantity":1}'

type Init = RequestInit & { duplex?: 'half' }

async function refused(
  response: Response | Promise<Response>,
  status: number,
  code: string,
  field?: string,
): Promise<Problem> {
  const answer = await response
  const problem = (await answer.json()) as Problem
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  assert.deepEqual([answer.status, problem.code], [status, code], problem.detail)
  assert.equal(problem.status, status)
  assert.equal(problem.traceId, answer.headers.get('x-request-id'))
  if (field !== undefined) assert.equal(problem.errors?.[0]?.field, field)
  return problem
}

const { app } = testGateway()
const get = (path: string, init?: Init) => app.request(`${ORIGIN}/api${path}`, init)
const post = (path: string, body: BodyInit, headers: Record<string, string> = json) =>
  app.request(`${ORIGIN}/api${path}`, { method: 'POST', body, headers, duplex: 'half' } as Init)

test('an operation answers, with a trace id and headers that forbid framing and caching', async () => {
  const answer = await get('/products?category=lighting')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), 'application/json')
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  assert.match(answer.headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/)
  assert.match(answer.headers.get('x-request-id') ?? '', /^[0-9a-f]{32}$/)
  assert.equal(answer.headers.get('set-cookie'), null)
  assert.equal((await post('/guests', '')).status, 201)
})

test("the caller's trace goes on; a malformed one does not", async () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const traced = await get('/markets', { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } })
  assert.equal(traced.headers.get('x-request-id'), traceId)
  const bad = await get('/markets', { headers: { traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` } })
  assert.notEqual(bad.headers.get('x-request-id'), '0'.repeat(32))
})

test('path parameters are decoded once, and an encoded slash moves no boundary', () => {
  const find = createRouteTable(operations)
  for (const [sent, received] of Object.entries({
    'a%2Fb': 'a/b',
    'a%252Fb': 'a%2Fb',
    'caf%C3%A9': 'café',
  })) {
    const match = find('PUT', `/cart/lines/${sent}`)
    assert.ok(match && 'params' in match)
    assert.deepEqual(match.params, { sku: received })
  }
  assert.equal(find('PUT', '/cart/lines/a/b'), undefined)
})

test('unknown addresses are 404, known ones under another method 405 with Allow', async () => {
  for (const path of ['/nothing', '/products/', '//products', '/auth/createAdminLink', '/rpc/auth', '/'])
    await refused(get(path), 404, 'not-found')
  await refused(app.request(`${ORIGIN}/api`), 404, 'not-found')
  const answer = await get('/products', { method: 'DELETE' })
  assert.equal(answer.headers.get('allow'), 'GET, HEAD, OPTIONS')
  await refused(answer, 405, 'method-not-allowed')
  await refused(get('/openapi.json', { method: 'PUT' }), 405, 'method-not-allowed')
})

test('HEAD answers without a body, OPTIONS lists the methods', async () => {
  const head = await get('/products', { method: 'HEAD' })
  assert.deepEqual([head.status, await head.text()], [200, ''])
  const options = await get('/cart/lines', { method: 'OPTIONS' })
  assert.deepEqual([options.status, options.headers.get('allow')], [204, 'POST, OPTIONS'])
  assert.equal(options.headers.get('access-control-allow-origin'), null)
})

test('bad input of every kind is a 400 that names the field', async () => {
  await refused(get('/products?limit=x'), 400, 'invalid-input', 'limit')
  await refused(get('/products?limit=1&limit=2'), 400, 'invalid-input', 'limit')
  await refused(get('/products?limit[]=1'), 400, 'invalid-input', 'limit[]')
  await refused(get('/products?limit%5B0%5D=1'), 400, 'invalid-input', 'limit[0]')
  await refused(get('/products?__proto__=1'), 400, 'invalid-input', '__proto__')
  await refused(get('/products?constructor=1'), 400, 'invalid-input', 'constructor')
  await refused(get('/products?category=%ff'), 400, 'invalid-input', 'category')
  await refused(get('/products?cursor=a%00b'), 400, 'invalid-input', 'cursor')
  await refused(get('/search?q=%00'), 400, 'invalid-input', 'q')
  await refused(get('/search'), 400, 'invalid-input', 'q')
  await refused(get(`/products?${'a=1&'.repeat(60)}`), 400, 'invalid-input', 'query')
  await refused(get('/products/%ff'), 400, 'invalid-input', 'slug')
  await refused(get('/products/a%00b'), 400, 'invalid-input', 'slug')
  await refused(get('/orders/ord_1'), 400, 'invalid-input', 'orderId')
  await refused(post('/cart/lines?sku=A', LINE), 400, 'invalid-input', 'sku')
  const bodies = {
    '{"sku":"a\\u0000b"}': 'sku',
    '{"sku":"\\ud800"}': 'sku',
    '{"sku":"A","quantity":1e999}': 'quantity',
    '{"sku":"A","quantity":9007199254740993}': 'quantity',
    '{"sku":"A","quantity":"1"}': 'quantity',
    '{"sku":"A","__proto__":{"quantity":3}}': '__proto__',
    '{"sku":"A","price":1}': 'price',
    '{"sku":': 'body',
    '[]': 'body',
    null: 'body',
    '"text"': 'body',
    '{}': 'sku',
    '': 'sku',
    [`{"sku":${'['.repeat(20_000)}${']'.repeat(20_000)}}`]: 'body',
  }
  for (const [body, field] of Object.entries(bodies))
    await refused(post('/cart/lines', body), 400, 'invalid-input', field)
  const notUtf8 = new Uint8Array([...Buffer.from('{"sku":"'), 0xff, ...Buffer.from('"}')])
  await refused(post('/cart/lines', notUtf8), 400, 'invalid-input', 'body')
  const twice = app.request(`${ORIGIN}/api/cart/lines/A`, {
    method: 'PUT',
    body: '{"sku":"B","quantity":1}',
    headers: json,
  })
  await refused(twice, 400, 'invalid-input', 'sku')
})

test('only JSON is read', async () => {
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'application/json; charset=latin1',
    '',
  ]
  for (const type of types)
    await refused(post('/cart/lines', LINE, { 'content-type': type }), 415, 'unsupported-media-type')
  await refused(
    post('/cart/lines', LINE, { ...json, 'content-encoding': 'gzip' }),
    415,
    'unsupported-media-type',
  )
  assert.equal(
    (await post('/cart/lines', LINE, { 'content-type': 'application/json; charset=UTF-8' })).status,
    200,
  )
})

test('a body over the limit is refused, also when it comes in pieces without a length', async () => {
  const big = JSON.stringify({ sku: 'x'.repeat(70_000) })
  await refused(post('/cart/lines', big), 413, 'body-too-large')
  await refused(
    post('/cart/lines', big, { ...json, 'content-length': String(big.length) }),
    413,
    'body-too-large',
  )
  let sent = 0
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 1024
      controller.enqueue(new Uint8Array(1024).fill(32))
    },
  })
  await refused(post('/cart/lines', endless), 413, 'body-too-large')
  assert.ok(sent < 80_000, `${sent} bytes were read`)
})

test('a body that never ends is given up', async () => {
  const slow = testGateway({ limits: { bodyTimeoutMs: 30 } })
  const stuck = new ReadableStream<Uint8Array>({ start: controller => controller.enqueue(Buffer.from('{')) })
  const answer = slow.app.request(`${ORIGIN}/api/cart/lines`, {
    method: 'POST',
    body: stuck,
    headers: json,
    duplex: 'half',
  } as Init)
  await refused(answer, 408, 'request-timeout')
})

test('a call that does not answer in time is a 504, and its signal ends it', async () => {
  let signal: AbortSignal | undefined
  const own = testGateway({
    limits: { callTimeoutMs: 30 },
    handlers: {
      'product.listCategories': options => {
        signal = (options as unknown as { signal: AbortSignal }).signal
        return new Promise(() => {})
      },
    },
  })
  await refused(own.app.request(`${ORIGIN}/api/categories`), 504, 'timeout')
  assert.equal(signal?.aborted, true)
})

test('a fault says nothing about our insides, and is logged with its stack', async () => {
  const lines: string[] = []
  const own = testGateway({
    log: line => lines.push(line),
    handlers: {
      'product.listCategories': () => {
        throw new Error('relation "secret_table" does not exist')
      },
    },
  })
  const answer = await own.app.request(`${ORIGIN}/api/categories`)
  const text = await answer.clone().text()
  await refused(answer, 500, 'internal')
  assert.doesNotMatch(text, /secret_table/)
  assert.match(lines.join(''), /secret_table.*gateway\.test\.ts/)
})

test('the access log holds patterns, not what callers sent', async () => {
  const lines: string[] = []
  const own = testGateway({ log: line => lines.push(line) })
  await own.app.request(`${ORIGIN}/api/orders/ord_01kaw3v5e8f6t9r2m4x7c0d1zq?token=canary`)
  await own.app.request(`${ORIGIN}/api/canary`)
  await own.app.request(`${ORIGIN}/api/admin/claim`, {
    method: 'POST',
    body: '{"token":"canary"}',
    headers: json,
  })
  assert.equal(lines.length, 3)
  assert.doesNotMatch(lines.join(''), /canary/)
  const entry = JSON.parse(lines[0] ?? '{}') as Record<string, unknown>
  assert.deepEqual([entry.method, entry.route, entry.status], ['GET', '/orders/{orderId}', 200])
})

test('the idempotency key reaches the service; a missing or odd one is refused', async () => {
  const keys: (string | undefined)[] = []
  const own = testGateway({
    handlers: {
      'checkout.pay': ({ context }: { context: CallContext }) => {
        keys.push(context.idempotencyKey)
        throw new Error('seen')
      },
    },
  })
  const pay = (headers: Record<string, string>) =>
    own.app.request(`${ORIGIN}/api/checkout/pay`, {
      method: 'POST',
      headers: { ...json, ...headers },
      body: JSON.stringify(payInput),
    })
  await refused(pay({}), 400, 'idempotency-key-required')
  await refused(pay({ 'idempotency-key': '' }), 400, 'invalid-input', 'Idempotency-Key')
  await refused(pay({ 'idempotency-key': 'a b' }), 400, 'invalid-input', 'Idempotency-Key')
  await refused(pay({ 'idempotency-key': 'x'.repeat(256) }), 400, 'invalid-input', 'Idempotency-Key')
  await pay({ 'idempotency-key': 'order-1' })
  assert.deepEqual(keys, ['order-1'])
})

const payInput = {
  cartId: 'crt_01kaw3v5e8f6t9r2m4x7c0d1zq',
  quoteHash: 'q',
  email: 'ada@example.com',
  shippingAddress: { fullName: 'A', line1: 'B', city: 'C', postalCode: 'D', country: 'DE' },
  shippingRateId: 'standard',
  paymentMethod: 'invoice',
}

test('listed origins may read answers, without cookies; others may not', async () => {
  const own = testGateway({ config: { CORS_ORIGINS: 'https://app.example, https://other.example' } })
  const preflight = await own.app.request(`${ORIGIN}/api/cart/lines`, {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example', 'access-control-request-method': 'POST' },
  })
  assert.equal(preflight.status, 204)
  assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://app.example')
  assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /authorization/)
  assert.equal(preflight.headers.get('access-control-allow-credentials'), null)
  const evil = await own.app.request(`${ORIGIN}/api/markets`, { headers: { origin: 'https://evil.example' } })
  assert.equal(evil.headers.get('access-control-allow-origin'), null)
  assert.equal(evil.headers.get('vary'), 'Origin')
  assert.throws(() => testGateway({ config: { CORS_ORIGINS: 'app.example' } }), /CORS_ORIGINS/)
})

test('over https cookies are __Host- and browsers are told to stay there', async () => {
  const secure = testGateway({ publicUrl: 'https://shop.example' })
  const answer = await secure.app.request('https://shop.example/api/cart/lines', {
    method: 'POST',
    body: LINE,
    headers: { ...json, 'sec-fetch-site': 'same-origin' },
  })
  const cookie = answer.headers.get('set-cookie') ?? ''
  assert.match(
    cookie,
    /^__Host-storewright_guest=gst_\w+\.[\w-]+; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure$/,
  )
  assert.match(answer.headers.get('strict-transport-security') ?? '', /max-age=\d{8}/)
})
