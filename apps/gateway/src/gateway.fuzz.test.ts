import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { Problem } from '@storewright/kernel/problem'
import { listen, requestListener } from '@storewright/rpc/serve'
import fc from 'fast-check'
import { EDGE_REFUSALS } from './edge-refusals.ts'
import { openapiExamples } from './openapi-examples.ts'
import { type Operation, operations } from './operations.ts'
import { TEST_API_KEY, testGateway } from './testing.ts'

const ORIGIN = 'http://localhost:3000'
const { app } = testGateway()

/** Values that parsers, validators and databases are known to stumble over. */
const nasty = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -0,
    1e308,
    -1,
    0.1,
    2 ** 53,
    '',
    '\0',
    'a\0b',
    '\ud800',
    '\u202e',
    '__proto__',
    'constructor',
    '../../etc/passwd',
    "' or 1=1 --",
    '%00',
    '%ff',
    'ord_',
    'x'.repeat(3000),
    [],
    {},
    [[[[]]]],
    { __proto__: null, toString: 1 },
    JSON.parse('{"__proto__":{"a":1}}'),
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.jsonValue({ maxDepth: 3 }),
)

/** The documented input with some fields replaced, dropped or added, at the top or one level down. */
const mutation = fc.record({
  replace: fc.dictionary(fc.constantFrom('0', '1', '2', '3', '4', '5'), nasty, { maxKeys: 3 }),
  add: fc.dictionary(
    fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('price', 'role', 'limit[]')),
    nasty,
    {
      maxKeys: 2,
    },
  ),
  nested: fc.option(nasty),
})

function mutate(input: object, { replace, add, nested }: { replace: object; add: object; nested: unknown }) {
  const entries = Object.entries(input)
  for (const [at, value] of Object.entries(replace))
    if (entries.length > 0) {
      const entry = entries[Number(at) % entries.length]
      if (entry) entry[1] = value
    }
  const inner = entries.find(([, value]) => typeof value === 'object' && value !== null)
  if (inner && nested !== null)
    inner[1] = { ...(inner[1] as object), [Object.keys(inner[1] as object)[0] ?? 'x']: nested }
  return new Map([...entries, ...Object.entries(add)])
}

function encode(value: unknown): string {
  return encodeURIComponent(
    (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).toWellFormed(),
  )
}

function requestFor(
  operation: Operation,
  input: Map<string, unknown>,
  headers: Record<string, string>,
): Request {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = input.get(name)
    input.delete(name)
    return encode(value)
  })
  const isRead = operation.method === 'GET'
  const query = isRead ? [...input].map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&') : ''
  return new Request(`${ORIGIN}/api${path}${query && `?${query}`}`, {
    method: operation.method,
    headers: { ...headers, ...(isRead ? {} : { 'content-type': 'application/json' }) },
    ...(isRead ? {} : { body: JSON.stringify(Object.fromEntries(input)) }),
  })
}

async function assertProper(response: Response, told: string): Promise<void> {
  assert.ok(response.status < 500, `${told} → ${response.status} ${await response.clone().text()}`)
  if (response.status < 400) return
  assert.equal(response.headers.get('content-type'), 'application/problem+json', told)
  const problem = (await response.json()) as Problem
  assert.equal(problem.status, response.status)
  assert.equal(problem.traceId, response.headers.get('x-request-id'))
  assert.ok(problem.type.endsWith(`#${problem.code}`) && problem.title && problem.detail, told)
  if (problem.code === 'invalid-input') {
    assert.ok(problem.errors && problem.errors.length > 0, `${told} names no field`)
    for (const error of problem.errors) assert.ok(error.field !== '' && error.message !== '', told)
  }
}

test('whatever stands in the fields, the answer is a success or a problem, never a fault', async () => {
  let refused = 0
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...operations),
      mutation,
      fc.option(fc.string({ unit: 'grapheme-ascii', maxLength: 20 })),
      async (operation, changes, key) => {
        const headers = {
          authorization: `Bearer ${TEST_API_KEY}`,
          ...(key === null ? {} : { 'idempotency-key': key }),
        }
        const request = requestFor(
          operation,
          mutate(openapiExamples[operation.id]?.input ?? {}, changes),
          headers,
        )
        const told = `${operation.id} ${request.url.slice(0, 200)}`
        const response = await app.fetch(request)
        if (response.status >= 400) refused++
        await assertProper(response, told)
      },
    ),
    { numRuns: 300 },
  )
  assert.ok(refused > 50, `only ${refused} were refused: the mutations do nothing`)
})

test('whatever bytes, headers and paths come, the answer is proper', async () => {
  const header = fc.constantFrom(
    'content-type',
    'authorization',
    'cookie',
    'origin',
    'traceparent',
    'idempotency-key',
  )
  const value = fc.oneof(
    fc.string({
      unit: fc.integer({ min: 0x20, max: 0xff }).map(code => String.fromCharCode(code)),
      maxLength: 40,
    }),
    fc.constantFrom('application/json', 'Bearer sk_', 'storewright_guest=', 'null', '00-'),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
      fc.oneof(
        fc.constantFrom(...operations.map(({ path }) => path)),
        fc.webPath(),
        fc.string({ maxLength: 30 }).map(text => `/${encodeURIComponent(text.toWellFormed())}`),
        fc.constantFrom('/%', '/%zz', '/products/%c3', '/..%2f..%2fetc', '/products/%00', '/openapi.json'),
      ),
      fc.dictionary(header, value, { maxKeys: 3 }),
      fc.uint8Array({ maxLength: 200 }),
      async (method, path, headers, body) => {
        const request = new Request(`${ORIGIN}/api${path}`, {
          method,
          headers,
          ...(method === 'GET' || method === 'HEAD' ? {} : { body }),
        })
        const response = await app.fetch(request)
        if (method === 'HEAD') assert.ok(response.status < 500)
        else await assertProper(response, `${method} ${path}`)
      },
    ),
    { numRuns: 300 },
  )
})

test('over a real connection it is the same: chunked, oversized and cut-off bodies', async () => {
  const served = await listen(requestListener(app), { port: 0, host: '127.0.0.1' })
  const base = `http://127.0.0.1:${served.port}/api`
  try {
    const send = (body: string | Uint8Array<ArrayBuffer>[]) =>
      fetch(`${base}/cart/lines`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : Readable.toWeb(Readable.from(body)),
        duplex: 'half',
        signal: AbortSignal.timeout(5_000),
      } as RequestInit)
    const chunks = (text: string, times: number) =>
      Array.from({ length: times }, () => Uint8Array.from(Buffer.from(text)))
    assert.equal((await send('{"sku":"LAMP-OAK"}')).status, 200)
    assert.equal((await send([...chunks('{"sku":', 1), ...chunks('"LAMP-OAK"}', 1)])).status, 200)
    for (const body of [
      '{"sku":"\\u0000"}',
      '{"sku"',
      `{"sku":"${'x'.repeat(70_000)}"}`,
      chunks(' '.repeat(8000), 20),
    ]) {
      const response = await send(body)
      assert.ok(response.status === 400 || response.status === EDGE_REFUSALS['body-too-large'].status)
      await assertProper(response, String(body).slice(0, 40))
    }
    const read = await fetch(`${base}/products?limit=2`)
    assert.equal(read.status, 200)
    await read.body?.cancel()
  } finally {
    await served.close()
  }
})
