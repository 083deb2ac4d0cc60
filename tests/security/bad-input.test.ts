import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { adminUrlOf, brokenInvariants, openAudit } from '../harness/audit.ts'
import { longer } from '../harness/full-run.ts'
import { type PlatformProcess, startPlatformProcess } from '../harness/platform-process.ts'
import { newShopper, newStaff, type Shopper } from '../harness/shopper.ts'

/**
 * Every operation of the OpenAPI document, called on the real platform with its own example bent in one place:
 * whatever comes, the answer is no fault, and a refusal is a problem that says what was wrong.
 */
let platform: PlatformProcess
let staff: Shopper
let guest: Shopper
let operations: Operation[]

interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly isStaff: boolean
  readonly body: Record<string, unknown> | undefined
  readonly parameters: { readonly name: string; readonly in: string }[]
}

interface OpenApi {
  paths: Record<
    string,
    Record<
      string,
      {
        parameters?: { name: string; in: string }[]
        requestBody?: {
          content: Record<string, { example?: unknown; examples?: Record<string, { value: unknown }> }>
        }
      }
    >
  >
}

before(async () => {
  platform = await startPlatformProcess()
  staff = await newStaff(platform.url, platform.adminLink)
  guest = await newShopper(platform.url)
  const document = (await (await fetch(`${platform.url}/api/openapi.json`)).json()) as OpenApi
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Operation => {
      const media = operation.requestBody?.content['application/json']
      const example = media?.example ?? Object.values(media?.examples ?? {})[0]?.value
      return {
        method: method.toUpperCase() as Operation['method'],
        path,
        isStaff: path.includes('/admin/') && !path.endsWith('/claim'),
        body: example as Record<string, unknown> | undefined,
        parameters: operation.parameters ?? [],
      }
    }),
  )
})
after(() => platform.stop())

const HOSTILE: unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e308,
  2_147_483_647,
  2_147_483_648,
  -2_147_483_649,
  1_000_000_000_001,
  Number.MAX_SAFE_INTEGER,
  '',
  ' ',
  'x'.repeat(10_000),
  "'; drop table orders; --",
  '\u0000',
  '\ud800',
  '💥',
  '../../etc/passwd',
  '%00',
  '<script>alert(1)</script>',
  '{{7*7}}',
  'XXX',
  [],
  {},
  [null],
  { amount: -5, currency: 'EUR' },
  { amount: 1, currency: 'XXX' },
  { $gt: '' },
]

/** Replaces one value, anywhere in the tree, or adds a field that nobody knows. */
function bend(body: unknown, seed: number, hostile: unknown): unknown {
  const places: string[][] = []
  const walk = (value: unknown, path: string[]) => {
    places.push(path)
    if (value && typeof value === 'object')
      for (const [key, child] of Object.entries(value)) walk(child, [...path, key])
  }
  walk(body, [])
  places.push(['unknownField'], ['__proto__'], ['constructor'])
  const place = places[seed % places.length] ?? []
  if (place.length === 0) return hostile
  const copy = structuredClone(body ?? {}) as Record<string, unknown>
  let at: Record<string, unknown> = copy
  for (const key of place.slice(0, -1)) at = at[key] as Record<string, unknown>
  const last = place.at(-1) as string
  Object.defineProperty(at, last, { value: hostile, enumerable: true, configurable: true, writable: true })
  return copy
}

test('every operation is called as staff or guest at least once', () => {
  assert.ok(operations.length >= 25, `${operations.length} operations`)
})

test('no bent input becomes a fault; every refusal is a problem with code and trace', {
  timeout: 240_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(operations.length - 1),
      fc.nat(1000),
      fc.constantFrom(...HOSTILE),
      fc.boolean(),
      async (index, seed, hostile, bendPath) => {
        const operation = operations[index] as Operation
        const client = operation.isStaff ? staff : guest
        const text = typeof hostile === 'string' && hostile !== '' ? hostile : JSON.stringify(hostile)
        const wellFormed = text.toWellFormed()
        const path = operation.path
          .replace(/^\/api/, '')
          .replaceAll(
            /\{[^}]+\}/g,
            encodeURIComponent(bendPath ? wellFormed.slice(0, 200) : 'halo-vase') || 'x',
          )
        const query = operation.parameters
          .filter(parameter => parameter.in === 'query')
          .map(({ name }, at) => `${name}=${encodeURIComponent(at === seed % 3 ? wellFormed : '1')}`)
        const isRead = operation.method === 'GET'
        const answer = isRead
          ? await client.get(`${path}?${query.join('&')}`)
          : await client.send(operation.method, path, bend(operation.body, seed, hostile), `key-${seed}`)
        const what = `${operation.method} ${path} ${JSON.stringify(hostile)?.slice(0, 80)} → ${JSON.stringify(answer.body).slice(0, 400)}`
        assert.ok(answer.status < 500, what)
        if (answer.status < 400) return
        assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/, what)
        assert.ok(answer.body.code && answer.body.traceId && answer.body.title && answer.body.detail, what)
        assert.equal(answer.body.status, answer.status, what)
        if (answer.body.code === 'invalid-input') assert.ok(answer.body.errors?.[0]?.field, what)
      },
    ),
    { numRuns: longer(2000, 10_000) },
  )
})

test('malformed JSON, wrong types of content and huge bodies are refused by name', async () => {
  const send = (body: string, type = 'application/json') =>
    fetch(`${platform.url}/api/cart/lines`, { method: 'POST', headers: { 'content-type': type }, body })
  const codes = await Promise.all(
    [send('{"sku":'), send('{}', 'text/plain'), send(`{"sku":"${'x'.repeat(70_000)}"}`), send('[1]')].map(
      async answer => {
        const response = await answer
        return [response.status, ((await response.json()) as { code: string }).code]
      },
    ),
  )
  assert.deepEqual(
    codes.map(([status]) => status),
    [400, 415, 413, 400],
  )
})

test('nothing of all this has broken an invariant', async () => {
  const audit = openAudit(adminUrlOf(platform.dataDir))
  try {
    assert.deepEqual(await brokenInvariants(audit), [])
  } finally {
    await audit.close()
  }
})
